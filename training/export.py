"""Writes the trained models into the package as ONNX files of eight bits, with their SHA-256 in the code.

python -m training.export --judge judge.npz --acts acts.npz
"""

import argparse
import hashlib
import re
import shutil
from pathlib import Path

import numpy as np

from training import graphs, minilm

PACKAGE = Path(__file__).parents[1] / "src/callgenie/understanding"
FILES = ("encoder.onnx", "judge.onnx")


def pin(file: str, sha256: str) -> None:
    """Write a file's checksum into the module that loads it."""
    path = PACKAGE / "models.py"
    source = path.read_text("utf-8")
    path.write_text(re.sub(rf'("{re.escape(file)}": )"[0-9a-f]{{64}}"', rf'\1"{sha256}"', source), "utf-8")


def load(path: Path) -> dict:
    """Return parameters as `save` wrote them."""
    with np.load(path, allow_pickle=True) as file:
        return file["params"].item()


def save(params: dict, path: Path) -> None:
    """Write parameters, as numpy arrays, to a file for `load`."""

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(plain(each) for each in value)
        return np.asarray(value)

    np.savez(path, params=np.array(plain(params), dtype=object))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--acts", type=Path, required=True)
    options = parser.parse_args()
    folder = PACKAGE / "weights"
    folder.mkdir(exist_ok=True)
    tensors = minilm.load_tensors()
    layers = [minilm.layer_params(tensors, at) for at in range(minilm.LAYERS)]
    graphs.encoder(tensors, layers, minilm.FROZEN, load(options.acts), folder / "encoder.onnx")
    graphs.judge(load(options.judge), minilm.APART, folder / "judge.onnx")
    shutil.copyfile(minilm.folder() / "tokenizer.json", folder / "tokenizer.json")
    for file in FILES:
        sha256 = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        pin(file, sha256)
        print(f"{file}: {(folder / file).stat().st_size / 1e6:.1f} MB, SHA-256 {sha256}")


if __name__ == "__main__":
    main()
