"""A call as its carrier brings it, and as it stands at the desk."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from callgenie.billing.models import MeteredCall
from callgenie.conversations.models import Conversation
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, Carrier, Direction, EndedReason, Fault
from callgenie.profiles.models import AfterHours, Business, Profile

# How often a running call asks for more seconds and renews its lease: three times before the lease would run out.
BEAT_SECONDS: Final = 20

# How long before its last granted second a call is told that it must end.
NOTICE_SECONDS: Final = 30


# How a call ends that its owner hangs up: our side did it, and it was the customer's wish.
OWNER_HANG_UP: Final = (EndedReason.ASSISTANT_HANGUP, Fault.CUSTOMER)


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call that a carrier announces.

    Attributes:
        from_number: None when the caller withholds it, or has none.
        to_number: The number that was dialled; None when it is not by a number that the user is called.
        user_id: Whose assistant is called, where no number says so.
    """

    session_id: SessionId
    carrier: Carrier
    from_number: str | None
    to_number: str | None
    carrier_status: str | None = None
    user_id: UserId | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call may be answered, once, by whoever shows the token."""

    session_id: SessionId
    media_token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The call may not be answered; `sentence` is what the caller should hear."""

    reason: EndedReason
    sentence: str


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What a running call has to keep to, in seconds."""

    max_seconds: int
    beat_every_seconds: int = BEAT_SECONDS
    notice_seconds: int = NOTICE_SECONDS


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is known of a call before anybody has said a word.

    Attributes:
        after_hours: It began to ring outside the opening hours.
        purpose: What it is about, where we have placed it ourselves.
        is_rest: Its caller was handed on before, and nobody answered.
    """

    after_hours: bool = False
    purpose: str | None = None
    is_rest: bool = False

    def asks_for_message(self, business: Business) -> bool:
        """Tell whether its caller hears that nobody is there, and is asked for a message."""
        # Who has set them to be refused since this call rang does not want them answered as if the door were open.
        return self.after_hours and business.after_hours is not AfterHours.ANSWER

    @classmethod
    def of(cls, call: Conversation) -> Self:
        """Return what is on record of a call."""
        return cls(
            after_hours=bool(call.after_hours),
            purpose=call.purpose if call.direction is Direction.OUTBOUND else None,
            is_rest=call.continues is not None,
        )


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """A call that one worker has answered and now looks after. `from_number` is the other party's."""

    user_id: UserId
    session_id: SessionId
    period_start: datetime
    answered_at: datetime
    granted_seconds: int
    profile: Profile
    from_number: str | None
    to_number: str | None
    limits: CallLimits
    occasion: Occasion = Occasion()

    @property
    def metered(self) -> MeteredCall:
        """The name of its hold in the ledger."""
        return MeteredCall(self.user_id, self.period_start, self.session_id)


@dataclass(frozen=True, slots=True)
class Beat:
    """What a renewal brought.

    Attributes:
        granted_seconds: In all, from the answer on; the call must not outlive them.
        more_refused: The plan, the account or the longest call allows nothing beyond `granted_seconds`.
        ended: Somebody else ended the call: hang up.
        reason: Why nothing more is granted, for the end of the call; None while more may come.
        hang_up: Its owner wants the call to end now.
    """

    granted_seconds: int
    more_refused: bool
    ended: bool
    reason: EndedReason | None = None
    hang_up: bool = False


@dataclass(frozen=True, slots=True)
class EndedCall:
    """What a call came to. `settled` is false when that is left to the sweeper because the database was away."""

    status: CallStatus
    reason: EndedReason | None
    fault: Fault | None
    duration: int
    billable_seconds: int
    settled: bool
