"""Text in a normal form that date rules can match: lower case, one space between tokens, numbers as digits.

A recogniser writes the same date as "the twenty-eighth", "the 28 th", "28th" or "twenty eighth"; here all of them are
`28th`. Every ordinal ends in `th`, whatever its digits. Fillers ("um") and lone apostrophes are left out.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(?!\d)"  # ISO date
    r"|\d{1,2}/\d{1,2}(?:/(?:\d{4}|\d{2}))?(?![\d/])|\d{1,2}([.-])\d{1,2}\1\d{4}(?!\d)"  # numeric date
    r"|\d{1,2}[:.]\d{2}(?!\d)"  # clock
    r"|\d+"
    r"|[ap]\.\s?m\b\.?"  # a.m., p.m.
    r"|[^\W\d_]+(?:'[^\W\d_]+)*"
    r"|[^\w\s]"
)
_APOSTROPHES: Final = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MODIFIER LETTER APOSTROPHE}": "'"})
# Fillers, and the apostrophe of a plural: "in two weeks' time".
_LEFT_OUT: Final = frozenset({"um", "umm", "uh", "uhm", "er", "erm", "'"})
_SUFFIXES: Final = frozenset({"st", "nd", "rd", "th"})

_UNIT_NAMES: Final = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_ORDINAL_NAMES: Final = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth twentieth"
)
_UNITS: Final = {name: number for number, name in enumerate(_UNIT_NAMES.split(), start=1)}
_TENS: Final = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
_ORDINALS: Final = {name: number for number, name in enumerate(_ORDINAL_NAMES.split(), start=1)} | {"thirtieth": 30}
_PHRASES: Final = {
    ("a", "couple", "of"): "2",
    ("week", "-", "end"): "weekend",
    ("week", "end"): "weekend",
    ("week", "-", "ends"): "weekends",
    ("week", "ends"): "weekends",
}
_ONE_DIGIT_MAX: Final = 9
_TEEN_MIN: Final = 10
_CENTURY: Final = 2000
_DAY_DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the normal form; `start` and `end` are its place in the text as it was."""

    word: str
    start: int
    end: int


class NormalText:
    """The normal form of a text, with the way back from its offsets to those of the original."""

    def __init__(self, text: str) -> None:
        self._tokens = _merged(_split(text))
        self.text = " ".join(token.word for token in self._tokens)
        self._starts: list[int] = []
        at = 0
        for token in self._tokens:
            self._starts.append(at)
            at += len(token.word) + 1

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the original the span `start` to `end` of the normal form stands."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1) - 1
        return self._tokens[first].start, self._tokens[last].end


def _split(text: str) -> list[_Token]:
    # Lower case may be longer than upper case in a few scripts; offsets must stay.
    lower = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text).translate(_APOSTROPHES)
    found = [_Token(match[0], match.start(), match.end()) for match in _TOKEN.finditer(lower)]
    return [
        _Token(token.word.replace(".", "").replace(" ", ""), token.start, token.end)
        if token.word[:2] in {"a.", "p."}
        else token
        for token in found
        if token.word not in _LEFT_OUT
    ]


def _merged(tokens: list[_Token]) -> list[_Token]:
    """Replace number words by digits, and what belongs to one number by one token."""
    merged: list[_Token] = []
    at = 0
    while at < len(tokens):
        word, length = _number(tokens, at)
        merged.append(_Token(word, tokens[at].start, tokens[at + length - 1].end))
        at += length
    return merged


def _number(tokens: list[_Token], at: int) -> tuple[str, int]:
    """Return the normal form of the number that begins at a token, or of the token itself, and how many it takes."""
    words = [token.word for token in tokens[at : at + 5]]
    if year := _year(words):
        return year
    word = words[0]
    if word.isdecimal():
        has_suffix = (
            len(words) > 1 and words[1] in _SUFFIXES and len(word) <= _DAY_DIGITS and _fits(int(word), words[1])
        )
        return (f"{int(word)}th", 2) if has_suffix else (word, 1)
    if word in _TENS:
        rest, taken = _after_tens(words)
        return (f"{_TENS[word] + rest}th" if taken < 0 else str(_TENS[word] + rest), 1 + abs(taken))
    for phrase, normal in _PHRASES.items():
        if words[: len(phrase)] == list(phrase):
            return normal, len(phrase)
    ordinal = _ORDINALS.get(word)
    return str(_UNITS.get(word, word)) if ordinal is None else f"{ordinal}th", 1


def _fits(number: int, suffix: str) -> bool:
    """Tell whether the suffix is that of the number, so that "3 st james road" is no date."""
    if number in {11, 12, 13}:
        return suffix == "th"
    return suffix == {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _after_tens(words: list[str]) -> tuple[int, int]:
    """Return what follows "twenty" within the same number, and in how many tokens; negative for an ordinal."""
    skip = 2 if words[1:2] == ["-"] else 1
    following = words[skip] if len(words) > skip else ""
    if _UNITS.get(following, _TEEN_MIN) <= _ONE_DIGIT_MAX:
        return _UNITS[following], skip
    if _ORDINALS.get(following, _TEEN_MIN) <= _ONE_DIGIT_MAX:
        return _ORDINALS[following], -skip
    return 0, 0


def _year(words: list[str]) -> tuple[str, int] | None:
    """Return the year that the words begin with, "twenty twenty six" or "two thousand and twenty six", or None."""
    if words[0] == "twenty" and len(words) > 1:
        tail, length = _two_digits(words[1:])
        return (str(_CENTURY + tail), 1 + length) if tail >= _TEEN_MIN else None
    if words[:2] == ["two", "thousand"]:
        skip = 3 if words[2:3] == ["and"] else 2
        tail, length = _two_digits(words[skip:])
        return (str(_CENTURY + tail), skip + length) if tail else None
    return None


def _two_digits(words: list[str]) -> tuple[int, int]:
    """Return the cardinal number below sixty that the words begin with, and how many it takes; 0 for none."""
    if not words:
        return 0, 0
    if words[0] in _TENS:
        rest, taken = _after_tens(words)
        return (_TENS[words[0]] + rest, 1 + taken) if taken >= 0 else (0, 0)
    return _UNITS.get(words[0], 0), 1
