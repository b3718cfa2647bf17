"""How CallGenie refuses: a kind, a stable code and a sentence that says what to do.

An error never knows about HTTP. One table per way out turns it into an answer: `http.problems` for the API,
`cli` for an exit code, `calls` for a spoken sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """What sort of refusal it is; every way out has one answer for each."""

    INVALID = "invalid"
    MALFORMED = "malformed"
    NOT_SIGNED_IN = "not_signed_in"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    PRECONDITION_FAILED = "precondition_failed"
    RANGE_UNSATISFIABLE = "range_unsatisfiable"
    LIMIT_REACHED = "limit_reached"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field of the input; `field` is its dotted public name."""

    field: str
    message: str


class DomainError(Exception):
    """Something CallGenie refuses to do, told in a sentence that may be shown to anybody."""

    kind: ClassVar[ErrorKind]
    code: ClassVar[str]
    detail: str

    def __init__(self, detail: str, *, faults: Sequence[FieldFault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)


class InvalidError(DomainError):
    """The input is understood, but not acceptable."""

    kind = ErrorKind.INVALID
    code = "invalid"


class MalformedError(DomainError):
    """The input cannot be understood at all."""

    kind = ErrorKind.MALFORMED
    code = "malformed"


class NotSignedInError(DomainError):
    """Nobody, or nobody we can recognise, is asking."""

    kind = ErrorKind.NOT_SIGNED_IN
    code = "not_signed_in"


class NotAllowedError(DomainError):
    """We know who asks, and they may not."""

    kind = ErrorKind.NOT_ALLOWED
    code = "not_allowed"


class NotFoundError(DomainError):
    """It is not there, or it is not yours; the two are never told apart."""

    kind = ErrorKind.NOT_FOUND
    code = "not_found"


class ConflictError(DomainError):
    """It does not fit the present state."""

    kind = ErrorKind.CONFLICT
    code = "conflict"


class PreconditionFailedError(DomainError):
    """It has changed since the asker last read it."""

    kind = ErrorKind.PRECONDITION_FAILED
    code = "precondition_failed"


class RangeUnsatisfiableError(DomainError):
    """Only a part is asked for, and it lies behind the end."""

    kind = ErrorKind.RANGE_UNSATISFIABLE
    code = "range_unsatisfiable"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"There are {size_bytes} bytes, and none of them is in the range that was asked for.")
        self.size_bytes = size_bytes


class LimitReachedError(DomainError):
    """A limit of the plan or of the server is reached."""

    kind = ErrorKind.LIMIT_REACHED
    code = "limit_reached"


class TooManyRequestsError(LimitReachedError):
    """Somebody asks more often than anybody may; it passes by waiting.

    Attributes:
        policy: The rule's name, with `limit` in every `window_seconds`.
    """

    code = "too_many_requests"

    def __init__(self, *, policy: str, limit: int, window_seconds: int, retry_after_seconds: int) -> None:
        super().__init__(f"Too many requests. Try again in {retry_after_seconds} seconds.")
        self.policy = policy
        self.limit = limit
        self.window_seconds = window_seconds
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(DomainError):
    """Something we depend on cannot take it now; asking again later is right."""

    kind = ErrorKind.UNAVAILABLE
    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
