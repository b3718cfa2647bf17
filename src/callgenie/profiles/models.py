"""What a user has set, and what they pay for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Literal, TypedDict

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName, ResponseLength

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DEFAULT_ASSISTANT_NAME: Final = "SAATHI"
DEFAULT_VOICE: Final = "nanotts-en-us"
DEFAULT_MODEL: Final = "faq"
DEFAULT_LANGUAGE: Final = "en"


class AfterHours(StrEnum):
    """What becomes of a call outside the opening hours."""

    MESSAGE = "message"
    ANSWER = "answer"
    REFUSE = "refuse"


class SubscriptionStatus(StrEnum):
    """How the payment stands, in Stripe's words; a free plan is always active."""

    ACTIVE = "active"
    TRIALING = "trialing"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    UNPAID = "unpaid"
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the assistant sounds, thinks and calls itself."""

    voice_model: str = DEFAULT_VOICE
    ai_model: str = DEFAULT_MODEL
    response_length: ResponseLength = ResponseLength.MEDIUM
    language: str = DEFAULT_LANGUAGE
    assistant_name: str = DEFAULT_ASSISTANT_NAME


class PreferenceChanges(TypedDict, total=False):
    """New values for some of the preferences; what is left out stays."""

    voice_model: str
    ai_model: str
    response_length: ResponseLength
    language: str
    assistant_name: str


@dataclass(frozen=True, slots=True)
class OpenInterval:
    """From `open` up to, and not including, `close`: minutes since midnight by the wall clock, 0 to 1440."""

    open: int
    close: int


# When nobody is called out of bed; also the law for sales calls in the United States (47 CFR 64.1200(c)(1)).
DEFAULT_CALLING_HOURS: Final = OpenInterval(8 * 60, 21 * 60)


@dataclass(frozen=True, slots=True)
class FaqEntry:
    """A question that callers ask, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A person of the business whom callers may ask for by name.

    Attributes:
        phone_number: Where calls for this person go; None is the business's `transfer_number`.
    """

    name: str
    role: str | None = None
    phone_number: str | None = None


WeeklyHours = Mapping[Day, Sequence[OpenInterval]]


@dataclass(frozen=True, slots=True)
class Business:
    """What the assistant knows about the business.

    Attributes:
        hours: When it is open, by the wall clock of `timezone`. Empty: nobody has said, and no call is turned away for
            it. With any day in it, a day that is missing is closed.
        holidays: Days on which it is closed whatever the week says.
        greeting: How a call is answered; None leaves the words to us, see `greetings`.
        remembers_callers: Whether the assistant knows what was said with the same caller before.
        after_hours_greeting: What a call outside the hours hears instead, also as the words of a refusal.
        after_hours: Whether such a call may leave a message, is answered like any other, or is refused.
        calling_hours: When the assistant may call somebody, by the wall clock of whoever is called.
        record_calls: Whether calls are recorded, which every caller is told first.
        recording_announcement: In which words; None leaves them to us.
        recording_days: How long recordings made from now on are kept; None is as long as the server says.
        people: Whom callers may ask for by name.
    """

    company: str = ""
    timezone: str = "UTC"
    hours: WeeklyHours = field(default_factory=dict)
    holidays: tuple[date, ...] = ()
    greeting: str | None = None
    after_hours_greeting: str | None = None
    after_hours: AfterHours = AfterHours.MESSAGE
    instructions: str = ""
    faq: tuple[FaqEntry, ...] = ()
    transfer_number: str | None = None
    remembers_callers: bool = True
    calling_hours: OpenInterval = DEFAULT_CALLING_HOURS
    record_calls: bool = False
    recording_announcement: str | None = None
    recording_days: int | None = None
    people: tuple[StaffMember, ...] = ()


class BusinessChanges(TypedDict, total=False):
    """New values for some of what is known about the business; what is left out stays."""

    company: str
    timezone: str
    hours: WeeklyHours
    holidays: tuple[date, ...]
    greeting: str | None
    after_hours_greeting: str | None
    after_hours: AfterHours
    calling_hours: OpenInterval
    instructions: str
    faq: tuple[FaqEntry, ...]
    transfer_number: str | None
    remembers_callers: bool
    record_calls: bool
    recording_announcement: str | None
    recording_days: int | None
    people: tuple[StaffMember, ...]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a user pays for.

    Attributes:
        anchor: The moment all free periods are counted from: sign-up. It never moves.
        current_period_start: Of a paid plan, as Stripe says; None on a free one, where it follows from the anchor.
        pending_plan: What the plan becomes when the period ends.
    """

    anchor: datetime
    plan: PlanName = PlanName.FREE
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False
    pending_plan: PlanName | None = None
    stripe_customer_id: str | None = None
    stripe_subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A user's settings and state. `version` counts its changes."""

    user_id: UserId
    preferences: Preferences
    business: Business
    subscription: Subscription
    version: int
