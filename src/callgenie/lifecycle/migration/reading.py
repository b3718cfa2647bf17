"""Reading documents whose shape nobody vouches for: each field under any of several names, each value of any type."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bson import ObjectId

from callgenie.conversations.exchanges import STARTED_EARLIEST
from callgenie.kernel.ids import UserId
from callgenie.kernel.phone import is_e164

Document = Mapping[str, Any]

_BETWEEN_DIGITS: Final = re.compile(r"[\s().\-/]")
# JavaScript's `Date.now()` in the year 5138; a larger number is no time.
_JS_TIME_MAX: Final = 1e14
_YES: Final = frozenset({"true", "yes", "1"})


def first(document: Document, *names: str) -> Any:
    """Return the first value that is there under one of the names; a dotted name looks into documents."""
    for name in names:
        value: Any = document
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def section(document: Document, *names: str) -> Document:
    """Return the first document that is there under one of the names, or an empty one."""
    return next((found for name in names if isinstance(found := first(document, name), Mapping)), {})


def text(value: Any) -> str:
    """Return what was written, trimmed; empty for what is no text."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def word(value: Any) -> str:
    """Return a text that is one of a list of words, in the spelling that lists have."""
    return text(value).lower().replace("_", "-").replace(" ", "-")


def truth(value: Any) -> bool | None:
    """Return yes or no, or None where neither is said."""
    if isinstance(value, bool):
        return value
    return None if value is None else text(value).lower() in _YES


def number(value: Any) -> float | None:
    """Return a finite number, also one that was kept as text, or None."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value if isinstance(value, int | float) else str(value))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def milliseconds(value: Any) -> int | None:
    """Return whole milliseconds, or None where none can be meant."""
    found = number(value)
    return None if found is None or not 0 <= found < 2**31 else round(found)


def moment(value: Any) -> datetime | None:
    """Return a time in UTC, to the millisecond, or None where none can be meant."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _JS_TIME_MAX:
        value = datetime.fromtimestamp(value / 1000, UTC)
    if not isinstance(value, datetime):
        return None
    aware = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000) if aware >= STARTED_EARLIEST else None


def made_at(document: Document, *names: str) -> datetime:
    """Return the first time that is there, and for want of one the time that the document's id was made at."""
    for name in names:
        if (found := moment(first(document, name))) is not None:
            return found
    known = object_id(document.get("_id"))
    return known.generation_time.astimezone(UTC) if known else STARTED_EARLIEST


def object_id(value: Any) -> ObjectId | None:
    """Return an id, also one that was kept as text, or None."""
    if isinstance(value, ObjectId):
        return value
    if isinstance(value, str) and ObjectId.is_valid(value.strip()):
        return ObjectId(value.strip())
    return None


def user_id(value: Any) -> UserId | None:
    """Return whose something is, or None; a user that was filled in (`populate`) stands for its id."""
    found = object_id(first(value, "_id") if isinstance(value, Mapping) else value)
    return None if found is None else UserId(str(found))


def phone(value: Any) -> str | None:
    """Return a number in E.164, without what people write between the digits, or None."""
    bare = _BETWEEN_DIGITS.sub("", text(value) if isinstance(value, str) else "")
    return bare if is_e164(bare) else None
