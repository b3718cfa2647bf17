"""Encoder: token embeddings, a sentence vector and dialogue acts of each text, in one pass of `encoder.onnx`.

The encoder is all-MiniLM-L6-v2: vectors of sentences about the same topic are close. The act classifier continues from
the states after its lower three layers with fine-tuned copies of its upper three; the answer judge has all its layers
to itself and begins with the embeddings. Source: Reimers and Gurevych, Sentence-BERT (2019), and the model card of
sentence-transformers/all-MiniLM-L6-v2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import tokenizers
from numpy.typing import NDArray

from callgenie.understanding.acts import Act
from callgenie.understanding.models import WIDTH, load_session

# The model was trained on 128 tokens; nobody asks a longer question in one breath.
_TOKENS_MAX: Final = 128

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder makes of one text.

    Attributes:
        embedded: Embeddings of the tokens at their places, (N, D).
        vector: The sentence vector, (D,), of length 1.
        acts: The probability of each dialogue act; they add up to 1.
    """

    embedded: Array
    vector: Array
    acts: dict[Act, float]


class Encoder:
    """The model, loaded once. Safe to use from several threads.

    Attributes:
        width: How many numbers a vector has.
    """

    width: Final = WIDTH

    def __init__(self, folder: Path) -> None:
        self._session = load_session(folder / "encoder.onnx")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_TOKENS_MAX)

    def tokens(self, text: str, then: str = "") -> tuple[list[int], int]:
        """Return the token ids of a text, followed by those of a second one, and how many belong to the first."""
        first = self._tokenizer.encode(text).ids
        if not then:
            return first, len(first)
        both = (first + self._tokenizer.encode(then).ids[1:])[:_TOKENS_MAX]
        return both, min(len(first), len(both))

    def encode(self, texts: Sequence[Sequence[int]]) -> list[Encoded]:
        """Return what the tokens of each text mean.

        Each passes alone: activations are quantised over all that passes at once, so that a companion, or padding,
        would move the result.
        """
        return [self._encoded(np.asarray([tokens], np.int64)) for tokens in texts]

    def _encoded(self, ids: NDArray[np.int64]) -> Encoded:
        feeds = {"ids": ids, "mask": np.ones(ids.shape, np.float32)}
        embedded, vectors, acts = self._session.run(["embedded", "vector", "acts"], feeds)
        return Encoded(embedded[0], vectors[0], dict(zip(Act, map(float, acts[0]), strict=True)))
