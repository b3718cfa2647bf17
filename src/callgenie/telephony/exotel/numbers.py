"""Telephone numbers as Exotel writes them."""

import re
from typing import Final

from callgenie.kernel.phone import is_e164

_NATIONAL: Final = re.compile(r"0[1-9][0-9]{6,13}", re.ASCII)
_INTERNATIONAL: Final = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})", re.ASCII)


def e164_of(text: str, country_code: str) -> str | None:
    """Return a number in E.164, or None where there is none, as for a caller who withholds it.

    Exotel writes numbers of its own country with one 0 in front, and others with a plus, two zeros or neither.
    """
    text = text.replace(" ", "").replace("-", "")
    if _NATIONAL.fullmatch(text):
        number = f"+{country_code}{text[1:]}"
    elif found := _INTERNATIONAL.fullmatch(text):
        number = f"+{found[1]}"
    else:
        return None
    return number if is_e164(number) else None
