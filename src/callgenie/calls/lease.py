"""How long a running call may still last, and what the caller is told about it."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from callgenie.calls.models import NOTICE_SECONDS, Beat
from callgenie.kernel.vocabulary import EndedReason, Fault

# Saying goodbye begins this long before the last granted second, so that the call is over when the second is.
GOODBYE_SECONDS: Final = 6.0

# A call that begins with fewer seconds than a goodbye takes asks for more at once. The answer, which also says why it
# gets none, comes within milliseconds, and this much of those seconds is spent on waiting for it.
_ANSWER_SECONDS: Final = 1.0
_ANSWER_SHARE: Final = 0.25
_LOOK_AGAIN_SECONDS: Final = 0.1


class Step(Enum):
    """What is due."""

    NOTHING = auto()
    WARN = auto()
    SAY_GOODBYE = auto()
    HANG_UP = auto()


@dataclass(slots=True)
class Lease:
    """The seconds granted to a call, counted from its answer.

    Attributes:
        refused: Why the ledger grants no more; None while it may.
        cut_off: Asked for more, the database did not answer.
        answered: Asked for more, it did, at least once.
    """

    granted_seconds: int
    notice_seconds: float = NOTICE_SECONDS
    refused: EndedReason | None = None
    cut_off: bool = False
    answered: bool = False
    warned: bool = False
    said_goodbye: bool = False

    @property
    def end(self) -> tuple[EndedReason, Fault]:
        """Why the call ends if it ends with its last granted second."""
        if self.refused is None:
            return EndedReason.LEASE_EXPIRED, Fault.PLATFORM
        if self.refused is EndedReason.MAX_DURATION:
            return self.refused, Fault.NONE
        return self.refused, Fault.CUSTOMER

    def renewed(self, beat: Beat) -> None:
        """Take the desk's answer."""
        self.granted_seconds = max(self.granted_seconds, beat.granted_seconds)
        self.refused = (beat.reason or EndedReason.USAGE_LIMIT) if beat.more_refused else None
        self.cut_off = False
        self.answered = True

    def due(self, elapsed_seconds: float) -> Step:
        """Return what is due now; a warning and a goodbye are due once."""
        left = self.granted_seconds - elapsed_seconds
        if left <= 0:
            return Step.HANG_UP
        if left <= GOODBYE_SECONDS:
            return Step.NOTHING if self._may_be_answered(elapsed_seconds) else self._once(Step.SAY_GOODBYE)
        if left <= self.notice_seconds and (self.refused or self.cut_off):
            return self._once(Step.WARN)
        return Step.NOTHING

    def next_look(self, elapsed_seconds: float) -> float:
        """Return in how many seconds something may be due, never more than one."""
        left = self.granted_seconds - elapsed_seconds
        if left <= GOODBYE_SECONDS and self._may_be_answered(elapsed_seconds):
            return _LOOK_AGAIN_SECONDS
        later = [left - mark for mark in (self.notice_seconds, GOODBYE_SECONDS, 0.0) if left > mark]
        return min([1.0, *later])

    def _may_be_answered(self, elapsed_seconds: float) -> bool:
        patience = min(_ANSWER_SECONDS, self.granted_seconds * _ANSWER_SHARE)
        return not self.answered and not self.cut_off and elapsed_seconds < patience

    def _once(self, step: Step) -> Step:
        if step is Step.WARN:
            due, self.warned = not self.warned, True
        else:
            due, self.said_goodbye = not self.said_goodbye, True
        return step if due else Step.NOTHING
