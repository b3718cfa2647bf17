"""The packaged models: their files, checksums, and how they are loaded.

`training/` makes them and writes the checksums below; `weights/README.md` says from what.
"""

from pathlib import Path
from typing import Final

import onnxruntime

from callgenie.kernel.weights import Weights

# The files come with the package, whatever folder the operator keeps models of wheels in.
WEIGHTS: Final = Weights(
    name="understanding",
    requirement="callgenie",
    package="callgenie.understanding",
    folder="weights",
    sha256={
        "encoder.onnx": "618146a55ff863ac17e203f37c76c4698a59c67ac83ce1f28a5716e2ba5ef010",
        "judge.onnx": "0f2d76b62923e04bb3f4402d48b345e8c219804a639fbea67968c0f828a9af9b",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
)

WIDTH: Final = 384
HEADS: Final = 12
HEAD_WIDTH: Final = WIDTH // HEADS


def locate() -> Path:
    """Return the folder of the files, checked.

    Raises:
        VoiceModelMissingError: A file is not there.
        VoiceModelDamagedError: A file is not the one this version was made with.
    """
    return WEIGHTS.locate(None)


def load_session(path: Path) -> onnxruntime.InferenceSession:
    """Return a session that computes in the calling thread alone: calls share cores, they do not fight for them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
