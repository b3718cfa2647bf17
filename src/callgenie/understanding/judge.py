"""Answer judge: whether an FAQ entry answers what a caller asked.

Similar sentences share a topic; that an entry is about the topic does not mean that it answers the question. The judge
is a cross-encoder: it reads question, entry question and entry answer together and returns a probability. It is trained
by `training/judge.py` on callers of many trades. Its lower layers read utterance and entry apart: what they make of an
entry is independent of the question, and kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from callgenie.understanding.encoder import Array
from callgenie.understanding.models import WIDTH, load_session

# As in training: the parts of a pair.
_UTTERANCE, _QUESTION, _ANSWER = 0, 1, 2

# Training saw no longer ones; the time of a pair grows with them.
_ENTRY_TOKENS_MAX: Final = 72


@dataclass(frozen=True, slots=True)
class JudgedEntry:
    """What the judge needs of an FAQ entry: states of its tokens after the lower layers, (N, D).

    They are kept as float16: an error of less than a thousandth for half of the memory.
    """

    states: NDArray[np.float16]

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        return self.states.nbytes


class AnswerJudge:
    """The judge, loaded once. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._session = load_session(folder / "judge.onnx")
        # Each run computes only the half of the graph whose output is asked for.
        self._options = onnxruntime.RunOptions()
        self._options.only_execute_path_to_fetches = True

    def prepare(self, embedded: Array, question_tokens: int) -> JudgedEntry:
        """Return what is kept of an entry, from the embeddings of its question and answer."""
        embedded = embedded[:_ENTRY_TOKENS_MAX]
        parts = np.where(np.arange(len(embedded)) < question_tokens, _QUESTION, _ANSWER)
        return JudgedEntry(self._states(embedded, parts)[0].astype(np.float16))

    def probabilities(self, embedded: Array, entries: Sequence[JudgedEntry]) -> list[float]:
        """Return, for each entry, the probability that it answers the utterance with these embeddings.

        Each pair passes alone: activations are quantised over all that passes at once, so that a companion, or padding,
        would move the result.
        """
        if not entries:
            return []
        said = self._states(embedded, np.full(len(embedded), _UTTERANCE))
        return [self._probability(said, entry) for entry in entries]

    def _states(self, embedded: Array, parts: NDArray[np.int64]) -> Array:
        feeds = {"embedded": embedded[None], "parts": parts[None].astype(np.int64), "said": _NOTHING, "entry": _NOTHING}
        (states,) = self._session.run(["states"], feeds, self._options)
        found: Array = states
        return found

    def _probability(self, said: Array, entry: JudgedEntry) -> float:
        feeds = {**_NO_TEXT, "said": said, "entry": entry.states[None].astype(np.float32)}
        (found,) = self._session.run(["probability"], feeds, self._options)
        return float(found[0, 0])


# Inputs of the half of the graph that is not computed: there must be some, and nothing looks at them.
_NOTHING: Final = np.zeros((1, 1, WIDTH), np.float32)
_NO_TEXT: Final = {"embedded": _NOTHING, "parts": np.zeros((1, 1), np.int64)}
