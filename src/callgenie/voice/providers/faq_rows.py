"""What is known of FAQs as vectors: computed a few at a time, and remembered from call to call, one FAQ as a whole."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callgenie.voice.providers.minilm import SentenceVectors, Vector

# 20,000 rows of 1.5 KB: the FAQs of 200 businesses that expect 40 questions each. Single texts would be forgotten
# round by round as soon as one more business calls in than fits; of whole FAQs only the one that waited longest goes.
_BYTES_MAX: Final = 30_000_000

# A question by itself, and the same question with its answer.
AskedAs = tuple[str, str]


class FaqRows:
    """The vectors of one FAQ: a row for each question alone, then a row for each with its answer.

    Rows that are not learnt yet are zero, and so close to nothing.
    """

    def __init__(self, vectors: SentenceVectors, asked: Sequence[AskedAs]) -> None:
        self._vectors = vectors
        self._texts = [question for question, _ in asked] + [f"{question} {answer}" for question, answer in asked]
        self._rows = np.zeros((len(self._texts), vectors.width), np.float32)
        self._learnt = np.zeros(len(self._texts), np.bool_)
        self._questions = len(asked)

    @property
    def alone(self) -> NDArray[np.float32]:
        """The rows of the questions."""
        return self._rows[: self._questions]

    @property
    def joint(self) -> NDArray[np.float32]:
        """The rows of the questions with their answers."""
        return self._rows[self._questions :]

    @property
    def nbytes(self) -> int:
        """How much memory the rows take."""
        return self._rows.nbytes

    def questions(self) -> range:
        """Return the places of the questions alone."""
        return range(self._questions)

    def everything(self) -> range:
        """Return all places, the questions alone first."""
        return range(len(self._learnt))

    def near(self, vector: Vector, count: int) -> list[int]:
        """Return the places, with their answers, of the `count` questions that are the closest."""
        closest = np.argsort(self.alone @ vector)[::-1][:count]
        return [self._questions + int(at) for at in closest]

    def missing(self, places: Iterable[int]) -> list[int]:
        """Return those of the places that are not learnt yet."""
        return [at for at in places if not self._learnt[at]]

    def learn(self, places: Iterable[int]) -> None:
        """Compute what is missing at the places; it takes a hundredth of a second or more for each."""
        missing = self.missing(places)
        if not missing:
            return
        self._rows[missing] = self._vectors.vectors([self._texts[at] for at in missing])
        self._learnt[missing] = True
        if self._learnt.all():
            self._texts = []  # only the rows are needed from now on


class FaqMemory:
    """The rows of the FAQs that were asked for last. Not for use from several threads."""

    def __init__(self, vectors: SentenceVectors) -> None:
        self._vectors = vectors
        self._remembered: OrderedDict[bytes, FaqRows] = OrderedDict()
        self._bytes = 0

    def rows(self, asked: Sequence[AskedAs]) -> FaqRows:
        """Return the rows of a FAQ, with what was learnt of them already."""
        key = hashlib.blake2b(json.dumps(asked).encode(), digest_size=16).digest()
        rows = self._remembered.get(key)
        if rows is None:
            rows = self._remembered[key] = FaqRows(self._vectors, asked)
            self._bytes += rows.nbytes
        self._remembered.move_to_end(key)
        while self._bytes > _BYTES_MAX and len(self._remembered) > 1:
            _, forgotten = self._remembered.popitem(last=False)
            self._bytes -= forgotten.nbytes
        return rows
