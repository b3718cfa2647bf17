"""Numbers that are known, and the question of whether another one is among them."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from callgenie.voice.figures.figure import Figure, Kind
from callgenie.voice.figures.reading import digit_runs_in, figures_in

# Whoever is in danger has to hear them, whether or not an owner has thought of it.
_EMERGENCY_NUMBERS: Final = frozenset({"911", "112", "999", "988", "000", "111"})

# The figures of some hundred businesses' answers; a few hundred bytes each.
_TEXTS_MAX: Final = 4_096

_SUBSCRIBER_DIGITS: Final = 7
_SUFFIX_DIGITS_MIN: Final = 2

# A caller tells a number in so many parts, and corrects so many single digits of it.
_PARTS_MAX: Final = 6
_SINGLE_DIGITS_MAX: Final = 2

_DOMAINS: Final = "com|org|net|info|biz|co|io|de|uk|in"
_CONTACT: Final = re.compile(
    rf"(?:https?://|www\.)[\w./-]*\w|[\w.+-]*\w@[\w-]+(?:\.[\w-]+)+|\b[\w-]+(?:\.[\w-]+)*\.(?:{_DOMAINS})\b"
    rf"|\b[\w-]+ dot (?:{_DOMAINS})\b",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"^(?:https?://)?(?:www\.)?", re.IGNORECASE)
_SIGNS_IN_WORDS: Final = re.compile(r"[^a-z0-9]|\bdot\b|\bat\b")


class KnownFigures:
    """The numbers and addresses of what is known and of what the caller has said.

    A number without a unit supports any unit: the owner who writes "cleaning: 90" may mean dollars. A price supports no
    other currency, and a count of things nothing but counts.
    """

    def __init__(self, known: Sequence[str], said: Sequence[str] = ()) -> None:
        self._texts = (*known, *said)
        figures = [figure for text in known for figure in _known_in(text)]
        heard = [figure for text in said for figure in figures_in(text)]
        figures += heard
        # Recognisers write streets without capitals, and then their numbers look like counts.
        self._counted = {value for each in heard if each.kind is Kind.COUNT for value in each.plain}
        self._values: dict[Kind, set[float]] = {kind: set() for kind in Kind}
        self._plain: dict[Kind, set[float]] = {kind: set() for kind in Kind}
        self._prices = {(value, each.currency) for each in figures if each.kind is Kind.PRICE for value in each.values}
        for figure in figures:
            self._values[figure.kind] |= figure.values
            self._plain[figure.kind] |= figure.plain
        self._runs = [run for text in known for run in _runs_in(text)]
        self._told = [run for text in said for run in digit_runs_in(text)]

    def supports(self, figure: Figure) -> bool:
        """Tell whether a number is known, in one of its meanings."""
        bare = self._plain[Kind.NUMBER]
        match figure.kind:
            case Kind.PRICE:
                return bool(figure.values & bare) or any(
                    self._has_price(each, figure.currency) for each in figure.values
                )
            case Kind.DIGITS:
                return self._supports_digits(figure.digits)
            case Kind.ADDRESS:
                kinds = (Kind.ADDRESS, Kind.NUMBER, Kind.TIME)
                return any(figure.plain & self._plain[kind] for kind in kinds) or bool(figure.plain & self._counted)
            case Kind.COUNT | Kind.NUMBER:
                anything = set[float]().union(*self._values.values(), *self._plain.values())
                return bool((figure.values | figure.plain) & anything) or self._supports_short(figure.digits)
        return bool(figure.values & (self._values[figure.kind] | bare) or figure.plain & bare)

    def supports_contact(self, contact: str) -> bool:
        """Tell whether a web or mail address, as `contacts_in` gives it, is known."""
        return any(contact in squashed(text) for text in self._texts)

    def _has_price(self, value: float, currency: str) -> bool:
        if not currency:
            return value in self._values[Kind.PRICE]
        return (value, currency) in self._prices or (value, "") in self._prices

    def _supports_short(self, digits: str) -> bool:
        if digits in _EMERGENCY_NUMBERS:
            return True
        return len(digits) >= _SUFFIX_DIGITS_MIN and any(run.endswith(digits) for run in (*self._runs, *self._told))

    def _supports_digits(self, digits: str) -> bool:
        if digits in _EMERGENCY_NUMBERS:
            return True
        for run in (*self._runs, *self._told):
            if digits in run or (len(run) >= _SUBSCRIBER_DIGITS and digits.endswith(run)):
                return True
        return self._is_told_in_parts(digits)

    def _is_told_in_parts(self, digits: str) -> bool:
        """Tell whether the caller has said a number group by group, with a digit corrected here and there."""
        parts = singles = at = 0
        while at < len(digits):
            length = next(
                (size for size in range(len(digits) - at, 0, -1) if self._was_told(digits[at : at + size])), 0
            )
            singles += length == 1
            parts += 1
            at += length
            if length == 0 or singles > _SINGLE_DIGITS_MAX or parts > _PARTS_MAX:
                return False
        return bool(digits)

    def _was_told(self, part: str) -> bool:
        return any(part in run if len(part) > 1 else part == run for run in self._told)


def contacts_in(text: str) -> Iterable[str]:
    """Yield the web and mail addresses of a text, written or spoken, as letters and digits only."""
    for found in _CONTACT.findall(text):
        yield squashed(_SCHEME.sub("", found))


def squashed(text: str) -> str:
    """Return the letters and digits of a text; "dot" and "at" are signs."""
    return _SIGNS_IN_WORDS.sub("", text.lower())


def learn(text: str) -> None:
    """Read a text that is known, unless it was read of late; `KnownFigures` takes no time for it then."""
    _known_in(text)
    _runs_in(text)


@lru_cache(maxsize=_TEXTS_MAX)
def _known_in(text: str) -> tuple[Figure, ...]:
    return tuple(figures_in(text))


@lru_cache(maxsize=_TEXTS_MAX)
def _runs_in(text: str) -> tuple[str, ...]:
    return tuple(digit_runs_in(text))
