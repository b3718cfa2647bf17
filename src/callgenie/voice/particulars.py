"""What callers tell of themselves: a name and a telephone number, found in words as a recogniser writes them."""

import re
from typing import Final

from callgenie.voice.endings import words_of

_DIGIT_WORDS: Final = {
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

_LAST_TOGETHER: Final = 4
_TOGETHER: Final = 3

_NAME: Final = r"[^\W\d_][^\W\d_'\N{RIGHT SINGLE QUOTATION MARK}.-]*[^\W\d_]?"
_SAYS_NAME: Final = re.compile(
    rf"\b(?:my name is|my name's|(?:the )?name is)\s+((?:{_NAME})(?:[ -]{_NAME}){{0,3}})", re.IGNORECASE
)
_CAPITAL: Final = r"[^\W\d_a-z][\w'\N{RIGHT SINGLE QUOTATION MARK}-]+"
_SAYS_WHO: Final = re.compile(
    rf"\b(?:[Tt]his is|[Ii]t is|[Ii]t's|I'm|I am|[Hh]ere is)\s+((?:{_CAPITAL})(?:\s+{_CAPITAL}){{0,3}})"
)
_NO_NAME: Final = frozenset(
    words_of(
        "a about again also an and are at because but calling can could for from have here hi hello i i'd i'll i'm in"
        " is it it's me my name no not number of okay on or phone please rather say so speaking tell thank thanks that"
        " the then there this to uh um well what with would yes you your"
    )
)
_NAME_WORDS_MAX: Final = 4


def digits_in(text: str) -> str:
    """Return the longest telephone number in `text`, spelled or in figures, as digits with a plus if it has one."""
    best = run = ""
    times = 1
    for token in _TOKEN.findall(text.lower()):
        digits = _DIGIT_WORDS.get(token, token if token[-1].isdigit() else "")
        if digits:
            run += digits * times if len(digits) == 1 else digits
            best, times = max(best, run, key=len), 1
        elif token in _TIMES:
            times = _TIMES[token]
        elif token not in _BETWEEN_DIGITS:
            run, times = "", 1
    return best if best.count("+") == best.startswith("+") and len(best) <= _DIGITS_MAX + 1 else ""


def name_said_in(text: str) -> str:
    """Return the name with which somebody introduces themselves in `text`, or nothing."""
    found = _SAYS_NAME.search(text) or _SAYS_WHO.search(text)
    return "" if found is None else _leading_name(found[1])


def name_answered(text: str) -> str:
    """Return the name in an answer to the question for it, or nothing."""
    said = name_said_in(text)
    if said:
        return said
    words = [word.strip('.,;:!?"()') for word in text.split()]
    while words and words[0].lower() in _NO_NAME:
        del words[0]
    return _leading_name(" ".join(words))


def spelled(digits: str) -> str:
    """Return a number as it is to be spoken: digit by digit, the last four together, those before by threes."""
    bare = digits.lstrip("+")
    groups = [bare[-_LAST_TOGETHER:]]
    rest = bare[:-_LAST_TOGETHER]
    while rest:
        groups.insert(0, rest[-_TOGETHER:])
        rest = rest[:-_TOGETHER]
    return ("plus " if digits.startswith("+") else "") + ", ".join(" ".join(group) for group in groups)


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
