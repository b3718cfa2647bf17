"""Profiles as MongoDB keeps them: camelCase, times of day as `HH:MM`, days as `YYYY-MM-DD`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName, ResponseLength
from callgenie.profiles.hours import clock_text, minute_of
from callgenie.profiles.models import (
    DAYS,
    DEFAULT_CALLING_HOURS,
    AfterHours,
    Business,
    FaqEntry,
    OpenInterval,
    Preferences,
    Profile,
    StaffMember,
    Subscription,
    SubscriptionStatus,
    WeeklyHours,
)

Document = dict[str, Any]

PREFERENCE_NAMES: Final = {
    "voice_model": "voiceModel",
    "ai_model": "aiModel",
    "response_length": "responseLength",
    "language": "language",
    "assistant_name": "assistantName",
}
BUSINESS_NAMES: Final = {
    "company": "company",
    "timezone": "timezone",
    "hours": "hours",
    "holidays": "holidays",
    "greeting": "greeting",
    "after_hours_greeting": "afterHoursGreeting",
    "after_hours": "afterHours",
    "instructions": "instructions",
    "faq": "faq",
    "transfer_number": "transferNumber",
    "remembers_callers": "remembersCallers",
    "calling_hours": "callingHours",
    "record_calls": "recordCalls",
    "recording_announcement": "recordingAnnouncement",
    "recording_days": "recordingDays",
    "people": "people",
}


def _hours_document(hours: WeeklyHours) -> Document:
    return {day: [_interval_document(span) for span in spans] for day, spans in hours.items()}


def _interval_document(span: OpenInterval) -> Document:
    return {"open": clock_text(span.open), "close": clock_text(span.close)}


def _interval_of(document: Document) -> OpenInterval:
    return OpenInterval(minute_of(document["open"]), minute_of(document["close"]))


def _holidays_document(days: Sequence[date]) -> list[str]:
    return [day.isoformat() for day in days]


def _faq_document(entries: Sequence[FaqEntry]) -> list[Document]:
    return [{"question": entry.question, "answer": entry.answer} for entry in entries]


def _people_document(people: Sequence[StaffMember]) -> list[Document]:
    return [{"name": each.name, "role": each.role, "phoneNumber": each.phone_number} for each in people]


_SHAPES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "hours": _hours_document,
    "holidays": _holidays_document,
    "faq": _faq_document,
    "response_length": str,
    "after_hours": str,
    "calling_hours": _interval_document,
    "people": _people_document,
}


def fields_of(changes: Mapping[str, Any], names: Mapping[str, str]) -> Document:
    """Return changes under the names and in the shapes that they are kept in."""
    return {names[name]: _SHAPES[name](value) if name in _SHAPES else value for name, value in changes.items()}


def preferences_document(preferences: Preferences) -> Document:
    """Return all preferences as they are kept."""
    return fields_of({name: getattr(preferences, name) for name in PREFERENCE_NAMES}, PREFERENCE_NAMES)


def business_document(business: Business) -> Document:
    """Return all that is known about a business as it is kept."""
    return fields_of({name: getattr(business, name) for name in BUSINESS_NAMES}, BUSINESS_NAMES)


def subscription_document(subscription: Subscription) -> Document:
    """Return a subscription as it is kept. Stripe's ids are left out where there are none: their index is partial."""
    document: Document = {
        "plan": subscription.plan.value,
        "status": subscription.status.value,
        "anchor": subscription.anchor,
        "currentPeriodStart": subscription.current_period_start,
        "currentPeriodEnd": subscription.current_period_end,
        "cancelAtPeriodEnd": subscription.cancel_at_period_end,
        "pendingPlan": subscription.pending_plan.value if subscription.pending_plan else None,
    }
    if subscription.stripe_customer_id is not None:
        document["stripeCustomerId"] = subscription.stripe_customer_id
    if subscription.stripe_subscription_id is not None:
        document["stripeSubscriptionId"] = subscription.stripe_subscription_id
    return document


def profile_of(document: Document) -> Profile:
    """Return the profile that a document of `userprofiles` describes."""
    return Profile(
        user_id=UserId(str(document["userId"])),
        preferences=_preferences_of(document["preferences"]),
        business=_business_of(document["business"]),
        subscription=_subscription_of(document["subscription"]),
        version=document["version"],
    )


def _preferences_of(document: Document) -> Preferences:
    return Preferences(
        voice_model=document["voiceModel"],
        ai_model=document["aiModel"],
        response_length=ResponseLength(document["responseLength"]),
        language=document["language"],
        assistant_name=document["assistantName"],
    )


def _business_of(document: Document) -> Business:
    hours: Document = document["hours"]
    return Business(
        company=document["company"],
        timezone=document["timezone"],
        hours={day: tuple(_interval_of(span) for span in hours[day]) for day in DAYS if day in hours},
        holidays=tuple(date.fromisoformat(day) for day in document["holidays"]),
        greeting=document["greeting"],
        after_hours_greeting=document["afterHoursGreeting"],
        # Profiles from before there was a choice have none, here and below; what they get is the default.
        after_hours=AfterHours(document.get("afterHours", AfterHours.MESSAGE)),
        instructions=document["instructions"],
        faq=tuple(FaqEntry(entry["question"], entry["answer"]) for entry in document["faq"]),
        transfer_number=document["transferNumber"],
        remembers_callers=document.get("remembersCallers", True),
        calling_hours=_interval_of(document["callingHours"]) if "callingHours" in document else DEFAULT_CALLING_HOURS,
        # Profiles from before there were recordings do not have these.
        record_calls=document.get("recordCalls", False),
        recording_announcement=document.get("recordingAnnouncement"),
        recording_days=document.get("recordingDays"),
        people=tuple(
            StaffMember(each["name"], each["role"], each["phoneNumber"]) for each in document.get("people", ())
        ),
    )


def _subscription_of(document: Document) -> Subscription:
    pending = document["pendingPlan"]
    return Subscription(
        anchor=document["anchor"],
        plan=PlanName(document["plan"]),
        status=SubscriptionStatus(document["status"]),
        current_period_start=document["currentPeriodStart"],
        current_period_end=document["currentPeriodEnd"],
        cancel_at_period_end=document["cancelAtPeriodEnd"],
        pending_plan=PlanName(pending) if pending else None,
        stripe_customer_id=document.get("stripeCustomerId"),
        stripe_subscription_id=document.get("stripeSubscriptionId"),
    )
