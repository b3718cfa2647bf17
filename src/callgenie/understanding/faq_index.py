"""FAQ index: retrieval of the entries that may answer an utterance, and the judge's probability for each.

Vectors and judge states are computed a few entries at a time and kept from call to call, one FAQ as a whole.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from callgenie.understanding.encoder import Array, Encoded, Encoder
from callgenie.understanding.evidence import Evidence
from callgenie.understanding.judge import AnswerJudge, JudgedEntry
from callgenie.understanding.question_kind import kinds_asked, lacks
from callgenie.understanding.text import bare, content_words

# The FAQs of some 80 businesses with 20 entries each, or of 800 that were asked about two entries lately. Single
# entries would be forgotten round by round as soon as one more business calls in than fits; of whole FAQs only the one
# that waited longest goes.
_BYTES_MAX: Final = 40_000_000

# The entry that answers is among the first three by similarity for 92 % of the development trades' questions; each
# costs the judge some 6 ms.
CANDIDATES: Final = 3

# What is left of the judge's probability where the answer holds no fact of the kind that is asked for. Of the training
# trades' near misses this takes away a third of those that ask for a price and 60 % of those for a duration; of the
# questions that are answered, one in a hundred.
_LACKING: Final = 0.2

# Of an entry whose question was asked in the owner's own words.
_SAME_WORDS: Final = 0.97


@dataclass(frozen=True, slots=True)
class Entry:
    """A question that a business expects, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may answer, by its index, the probability that it does, and what that rests on."""

    entry: int
    probability: float
    evidence: Evidence | None = None


class FaqIndex:
    """The entries of one FAQ. What is not learnt yet is zero, and so close to nothing."""

    def __init__(self, encoder: Encoder, judge: AnswerJudge, entries: Sequence[Entry]) -> None:
        self._encoder = encoder
        self._judge = judge
        self._entries = tuple(entries)
        self._questions = np.zeros((len(entries), encoder.width), np.float32)
        self._asked = np.zeros(len(entries), np.bool_)
        self._answers = np.zeros((len(entries), encoder.width), np.float32)
        self._judged: dict[int, JudgedEntry] = {}

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        return self._questions.nbytes + self._answers.nbytes + sum(each.nbytes for each in self._judged.values())

    def questions_missing(self) -> list[int]:
        """Return the entries whose question has no vector yet."""
        return [int(at) for at in np.flatnonzero(~self._asked)]

    def learn_questions(self, entries: Sequence[int]) -> None:
        """Compute the vectors of questions, but for those that are there already: some 5 ms each."""
        missing = [at for at in entries if not self._asked[at]]
        tokens = [self._encoder.tokens(bare(self._entries[at].question))[0] for at in missing]
        for at, encoded in zip(missing, self._encoder.encode(tokens), strict=True):
            self._questions[at], self._asked[at] = encoded.vector, True

    def answers_missing(self, entries: Iterable[int] | None = None) -> list[int]:
        """Return which of the entries, by default of all, are not ready for the judge yet."""
        return [at for at in (range(len(self._entries)) if entries is None else entries) if at not in self._judged]

    def learn_answers(self, entries: Sequence[int]) -> None:
        """Compute vectors of entries with their answers, and what the judge needs of them: some 15 ms each."""
        missing = self.answers_missing(entries)
        tokens = [self._encoder.tokens(self._entries[at].question, self._entries[at].answer) for at in missing]
        for at, (ids, first) in zip(missing, tokens, strict=True):
            (encoded,) = self._encoder.encode([ids])
            self._answers[at] = encoded.vector
            self._judged[at] = self._judge.prepare(encoded.embedded, first)

    def nearest(self, vector: Array, count: int) -> list[int]:
        """Return the `count` entries that are the most similar, the first one first."""
        return [int(at) for at in np.argsort(-self._similar(vector))[:count]]

    def judge(self, text: str, utterance: Encoded, entries: Sequence[int]) -> list[Candidate]:
        """Return how likely each of the entries, which have been learnt, answers the utterance; the likeliest first.

        Args:
            text: What the caller said.
            utterance: What the encoder makes of it.
            entries: Indices of entries.
        """
        words, asked = content_words(text), kinds_asked(text)
        similar = self._similar(utterance.vector)
        found = self._judge.probabilities(utterance.embedded, [self._judged[at] for at in entries])
        candidates = []
        for at, judged in zip(entries, found, strict=True):
            entry = self._entries[at]
            lacking = any(lacks(kind, entry.answer) for kind in asked)
            evidence = Evidence(
                judged=judged * _LACKING if lacking else judged,
                margin=float(similar[at] - max(np.delete(similar, at), default=0.0)),
                question=float(self._questions[at] @ utterance.vector),
                answer=float(self._answers[at] @ utterance.vector),
            )
            probability = evidence.probability()
            if words and words == content_words(entry.question):
                probability = max(probability, _SAME_WORDS)
            candidates.append(Candidate(at, probability, evidence))
        return sorted(candidates, key=lambda candidate: -candidate.probability)

    def _similar(self, vector: Array) -> Array:
        """Return the similarity of each entry, by its question or by its question and answer."""
        similar: Array = np.maximum(self._questions @ vector, self._answers @ vector)
        return similar


class FaqMemory:
    """The indexes of the FAQs that were asked for last. Not for use from several threads."""

    def __init__(self, encoder: Encoder, judge: AnswerJudge, *, bytes_max: int = _BYTES_MAX) -> None:
        self._encoder = encoder
        self._judge = judge
        self._bytes_max = bytes_max
        self._remembered: OrderedDict[bytes, FaqIndex] = OrderedDict()

    def index(self, entries: Sequence[Entry]) -> FaqIndex:
        """Return the index of a FAQ, with what was learnt of it already."""
        texts = json.dumps([(entry.question, entry.answer) for entry in entries])
        key = hashlib.blake2b(texts.encode(), digest_size=16).digest()
        index = self._remembered.get(key)
        if index is None:
            index = self._remembered[key] = FaqIndex(self._encoder, self._judge, entries)
        self._remembered.move_to_end(key)
        while len(self._remembered) > 1 and sum(each.nbytes for each in self._remembered.values()) > self._bytes_max:
            self._remembered.popitem(last=False)
        return index
