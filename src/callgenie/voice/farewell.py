"""How a call comes to its end: the wish to leave, and the end itself. Of several reasons the first one stays."""

import asyncio
from dataclasses import dataclass
from typing import Final

from callgenie.kernel.clock import Clock
from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.voice.turn import SessionEnd

# Two reasons to leave say less than a caller who hangs up meanwhile: that the model found the talk to be over, and that
# it wanted to hand on somebody who is gone by now.
_LESS_THAN_A_HANGUP: Final = (EndedReason.ASSISTANT_HANGUP, EndedReason.TRANSFERRED)

# Ends that a call may have for a cause of its own, or because the caller was not served as they should have been.
_MAY_FOLLOW_FROM_A_FAILURE: Final = (
    EndedReason.ASSISTANT_HANGUP,
    EndedReason.CALLER_HANGUP,
    EndedReason.SILENCE_TIMEOUT,
)

# Rather slow speech, and what a voice needs until it sounds.
_SECONDS_A_CHARACTER: Final = 0.07
_SECONDS_TO_BEGIN: Final = 0.4


@dataclass(frozen=True, slots=True)
class Leave:
    """The wish to end the call once `text` was heard, `within_seconds` of being asked for, if there is a limit."""

    text: str | None
    reason: EndedReason
    fault: Fault
    within_seconds: float | None = None

    @property
    def patience_seconds(self) -> float | None:
        """How long a sentence that sounds already may go on, so that there is time left for `text`."""
        if self.within_seconds is None:
            return None
        return max(0.0, self.within_seconds - len(self.text or "") * _SECONDS_A_CHARACTER - _SECONDS_TO_BEGIN)


class Farewell:
    """One call's end.

    Attributes:
        asked: Set once somebody wants to leave.
        over: Set once the call is over.
        leave: What was asked for.
        end: How the call ended.
        ended_at: When that was, by the monotonic clock; None while the call lasts.
    """

    def __init__(self, clock: Clock) -> None:
        self.asked = asyncio.Event()
        self.over = asyncio.Event()
        self.leave: Leave | None = None
        self.end: SessionEnd | None = None
        self.ended_at: float | None = None
        self._clock = clock
        self._failure: EndedReason | None = None

    def ask(self, text: str | None, reason: EndedReason, fault: Fault, within: float | None = None) -> bool:
        """Wish to leave; return False if somebody else did before."""
        if self.leave is not None:
            return False
        self.leave = Leave(text, reason, fault, within)
        self.asked.set()
        return True

    def blame(self, failure: EndedReason) -> None:
        """Have a provider's failure be the reason for whatever ordinary end comes."""
        self._failure = self._failure or failure

    def hang_up(self, reason: EndedReason, fault: Fault) -> None:
        """End the call."""
        if self.end is not None:
            return
        if self._failure is not None and reason in _MAY_FOLLOW_FROM_A_FAILURE:
            reason, fault = self._failure, Fault.PROVIDER
        self.end = SessionEnd(reason, fault)
        self.ended_at = self._clock.monotonic()
        self.over.set()

    def hang_up_unless_leaving(self, reason: EndedReason, fault: Fault) -> None:
        """End the call, for the reason for which we were saying goodbye, if we were."""
        if self.leave is not None and self.leave.reason not in _LESS_THAN_A_HANGUP:
            reason, fault = self.leave.reason, self.leave.fault
        self.hang_up(reason, fault)
