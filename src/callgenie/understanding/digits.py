"""Telephone numbers as callers say them and recognisers write them: in figures, in words, in groups."""

import re
from collections.abc import Mapping
from typing import Final

DIGIT_WORDS: Final[Mapping[str, str]] = {
    "zero": "0",
    "oh": "0",
    "o": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}
_TIMES: Final = {"double": 2, "triple": 3}
_TOKEN: Final = re.compile(r"\+?\d+|[a-z]+")
_BETWEEN_DIGITS: Final = frozenset({"and", "dash", "then", "uh", "um"})
_DIGITS_MAX: Final = 20

# In the middle of a message, fewer digits are a price, a date or a table for two.
DIGITS_OF_A_NUMBER: Final = 7


def digits_in(text: str) -> str:
    """Return the longest telephone number in `text`, spelled or in figures, as digits with a plus if it has one."""
    best = run = ""
    times = 1
    for token in _TOKEN.findall(text.lower()):
        digits = DIGIT_WORDS.get(token, token if token[-1].isdigit() else "")
        if digits:
            run += digits * times if len(digits) == 1 else digits
            best, times = max(best, run, key=len), 1
        elif token in _TIMES:
            times = _TIMES[token]
        elif token not in _BETWEEN_DIGITS:
            run, times = "", 1
    return best if best.count("+") == best.startswith("+") and len(best) <= _DIGITS_MAX + 1 else ""
