"""The questions of a conversation and their answers, as the outcomes of the assistant's turns tell them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from callgenie.conversations.models import RecordedTurn
from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.understanding.agreement import is_agreement, is_denial
from callgenie.understanding.question_forms import asks
from callgenie.understanding.text import words_of

# Of these outcomes a question may have come to that was not answered.
OPEN_OUTCOMES: Final = (Outcome.PASSED_ON, Outcome.ASKED_BACK)

# "No", "no that's not it": an answer to our asking back, and no other question.
_WORDS_OF_A_DENIAL: Final = 4

# Turns from before there were outcomes, and those of models that report none.
_NO_ANSWER: Final = re.compile(r"\b(?:do not|don't|did not|didn't) (?:know|get that)\b", re.IGNORECASE)


class QuestionState(StrEnum):
    """The result of a question."""

    ANSWERED = "answered"
    HOURS_TOLD = "hours_told"
    NOT_ANSWERED = "not_answered"
    ASKED_BACK = "asked_back"
    """We asked whether the caller means something else, and got no clear answer."""


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question of the caller's.

    Attributes:
        turn: In which it was asked.
        is_reported: True if an outcome tells the state; False if it is only read from the words.
    """

    turn: RecordedTurn
    state: QuestionState
    is_reported: bool


def exchanges_in(turns: Sequence[RecordedTurn]) -> Iterator[tuple[RecordedTurn, RecordedTurn | None]]:
    """Yield each turn of the caller with the answer to it, if there was one before the caller's next turn."""
    starts = [at for at, turn in enumerate(turns) if turn.role is TurnRole.USER]
    for start, end in pairwise([*starts, len(turns)]):
        ours = [turn for turn in turns[start + 1 : end] if turn.role is TurnRole.ASSISTANT]
        yield turns[start], next((turn for turn in ours if turn.outcome is not None), ours[0] if ours else None)


def questions_in(turns: Sequence[RecordedTurn]) -> list[AskedQuestion]:
    """Return the questions of a conversation in the order in which they were settled."""
    reading = _Reading()
    for said, answer in exchanges_in(turns):
        reading.take(said, answer)
    reading.settle_pending(QuestionState.ASKED_BACK)
    return reading.found


class _Reading:
    """The questions as far as they were read."""

    def __init__(self) -> None:
        self.found: list[AskedQuestion] = []
        self._pending: RecordedTurn | None = None
        """The question that we asked back about."""

    def take(self, said: RecordedTurn, answer: RecordedTurn | None) -> None:
        """Read the next exchange."""
        outcome = None if answer is None else answer.outcome
        asked_back = self._pending is not None
        denied = asked_back and is_denial(said.text)
        only_denied = denied and len(words_of(said.text)) <= _WORDS_OF_A_DENIAL
        only_agreed = asked_back and not denied and is_agreement(said.text)
        match outcome:
            case Outcome.ANSWERED | Outcome.HOURS:
                state = QuestionState.HOURS_TOLD if outcome is Outcome.HOURS else QuestionState.ANSWERED
                self.settle_pending(state if only_agreed else _without_answer(denied=denied))
                if not only_agreed and not only_denied:
                    self._note(said, state)
            case Outcome.PASSED_ON:
                # Asked in other words, it is one question.
                asked = self._pending if only_denied else None
                self._pending = None
                self._note(asked or said, QuestionState.NOT_ANSWERED)
            case Outcome.ASKED_BACK:
                self._pending = self._pending if only_denied else said
            case None if not asked_back and asks(said.text):
                is_answered = answer is not None and not _NO_ANSWER.search(answer.text)
                state = QuestionState.ANSWERED if is_answered else QuestionState.NOT_ANSWERED
                self.found.append(AskedQuestion(said, state, is_reported=False))
            case _:
                self.settle_pending(_without_answer(denied=denied))

    def settle_pending(self, state: QuestionState) -> None:
        """Note the result of the question that we asked back about, if there is one."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._note(pending, state)

    def _note(self, turn: RecordedTurn, state: QuestionState) -> None:
        self.found.append(AskedQuestion(turn, state, is_reported=True))


def _without_answer(*, denied: bool) -> QuestionState:
    return QuestionState.NOT_ANSWERED if denied else QuestionState.ASKED_BACK
