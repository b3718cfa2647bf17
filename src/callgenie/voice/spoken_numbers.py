"""Telephone numbers as they are spoken."""

from typing import Final

_LAST_TOGETHER: Final = 4
_TOGETHER: Final = 3


def spelled(digits: str) -> str:
    """Return a number as it is to be spoken: digit by digit, the last four together, those before by threes."""
    bare = digits.lstrip("+")
    groups = [bare[-_LAST_TOGETHER:]]
    rest = bare[:-_LAST_TOGETHER]
    while rest:
        groups.insert(0, rest[-_TOGETHER:])
        rest = rest[:-_TOGETHER]
    return ("plus " if digits.startswith("+") else "") + ", ".join(" ".join(group) for group in groups)
