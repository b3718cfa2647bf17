"""Profiles, as the API takes and shows them."""

from datetime import date, datetime
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Self, cast
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StringConstraints, model_validator

from callgenie.http.bodies import ApiModel, ApiView, Shape
from callgenie.kernel.phone import PhoneNumberText
from callgenie.kernel.vocabulary import PlanName, ResponseLength
from callgenie.profiles.greetings import announcement_of, greeting_of
from callgenie.profiles.hours import clock_text, minute_of
from callgenie.profiles.models import (
    DEFAULT_CALLING_HOURS,
    AfterHours,
    Business,
    BusinessChanges,
    Day,
    FaqEntry,
    OpenInterval,
    PreferenceChanges,
    Preferences,
    StaffMember,
    Subscription,
    SubscriptionStatus,
)
from callgenie.profiles.options import VoiceOptions

# Nobody remembers the names of more.
PEOPLE_MAX = 20
# Ten years: who keeps a call for longer wants an archive.
RECORDING_DAYS_MAX = 3_650
_OPENING = Shape(r"([01][0-9]|2[0-3]):[0-5][0-9]", "must be a time of day from 00:00 to 23:59, such as 09:00")
_CLOSING = Shape(r"(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)", "must be a time of day up to 24:00, such as 17:30")
_ISO_DATE_CHARS = 10


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _timezone(name: str) -> str:
    if name not in _timezones():
        raise ValueError("must be a time zone of the IANA database, such as Europe/Paris")
    return name


def _day(value: Any) -> Any:
    # Numbers and times of day would be taken for a date, too.
    if not isinstance(value, str) or len(value) != _ISO_DATE_CHARS:
        raise ValueError("must be a day such as 2026-12-25")
    return value


def _blank_is_none(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _spoken(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


# A name is spoken in the greeting; ids of voices and models are short words.
_AssistantName = Annotated[str, StringConstraints(max_length=50), AfterValidator(_spoken)]
_OptionId = Annotated[str, StringConstraints(min_length=1, max_length=100)]
# Half a minute of speech: nobody listens to a longer greeting.
_Greeting = Annotated[str, StringConstraints(max_length=500)]
# A sentence that every caller listens to before anything else.
_Announcement = Annotated[Annotated[str, StringConstraints(max_length=200)] | None, AfterValidator(_blank_is_none)]
_OptionalGreeting = Annotated[_Greeting | None, AfterValidator(_blank_is_none)]


class PreferencesBody(ApiModel):
    """New preferences; a field left out keeps its value.

    The defaults only fill the gaps: they stand behind factories so that the API's description does not promise them.
    """

    voice_model: _OptionId = Field(default_factory=str)
    ai_model: _OptionId = Field(default_factory=str)
    response_length: ResponseLength = Field(default_factory=lambda: ResponseLength.MEDIUM)
    language: _OptionId = Field(default_factory=str)
    assistant_name: _AssistantName = Field(default_factory=str)

    def changes(self) -> PreferenceChanges:
        """Return what was named in the request."""
        return cast("PreferenceChanges", {name: getattr(self, name) for name in self.model_fields_set})


class IntervalBody(ApiModel):
    """Open from `open` up to `close`, by the wall clock; what goes on after midnight is the next day's."""

    open: Annotated[str, _OPENING] = Field(examples=["09:00"])
    close: Annotated[str, _CLOSING] = Field(examples=["17:30"])

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.open >= self.close:
            raise ValueError("must close after it opens; split what goes past midnight into two days, at 24:00")
        return self

    def interval(self) -> OpenInterval:
        """Return the interval in minutes."""
        return OpenInterval(minute_of(self.open), minute_of(self.close))


def _in_order(spans: list[IntervalBody]) -> list[IntervalBody]:
    if any(later.open < earlier.close for earlier, later in pairwise(spans)):
        raise ValueError("must be in order and must not overlap")
    return spans


# More pauses than anybody takes in a day.
_DayHours = Annotated[list[IntervalBody], Field(max_length=12), AfterValidator(_in_order)]
_Holiday = Annotated[date, BeforeValidator(_day)]


class FaqBody(ApiModel):
    """A question that callers ask, and its answer."""

    question: Annotated[str, StringConstraints(max_length=300), AfterValidator(_spoken)]
    answer: Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_spoken)]


class StaffMemberBody(ApiModel):
    """A person of the business whom callers may ask for by name."""

    name: Annotated[str, StringConstraints(max_length=100), AfterValidator(_spoken)]
    role: Annotated[Annotated[str, StringConstraints(max_length=100)] | None, AfterValidator(_blank_is_none)] = Field(
        default=None, description='Such as "pastry chef".'
    )
    phone_number: PhoneNumberText | None = Field(
        default=None, description="Where calls for this person go; null is `transferNumber`."
    )


class BusinessBody(ApiModel):
    """What is new about the business; a field left out keeps its value, null empties it."""

    company: Annotated[str, StringConstraints(max_length=200)] = Field(default_factory=str)
    timezone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_timezone)] = Field(default_factory=str)
    hours: dict[Day, _DayHours] = Field(default_factory=dict)
    # A year has no more days, and who is closed all year has no use for a telephone.
    holidays: list[_Holiday] = Field(
        default_factory=list,
        max_length=366,
        description="Days on which the business is closed. While none of them is still to come, callers who ask about a"
        " public holiday hear that the usual hours may be different.",
    )
    greeting: _OptionalGreeting = Field(default_factory=lambda: None)
    after_hours_greeting: _OptionalGreeting = Field(default_factory=lambda: None)
    after_hours: AfterHours = Field(
        default_factory=lambda: AfterHours.MESSAGE,
        description="A call outside the hours may leave a message, is answered like any other, or is refused.",
    )
    instructions: Annotated[str, StringConstraints(max_length=4_000)] = Field(
        default_factory=str,
        description="What a language model is told to talk about, and in which manner. The model `faq`, which is the "
        "default, does not read them: it answers from `faq` and `hours`.",
    )
    faq: list[FaqBody] = Field(default_factory=list, max_length=200)
    transfer_number: PhoneNumberText | None = Field(
        default_factory=lambda: None,
        description="Whom a caller who asks for a person is put through to, in calls that come from Twilio; null is "
        "nobody.",
    )
    remembers_callers: StrictBool = Field(
        default_factory=lambda: True, description="Whether the assistant knows what was said with a caller before."
    )
    record_calls: StrictBool = Field(
        default_factory=bool, description="Record calls, and tell every caller so first. See that your law allows it."
    )
    recording_announcement: _Announcement = Field(
        default_factory=lambda: None, description="How callers are told; null is our sentence."
    )
    recording_days: Annotated[int, Field(strict=True, ge=1, le=RECORDING_DAYS_MAX)] | None = Field(
        default_factory=lambda: None,
        description="How long recordings made from now on are kept; null is as long as the server says.",
    )

    calling_hours: IntervalBody | None = Field(
        default_factory=lambda: None,
        description="When the assistant may call somebody, by the wall clock of whoever is called; null is 08:00 to "
        "21:00.",
    )
    people: list[StaffMemberBody] = Field(
        default_factory=list, max_length=PEOPLE_MAX, description="Whom callers may ask for by name."
    )

    def changes(self) -> BusinessChanges:
        """Return what was named in the request."""
        shaped: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if "calling_hours" in shaped:
            given = self.calling_hours
            shaped["calling_hours"] = DEFAULT_CALLING_HOURS if given is None else given.interval()
        if "hours" in shaped:
            shaped["hours"] = {day: tuple(span.interval() for span in spans) for day, spans in self.hours.items()}
        if "holidays" in shaped:
            shaped["holidays"] = tuple(sorted(set(self.holidays)))
        if "faq" in shaped:
            shaped["faq"] = tuple(FaqEntry(entry.question, entry.answer) for entry in self.faq)
        if "people" in shaped:
            shaped["people"] = tuple(StaffMember(each.name, each.role, each.phone_number) for each in self.people)
        return cast("BusinessChanges", shaped)


class OptionsView(ApiView):
    """What can be chosen on this server, as `preferences` takes it."""

    voices: list[str]
    models: list[str]
    languages: list[str]
    lengths: list[ResponseLength]

    @classmethod
    def of(cls, options: VoiceOptions) -> Self:
        """Show the options."""
        return cls(
            voices=list(options.voices),
            models=list(options.models),
            languages=list(options.languages),
            lengths=list(ResponseLength),
        )


class PreferencesView(ApiView):
    """How the assistant sounds, thinks and calls itself."""

    voice_model: str
    ai_model: str
    response_length: ResponseLength
    language: str
    assistant_name: str

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """Show preferences."""
        return cls(
            voice_model=preferences.voice_model,
            ai_model=preferences.ai_model,
            response_length=preferences.response_length,
            language=preferences.language,
            assistant_name=preferences.assistant_name,
        )


class IntervalView(ApiView):
    """Open from `open` up to `close`, by the wall clock."""

    open: str
    close: str


class FaqView(ApiView):
    """A question that callers ask, and its answer."""

    question: str
    answer: str


class StaffMemberView(ApiView):
    """A person of the business whom callers may ask for by name."""

    name: str
    role: str | None
    phone_number: str | None


class BusinessView(ApiView):
    """What the assistant knows about the business. `greeting` is what is really said, ours where none was set."""

    company: str
    timezone: str
    hours: dict[Day, list[IntervalView]]
    holidays: list[date]
    greeting: str
    after_hours_greeting: str | None
    after_hours: AfterHours
    calling_hours: IntervalView
    instructions: str
    faq: list[FaqView]
    transfer_number: str | None
    remembers_callers: bool
    record_calls: bool
    recording_announcement: str = Field(description="What callers are told first while calls are recorded.")
    recording_days: int | None
    people: list[StaffMemberView]

    @classmethod
    def of(cls, business: Business, preferences: Preferences) -> Self:
        """Show a business."""
        return cls(
            company=business.company,
            timezone=business.timezone,
            hours={
                day: [IntervalView(open=clock_text(span.open), close=clock_text(span.close)) for span in spans]
                for day, spans in business.hours.items()
            },
            holidays=list(business.holidays),
            greeting=greeting_of(business, preferences),
            after_hours_greeting=business.after_hours_greeting,
            after_hours=business.after_hours,
            instructions=business.instructions,
            faq=[FaqView(question=entry.question, answer=entry.answer) for entry in business.faq],
            transfer_number=business.transfer_number,
            remembers_callers=business.remembers_callers,
            calling_hours=IntervalView(
                open=clock_text(business.calling_hours.open), close=clock_text(business.calling_hours.close)
            ),
            record_calls=business.record_calls,
            recording_announcement=announcement_of(business),
            recording_days=business.recording_days,
            people=[
                StaffMemberView(name=each.name, role=each.role, phone_number=each.phone_number)
                for each in business.people
            ],
        )


class SubscriptionView(ApiView):
    """What the user pays for."""

    plan: PlanName
    status: SubscriptionStatus
    current_period_start: datetime
    current_period_end: datetime
    cancel_at_period_end: bool
    pending_plan: PlanName | None
    stripe_customer_id: str | None = None
    stripe_subscription_id: str | None = None

    @classmethod
    def of(cls, subscription: Subscription, *, start: datetime, end: datetime) -> Self:
        """Show a subscription; `start` and `end` are those of the period it is metered by now."""
        return cls(
            plan=subscription.plan,
            status=subscription.status,
            current_period_start=subscription.current_period_start or start,
            current_period_end=subscription.current_period_end or end,
            cancel_at_period_end=subscription.cancel_at_period_end,
            pending_plan=subscription.pending_plan,
            stripe_customer_id=subscription.stripe_customer_id,
            stripe_subscription_id=subscription.stripe_subscription_id,
        )
