"""Phone numbers that callers can dial, and what a user may wish for."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from callgenie.kernel.ids import UserId


class NumberState(StrEnum):
    """Where a number of the pool stands."""

    FREE = "free"
    ASSIGNED = "assigned"
    QUARANTINE = "quarantine"
    """Given back, and kept from others for a while: callers still dial it for whoever had it."""


@dataclass(frozen=True, slots=True)
class PooledNumber:
    """A number that can be assigned: E.164, the country (ISO 3166-1) and area code where they are known."""

    number: str
    country: str | None
    area_code: str | None


@dataclass(frozen=True, slots=True)
class AssignedNumber:
    """A user's number."""

    number: str
    user_id: UserId
    assigned_at: datetime
    country: str | None
    area_code: str | None


@dataclass(frozen=True, slots=True)
class ListedNumber:
    """A number as the operator sees it. `free_from` is the end of its quarantine."""

    number: str
    state: NumberState
    country: str | None
    area_code: str | None
    user_id: UserId | None
    assigned_at: datetime | None
    free_from: datetime | None


@dataclass(frozen=True, slots=True)
class NumberWish:
    """What the number should be like; None is any."""

    country: str | None = None
    area_code: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A line of an import that is no number we can take. Lines are counted from 1."""

    line_number: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the lines of an import. Of those that were skipped the first ones are shown as examples."""

    added: int = 0
    already_there: int = 0
    skipped: int = 0
    examples: tuple[SkippedLine, ...] = field(default=())
