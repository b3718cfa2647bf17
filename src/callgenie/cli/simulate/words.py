"""Whether words were heard, for all that a telephone and a recogniser do to them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

# Of the letters so many have to be the same: "cakes inside this city" passes for "cakes inside the city".
_SAME: Final = 0.8

_SMALL: Final = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words, or a pattern, that are to be heard."""

    text: str
    pattern: re.Pattern[str] | None = None

    def is_in(self, heard: str) -> bool:
        """Tell whether it was heard, more or less."""
        words = words_of(heard)
        if self.pattern is not None:
            return self.pattern.search(" ".join(words)) is not None or self.pattern.search(heard) is not None
        return _is_about_in(words_of(self.text), words)

    def __str__(self) -> str:
        """Return it as the script writes it."""
        return f'"{self.text}"'


def wanted(text: str) -> Wanted:
    """Return what a script means: words, or between slashes a regular expression.

    Raises:
        re.error: The regular expression is none.
    """
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        return Wanted(text, re.compile(text[1:-1], re.IGNORECASE))
    return Wanted(text)


def words_of(text: str) -> list[str]:
    """Return the words of a text: lower case, no punctuation, and numbers up to 99 as they are spoken, "9am" too."""
    words = re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return [spoken for word in words for spoken in _spoken(word)]


def _spoken(word: str) -> list[str]:
    if not (word.isascii() and word.isdigit()) or len(word) > 2:  # noqa: PLR2004 - figures of two digits
        return [word]
    number = int(word)
    if number < len(_SMALL):
        return [_SMALL[number]]
    tens, ones = divmod(number, 10)
    return [_TENS[tens - 2], *([_SMALL[ones]] if ones else [])]


def _is_about_in(few: Sequence[str], many: Sequence[str]) -> bool:
    sought = " ".join(few)
    for size in {max(1, len(few) - 1), len(few), len(few) + 1}:
        for at in range(max(1, len(many) - size + 1)):
            matcher = SequenceMatcher(None, sought, " ".join(many[at : at + size]), autojunk=False)
            if matcher.quick_ratio() >= _SAME and matcher.ratio() >= _SAME:
                return True
    return False
