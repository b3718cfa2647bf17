"""The words of the product, each with one meaning; `docs/glossary.md` explains them."""

from enum import StrEnum


class UserRole(StrEnum):
    """Who an account belongs to."""

    USER = "user"
    ADMIN = "admin"


class UserStatus(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class CallStatus(StrEnum):
    """Where a call stands, in our words."""

    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    WRAPPING_UP = "wrapping-up"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    ABANDONED = "abandoned"


LIVE_STATUSES = (CallStatus.RINGING, CallStatus.IN_PROGRESS, CallStatus.WRAPPING_UP)


class EndedReason(StrEnum):
    """Why a call ended."""

    CALLER_HANGUP = "caller-hangup"
    ASSISTANT_HANGUP = "assistant-hangup"
    TRANSFERRED = "transferred"
    SILENCE_TIMEOUT = "silence-timeout"
    MAX_DURATION = "max-duration"
    USAGE_LIMIT = "usage-limit"
    CONCURRENCY_LIMIT = "concurrency-limit"
    SUBSCRIPTION_INACTIVE = "subscription-inactive"
    ACCOUNT_SUSPENDED = "account-suspended"
    NUMBER_UNASSIGNED = "number-unassigned"
    OUTSIDE_HOURS = "outside-hours"
    CARRIER_STREAM_LOST = "carrier-stream-lost"
    STT_ERROR = "stt-error"
    LLM_ERROR = "llm-error"
    TTS_ERROR = "tts-error"
    SERVER_SHUTDOWN = "server-shutdown"
    LEASE_EXPIRED = "lease-expired"
    CALLEE_BUSY = "callee-busy"
    NO_ANSWER = "no-answer"
    DIAL_FAILED = "dial-failed"
    INTERNAL_ERROR = "internal-error"


class Fault(StrEnum):
    """Whose doing it was that a call ended as it did."""

    NONE = "none"
    CALLER = "caller"
    PLATFORM = "platform"
    PROVIDER = "provider"
    CUSTOMER = "customer"


class TransferStatus(StrEnum):
    """What became of handing a caller on to a person; the last six are the carrier's words."""

    REQUESTED = "requested"
    DIALLING = "dialling"
    COMPLETED = "completed"
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"


class TurnRole(StrEnum):
    """Who spoke a turn."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    SYSTEM = "system"


class Outcome(StrEnum):
    """The result of one answer for the caller."""

    ANSWERED = "answered"
    ASKED_BACK = "asked_back"
    PASSED_ON = "passed_on"
    HOURS = "hours"
    COURTESY = "courtesy"
    MESSAGE = "message"
    PERSON = "person"
    GOODBYE = "goodbye"
    OTHER = "other"


class Direction(StrEnum):
    """Who called whom."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Carrier(StrEnum):
    """Who brings the audio; `api` means that a voice engine elsewhere held the call and we keep its record."""

    TWILIO = "twilio"
    EXOTEL = "exotel"
    BROWSER = "browser"
    API = "api"


class ResponseLength(StrEnum):
    """How much the assistant says in one turn."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


class PlanName(StrEnum):
    """What a user pays for."""

    FREE = "free"
    BASIC = "basic"
    PREMIUM = "premium"
    ENTERPRISE = "enterprise"


class RecordingState(StrEnum):
    """How the recording of a call stands."""

    RECORDING = "recording"
    STORED = "stored"
    FAILED = "failed"
    DELETED = "deleted"


class RecordingFault(StrEnum):
    """Why a recording ends before its call does, or is not there at all."""

    DISK_FULL = "disk-full"
    DISK_ERROR = "disk-error"
    DISK_TOO_SLOW = "disk-too-slow"
    INTERNAL_ERROR = "internal-error"
    LOST = "lost"
