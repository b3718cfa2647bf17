"""What a user and a profile of the Node version become. Pure: no database."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson import ObjectId

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName, ResponseLength, UserRole, UserStatus
from callgenie.lifecycle.migration import reading
from callgenie.lifecycle.migration.reading import Document
from callgenie.profiles.documents import business_document, preferences_document, subscription_document
from callgenie.profiles.models import (
    DEFAULT_ASSISTANT_NAME,
    DEFAULT_LANGUAGE,
    DEFAULT_MODEL,
    DEFAULT_VOICE,
    Business,
    Preferences,
    Subscription,
    SubscriptionStatus,
)
from callgenie.profiles.options import VoiceOptions
from callgenie.users.accounts import NAME_CHARS_MAX
from callgenie.users.addresses import canonical_email
from callgenie.users.errors import InvalidEmailError
from callgenie.users.passwords import nobodys_hash

# Takes a reason why something was not taken as it was.
Remark = Callable[[str], None]

_BCRYPT: Final = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_NOT_ACTIVE: Final = frozenset({"suspended", "inactive", "disabled", "blocked", "banned", "deleted", "deactivated"})
_STATUSES: Final = {
    "cancelled": SubscriptionStatus.CANCELED,
    "inactive": SubscriptionStatus.CANCELED,
    "expired": SubscriptionStatus.CANCELED,
    "trial": SubscriptionStatus.TRIALING,
    **{status.value.replace("_", "-"): status for status in SubscriptionStatus},
}
_LENGTHS: Final = {
    "brief": ResponseLength.SHORT,
    "concise": ResponseLength.SHORT,
    "detailed": ResponseLength.LONG,
    **{length.value: length for length in ResponseLength},
}
_COMPANY_CHARS_MAX: Final = 200
_ASSISTANT_CHARS_MAX: Final = 50
_GREETING_CHARS_MAX: Final = 500


class NotTakenError(Exception):
    """A document that nothing can be made of; the text says why."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A user as far as the rest of the migration needs to know them."""

    id: UserId
    document: dict[str, Any]

    @property
    def email(self) -> str:
        """The canonical address."""
        return str(self.document["email"])

    @property
    def created_at(self) -> datetime:
        """When they signed up: what their free periods are counted from."""
        created_at: datetime = self.document["createdAt"]
        return created_at


def owner_of(source: Document, remark: Remark, *, bcrypt_cost: int) -> Owner:
    """Return the user that a document of the Node version describes.

    Raises:
        NotTakenError: It has no id or no address.
    """
    known = reading.user_id(source.get("_id"))
    if known is None:
        raise NotTakenError("its _id is no ObjectId")
    try:
        email = canonical_email(reading.text(source.get("email")))
    except InvalidEmailError:
        raise NotTakenError("it has no valid e-mail address") from None
    document = {
        "_id": ObjectId(known),
        "email": email,
        "passwordHash": _password_hash(source, remark, bcrypt_cost),
        "name": _cut(_name(source) or email.partition("@")[0], NAME_CHARS_MAX, "name", remark),
        "phone": _phone(source, remark),
        "role": (UserRole.ADMIN if reading.word(source.get("role")) == UserRole.ADMIN else UserRole.USER).value,
        "status": _status(source).value,
        "emailVerified": bool(
            reading.truth(reading.first(source, "emailVerified", "isEmailVerified", "isVerified", "verified"))
        ),
        "authEpoch": 0,
        "createdAt": reading.made_at(source, "createdAt", "created_at"),
    }
    return Owner(known, document)


def _name(source: Document) -> str:
    whole = reading.text(reading.first(source, "name", "fullName"))
    return whole or f"{reading.text(source.get('firstName'))} {reading.text(source.get('lastName'))}".strip()


def _password_hash(source: Document, remark: Remark, bcrypt_cost: int) -> str:
    stored = reading.text(reading.first(source, "password", "passwordHash", "hash"))
    if _BCRYPT.fullmatch(stored) is None:
        remark("its password is no bcrypt hash; the owner has to reset it")
        return nobodys_hash(bcrypt_cost)
    # `$2y$` is what PHP and some ports call the very same algorithm.
    return stored.replace("$2y$", "$2b$", 1)


def _phone(source: Document, remark: Remark) -> str | None:
    given = reading.first(source, "phone", "phoneNumber")
    found = reading.phone(given)
    if given and found is None:
        remark("its phone is no E.164 number; it was left out")
    return found


def _status(source: Document) -> UserStatus:
    inactive = reading.truth(reading.first(source, "isActive", "active")) is False
    if inactive or reading.word(reading.first(source, "status", "accountStatus")) in _NOT_ACTIVE:
        return UserStatus.SUSPENDED
    return UserStatus.ACTIVE


def profile_document(source: Document, owner: Owner, options: VoiceOptions, remark: Remark) -> dict[str, Any]:
    """Return the user's profile; what this server does not have, or nobody can read, becomes the default."""
    known = reading.object_id(source.get("_id")) or ObjectId(owner.id)
    return {
        "_id": known,
        "userId": ObjectId(owner.id),
        "preferences": preferences_document(_preferences(source, options, remark)),
        "business": business_document(_business(source, remark)),
        "subscription": subscription_document(_subscription(source, owner, remark)),
        "version": 1,
        "writeId": None,
    }


def _preferences(source: Document, options: VoiceOptions, remark: Remark) -> Preferences:
    given = reading.section(source, "preferences", "settings")

    def choice(there: object, default: str, what: str, *names: str) -> str:
        wanted = reading.text(reading.first(given, *names))
        if not wanted or (isinstance(there, list | tuple) and wanted in there):
            return wanted or default
        remark(f"its {what} is none that this server has; the default was taken")
        return default

    length = reading.word(reading.first(given, "responseLength", "responseStyle"))
    name = reading.text(reading.first(given, "assistantName", "botName"))
    return Preferences(
        voice_model=choice(options.voices, DEFAULT_VOICE, "voice", "voiceModel", "voice"),
        ai_model=choice(options.models, DEFAULT_MODEL, "AI model", "aiModel", "model"),
        response_length=_LENGTHS.get(length, ResponseLength.MEDIUM),
        language=choice(options.languages, DEFAULT_LANGUAGE, "language", "language"),
        assistant_name=_cut(name, _ASSISTANT_CHARS_MAX, "assistant's name", remark) or DEFAULT_ASSISTANT_NAME,
    )


def _business(source: Document, remark: Remark) -> Business:
    given = reading.section(source, "business", "businessInfo", "businessInformation", "company")
    company = reading.first(given, "company", "companyName", "name", "businessName")
    greeting = reading.first(given, "greeting", "customGreeting", "welcomeMessage", "greetings.default")
    after_hours = reading.first(given, "afterHoursGreeting", "afterHoursMessage")
    if reading.first(given, "hours", "businessHours", "openingHours", "workingHours"):
        # Their shape differs from one installation to the next, and wrong hours turn callers away.
        remark("its opening hours have to be set anew; without any, every call is answered")
    return Business(
        company=_cut(reading.text(company or source.get("company")), _COMPANY_CHARS_MAX, "company", remark),
        greeting=_cut(reading.text(greeting), _GREETING_CHARS_MAX, "greeting", remark) or None,
        after_hours_greeting=_cut(reading.text(after_hours), _GREETING_CHARS_MAX, "greeting", remark) or None,
    )


def _subscription(source: Document, owner: Owner, remark: Remark) -> Subscription:
    given = reading.section(source, "subscription")
    plan_word = reading.word(reading.first(given, "plan", "type", "name") or source.get("plan"))
    status_word = reading.word(given.get("status"))
    plan, status = PlanName.FREE, SubscriptionStatus.ACTIVE
    if plan_word in set(PlanName):
        plan = PlanName(plan_word)
    elif plan_word:
        remark("its plan is none of ours; it is on the free one now")
    if plan is not PlanName.FREE and status_word:
        # A free plan is always active.
        status = _STATUSES.get(status_word, SubscriptionStatus.CANCELED)
        if status_word not in _STATUSES:
            remark("its subscription's status is none of Stripe's; it counts as canceled")
    return Subscription(
        anchor=owner.created_at,
        plan=plan,
        status=status,
        cancel_at_period_end=bool(reading.truth(given.get("cancelAtPeriodEnd"))),
        stripe_customer_id=reading.text(reading.first(given, "stripeCustomerId", "customerId")) or None,
        stripe_subscription_id=reading.text(reading.first(given, "stripeSubscriptionId", "subscriptionId")) or None,
    )


def _cut(text: str, most: int, what: str, remark: Remark) -> str:
    if len(text) > most:
        remark(f"its {what} was cut to {most} characters")
    return text[:most]
