"""Names of callers, as they introduce themselves or answer the question for it."""

import re
from typing import Final

from callgenie.understanding.agreement import is_denial
from callgenie.understanding.question_forms import asks
from callgenie.understanding.repair import asks_to_repeat, asks_to_wait, withdraws
from callgenie.understanding.text import words_of

_NAME: Final = r"[^\W\d_][^\W\d_'\N{RIGHT SINGLE QUOTATION MARK}.-]*[^\W\d_]?"
_SAYS_NAME: Final = re.compile(
    rf"\b(?:my name is|my name's|(?:the )?name is|(?:please |you can )?call me)"
    rf"\s+((?:{_NAME})(?:[ -]{_NAME}){{0,3}})",
    re.IGNORECASE,
)
_CAPITAL: Final = r"[^\W\d_a-z][\w'\N{RIGHT SINGLE QUOTATION MARK}-]+"
_SAYS_WHO: Final = re.compile(
    rf"\b(?:[Tt]his is|[Ii]t is|[Ii]t's|I'm|I am|[Hh]ere is)\s+((?:{_CAPITAL})(?:\s+{_CAPITAL}){{0,3}})"
)
_NO_NAME: Final = frozenset(
    words_of(
        "a about again also an and are at back because but calling can could for from have here hi hello i i'd i'll i'm"
        " how if in is it it's later me my name no not number of okay on or phone please rather say so sorry speaking"
        " tell thank thanks that the then there this to tomorrow uh um well what what's when where which who who's why"
        " with would wrong yes yeah you"
        " your right correct incorrect misspelled different"
    )
)
_NAME_WORDS_MAX: Final = 4
_WORDS_OF_A_QUESTION: Final = 4


def name_said_in(text: str) -> str:
    """Return the name with which somebody introduces themselves in `text`, or nothing."""
    found = _SAYS_NAME.search(text) or _SAYS_WHO.search(text)
    return "" if found is None else _leading_name(found[1])


def name_answered(text: str) -> str:
    """Return the name in an answer to the question for it, or nothing: "hang on" and "why?" are no names."""
    said = name_said_in(text)
    if said:
        return said
    if asks_to_repeat(text) or asks_to_wait(text) or withdraws(text) or _asks_back(text) or is_denial(text):
        return ""
    words = [word.strip('.,;:!?"()') for word in text.split()]
    while words and words[0].lower() in _NO_NAME:
        del words[0]
    return _leading_name(" ".join(words))


def _asks_back(text: str) -> bool:
    # Will Smith and May Jones ask nothing.
    return asks(text) and len(words_of(text)) >= _WORDS_OF_A_QUESTION


def _leading_name(text: str) -> str:
    words: list[str] = []
    for word in text.split():
        bare = word.strip('.,;:!?"()')
        if bare.lower() in _NO_NAME or not any(letter.isalpha() for letter in bare) or len(words) == _NAME_WORDS_MAX:
            break
        words.append(bare if not bare.islower() else bare.capitalize())
        if word[-1] in ".,;:!?":
            break
    return " ".join(words)
