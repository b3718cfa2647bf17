"""Answer judge: whether an FAQ entry answers what a caller asked.

Similar sentences share a topic; that an entry is about the topic does not mean that it answers the question. The judge
reads question, entry question and entry answer together and returns a probability. It is trained by
`training/judge.py` on callers of many trades. The utterance attends to the entry, the entry only to itself: what is
computed of an entry is independent of the question, and kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from callgenie.understanding.encoder import Array
from callgenie.understanding.models import HEAD_WIDTH, HEADS, WIDTH, load_session

_LAYERS: Final = 3
_KEPT: Final = tuple(f"{part}{layer}" for layer in range(_LAYERS) for part in ("key", "value"))

# As in training: the question and the answer of an entry; the utterance has number 0.
_QUESTION, _ANSWER = 1, 2


@dataclass(frozen=True, slots=True)
class JudgedEntry:
    """What the judge needs of an FAQ entry: keys and values in each layer, and the mean of its last states.

    Keys and values, (heads, N, D / heads) each, are kept as float16: an error of less than a thousandth for half of
    the memory.
    """

    kept: tuple[NDArray[np.float16], ...]
    mean: Array

    @property
    def tokens(self) -> int:
        """Number of tokens of question and answer."""
        return int(self.kept[0].shape[1])

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        return self.mean.nbytes + sum(each.nbytes for each in self.kept)


class AnswerJudge:
    """The judge, loaded once. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._session = load_session(folder / "judge.onnx")
        # The two halves of the graph share weights; each run computes only the one whose outputs are asked for.
        self._options = onnxruntime.RunOptions()
        self._options.only_execute_path_to_fetches = True

    def prepare(self, states: Array, question_tokens: int) -> JudgedEntry:
        """Return what is kept of an entry, from the encoder's states of its question and answer."""
        segments = np.where(np.arange(len(states)) < question_tokens, _QUESTION, _ANSWER)[None].astype(np.int64)
        feeds = {
            **_NO_PAIR,
            "entry_states": states[None],
            "entry_segments": segments,
            "entry_mask": np.ones((1, len(states)), np.float32),
        }
        *kept, mean = self._session.run([*_KEPT, "mean"], feeds, self._options)
        return JudgedEntry(tuple(each[0].astype(np.float16) for each in kept), mean[0])

    def probabilities(self, states: Array, entries: Sequence[JudgedEntry]) -> list[float]:
        """Return, for each entry, the probability that it answers the utterance with these encoder states."""
        if not entries:
            return []
        longest = max(entry.tokens for entry in entries)
        mask = np.zeros((len(entries), longest), np.float32)
        kept = np.zeros((len(_KEPT), len(entries), HEADS, longest, HEAD_WIDTH), np.float32)
        for row, entry in enumerate(entries):
            mask[row, : entry.tokens] = 1
            for number, each in enumerate(entry.kept):
                kept[number, row, :, : entry.tokens] = each
        feeds = {
            **_NO_ENTRY,
            "said_states": np.repeat(states[None], len(entries), axis=0),
            "said_mask": np.ones((len(entries), len(states)), np.float32),
            "key_mask": mask,
            "entry_means": np.stack([entry.mean for entry in entries]),
            **{f"entry_{name}": each for name, each in zip(_KEPT, kept, strict=True)},
        }
        (found,) = self._session.run(["probability"], feeds, self._options)
        return [float(each) for each in found[:, 0]]


# Inputs of the half of the graph that is not computed: there must be some, and nothing looks at them.
_NO_ENTRY: Final[Mapping[str, NDArray[np.generic]]] = {
    "entry_states": np.zeros((1, 1, WIDTH), np.float32),
    "entry_segments": np.zeros((1, 1), np.int64),
    "entry_mask": np.ones((1, 1), np.float32),
}
_NO_PAIR: Final[Mapping[str, NDArray[np.generic]]] = {
    "said_states": np.zeros((1, 1, WIDTH), np.float32),
    "said_mask": np.ones((1, 1), np.float32),
    "key_mask": np.ones((1, 1), np.float32),
    "entry_means": np.zeros((1, WIDTH), np.float32),
    **{f"entry_{name}": np.zeros((1, HEADS, 1, HEAD_WIDTH), np.float32) for name in _KEPT},
}
