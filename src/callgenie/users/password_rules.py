"""Which passwords are refused: too short, too long, or among the first that anybody would try."""

import json
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Final

from callgenie.users.errors import PasswordTooCommonError, PasswordTooLongError, PasswordTooShortError

CHARS_MIN: Final = 8
# Passphrases fit many times; a longer text would only make us hash for longer.
CHARS_MAX: Final = 200

_PRODUCT_WORDS: Final = ("callgenie", "saathi")
# A shorter word is found in too many good passwords by chance.
_WORD_CHARS_MIN: Final = 3
# What is left beside the user's own words must be this long to count for something.
_OWN_CHARS_MIN: Final = 6
# Nobody types a longer run of one key or along the keyboard because it is easy.
_PATTERN_CHARS_MAX: Final = 16
_PIECE_CHARS_MAX: Final = 6
_ROWS: Final = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qazwsxedcrfvtgbyhnujmikolp",
)
_LEET: Final = str.maketrans("0134578@$!", "oleastbasi")


@cache
def _common() -> tuple[frozenset[str], frozenset[str]]:
    """Return the commonest passwords, and the words that many more are made of by adding digits."""
    text = resources.files("callgenie.users").joinpath("common_passwords.json").read_text(encoding="utf-8")
    lists: dict[str, list[str]] = json.loads(text)
    return frozenset(lists["passwords"]), frozenset(lists["words"])


def check_password(password: str, *, email: str, name: str, field: str = "password") -> None:
    """Return if the password may be used by this person; `field` is where they typed it.

    Raises:
        PasswordTooShortError: Fewer than 8 characters.
        PasswordTooLongError: More than 200 characters.
        PasswordTooCommonError: One of the commonest, or made of the person's address, name or our product's name.
    """
    if len(password) < CHARS_MIN:
        raise PasswordTooShortError(CHARS_MIN, field)
    if len(password) > CHARS_MAX:
        raise PasswordTooLongError(CHARS_MAX, field)
    if _is_common(password):
        raise PasswordTooCommonError("is one of the first that anybody would try", field)
    if _is_made_of(password, [email, *re.split(r"[@.+_-]", email), name, *name.split(), *_PRODUCT_WORDS]):
        raise PasswordTooCommonError("is made of your e-mail address, your name or the name of this product", field)


def _is_common(password: str) -> bool:
    folded = password.casefold()
    passwords, words = _common()
    if folded in passwords or folded.translate(_LEET) in passwords:
        return True
    stem = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded)
    if stem.translate(_LEET) in words or stem in words:
        return True
    return len(password) <= _PATTERN_CHARS_MAX and folded.isascii() and _is_pattern(folded)


def _is_pattern(folded: str) -> bool:
    """Tell whether the text is a short piece repeated, or walks along a row of keys or the alphabet."""
    for size in range(1, min(_PIECE_CHARS_MAX, len(folded) // 2) + 1):
        if (folded[:size] * len(folded))[: len(folded)] == folded:
            return True
    rows = [walk for row in _ROWS for walk in (row * 2, row[::-1] * 2)]
    return any(folded in row for row in rows)


def _is_made_of(password: str, texts: Iterable[str]) -> bool:
    squashed = _squash(password)
    rest = squashed
    for word in sorted({_squash(text) for text in texts}, key=len, reverse=True):
        if len(word) >= _WORD_CHARS_MIN:
            rest = rest.replace(word, "")
    return rest != squashed and len(rest) < _OWN_CHARS_MIN


def _squash(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
