"""The wish for a person."""

import re
from typing import Final

from callgenie.understanding.text import words_of

_SPEAK_TO: Final = r"(?:speak|talk|chat) (?:to|with)"
_THROUGH: Final = r"(?:put|patch) me (?:straight )?(?:through|on to|onto|in touch)|(?:transfer|connect) me"
_ASKS: Final = re.compile(
    rf"\b(?:{_SPEAK_TO} (?:a|an|the|some|your|someone|somebody|anyone|anybody)\b|real person|human being|a human"
    rf"|an operator|(?:a|the|your) representative|{_THROUGH})\b"
)
# Enough where a model wants to put the caller through as well.
_NAMES: Final = re.compile(
    rf"\b(?:{_SPEAK_TO} \w+|human|person|someone|somebody|operator|manager|receptionist|representative|agent|owner|boss"
    rf"|staff|colleague|{_THROUGH})\b|^pressed 0$"
)


def asks_for_person(text: str) -> bool:
    """Tell whether somebody asks for a human being in the usual words."""
    return _ASKS.search(" ".join(words_of(text))) is not None


def may_ask_for_person(text: str) -> bool:
    """Tell whether somebody may want a human being: they name one, or have pressed the key for it."""
    return _NAMES.search(" ".join(words_of(text))) is not None
