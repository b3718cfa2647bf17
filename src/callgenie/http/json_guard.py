"""Refuses JSON that two readers could understand differently, or that a database cannot hold."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from callgenie.kernel.errors import FieldFault, InvalidError

# Our deepest body has four levels; the rest is room.
DEPTH_MAX: Final = 32
# BSON's integers end here (signed 64 bits).
_INTEGER_MIN: Final = -(2**63)
_INTEGER_MAX: Final = 2**63 - 1
# More digits than any of those has: such a text is not even converted, which would take quadratic time.
_INTEGER_DIGITS_MAX: Final = 20
_HALF_A_PAIR: Final = re.compile(r"\\u[dD][89a-fA-F]")


class UnreadableBodyError(InvalidError):
    """The body is not JSON as we take it."""

    code = "unreadable_body"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body is not acceptable JSON: {reason}.", faults=[FieldFault("body", reason)])


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableBodyError("a name stands twice in one object")
    return found


def _integer(text: str) -> int:
    if len(text) > _INTEGER_DIGITS_MAX or not _INTEGER_MIN <= int(text) <= _INTEGER_MAX:
        raise UnreadableBodyError("a whole number needs more than 64 bits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UnreadableBodyError("a number is too large")
    return number


def _constant(_text: str) -> NoReturn:
    raise UnreadableBodyError("NaN and Infinity are no JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_number, parse_constant=_constant
)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise UnreadableBodyError(f"it is nested more than {DEPTH_MAX} levels deep")


def check_json(body: bytes) -> None:
    """Return if `body` is JSON that can mean only one thing.

    Raises:
        UnreadableBodyError: It is not UTF-8, not JSON (RFC 8259), has a name twice, a number that BSON cannot hold,
            half of a surrogate pair, or too many levels.
    """
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
        if _HALF_A_PAIR.search(text):
            # Whole pairs were joined by the decoder; what is left over cannot be written as UTF-8.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableBodyError("it is not UTF-8") from error
    except UnicodeEncodeError as error:
        raise UnreadableBodyError("a text holds half of a surrogate pair") from error
    except RecursionError as error:
        raise UnreadableBodyError(f"it is nested more than {DEPTH_MAX} levels deep") from error
    except json.JSONDecodeError as error:
        raise UnreadableBodyError(f"it is not JSON from character {error.pos} on") from error
    if text.count("[") + text.count("{") > DEPTH_MAX:
        _check_depth(value)
