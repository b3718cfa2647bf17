"""English text as a list of words, symbols and numbers, whether those are spelled or in figures."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list that is written as one text."""
    return tuple(text.split())


_UNITS: Final = dict(
    zip(
        words(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
            " seventeen eighteen nineteen"
        ),
        range(20),
        strict=True,
    )
)
_TENS: Final = dict(
    zip(words("twenty thirty forty fifty sixty seventy eighty ninety"), range(20, 100, 10), strict=True)
)
_SCALES: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_ORDINALS: Final = dict(
    zip(
        words(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
            " fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
        ),
        range(1, 21),
        strict=True,
    )
) | {"thirtieth": 30}
_OHS: Final = frozenset({"oh", "o"})
_REPEATS: Final = {"double": 2, "triple": 3}

_LARGEST_DIGIT: Final = 9
_LARGEST_PAIRED: Final = 99
_SMALLEST_PAIRED: Final = 10
_HOURS: Final = 24
_MINUTES: Final = 60
_AFTER_HUNDRED: Final = 100
_AFTER_TENS: Final = 10
_NO_BOUND: Final = 1_000_000_000
_MANTISSA: Final = 15  # digits that a float keeps

_TOKEN: Final = re.compile(
    r"(?P<iso>\b\d{4}-\d{2}-\d{2}\b)"
    r"|(?P<clock>\b\d{1,2}:\d{2}(?!\d))"
    r"|(?P<dotted>\b\d{3}\.\d{3}\.\d{4}\b)"
    r"|(?P<figure>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<ordinal>(?:st|nd|rd|th)\b)?"
    r"|(?P<half_day>[ap]\.\s?m\b\.?)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)?)"
    r"|(?P<symbol>[^\w\s])"
)
_CLOCK: Final = re.compile(r"\d{1,2}\.\d{2}")
_PLAIN: Final = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
    }
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a symbol, or a number.

    Attributes:
        text: As it is written, in lower case.
        is_capital: The word begins with a capital.
        values: What the number may be worth; "twelve fifty" is 1250 or 12.5. Empty for words and symbols.
        minutes: Minutes since midnight, if it may be a time of day with minutes: "9:30", "nine thirty".
        digits: The number digit by digit, if it may be part of a telephone number.
        is_ordinal: As in "third" or "3rd".
        is_spelled: In words.
        is_date: As in "2026-12-25"; `values` are month and day then.
    """

    text: str
    is_capital: bool = False
    values: tuple[float, ...] = ()
    minutes: int | None = None
    digits: str = ""
    is_ordinal: bool = False
    is_spelled: bool = False
    is_date: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return bool(self.values)

    @property
    def is_word(self) -> bool:
        """Whether it is a word."""
        return not self.values and self.text[:1].isalpha()


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text, with numbers put together from their words."""
    return _paired(list(_spelled([_token(found) for found in _TOKEN.finditer(text.translate(_PLAIN))])))


def _token(found: re.Match[str]) -> Token:
    text = found[0].lower()
    if found["iso"]:
        _, month, day = text.split("-")
        return Token(text, values=(float(month), float(day)), is_date=True)
    if found["clock"]:
        hour, minute = (int(part) for part in text.split(":"))
        return Token(text, values=(float(hour),), minutes=hour * 60 + minute)
    if found["dotted"]:
        digits = text.replace(".", "")
        return Token(text, values=(float(digits),), digits=digits)
    if found["figure"]:
        plain = found["figure"].replace(",", "")
        whole, _, fraction = plain.partition(".")
        minutes = int(whole) * 60 + int(fraction) if _CLOCK.fullmatch(plain) else None
        return Token(
            text,
            values=(float(plain[:_MANTISSA]),),
            minutes=minutes,
            digits="" if fraction or "," in text else plain,
            is_ordinal=found["ordinal"] is not None,
        )
    if found["half_day"]:
        return Token(f"{text[0]}m")
    return Token(text, is_capital=found[0][:1].isupper())


def _spelled(tokens: Sequence[Token]) -> Iterator[Token]:
    at = 0
    while at < len(tokens):
        number, after = _number_at(tokens, at)
        if number is None:
            yield tokens[at]
            at += 1
        else:
            yield number
            at = after


def _number_at(tokens: Sequence[Token], start: int) -> tuple[Token | None, int]:
    """Return the number whose words begin at `start`, and where it ends."""
    text = tokens[start].text
    if text in _REPEATS and start + 1 < len(tokens):
        digit = _UNITS.get(tokens[start + 1].text, 0 if tokens[start + 1].text in _OHS else 10)
        if digit <= _LARGEST_DIGIT:
            digits = str(digit) * _REPEATS[text]
            return Token(text, values=(float(digits),), digits=digits, is_spelled=True), start + 2
    cardinal = _Cardinal()
    is_a_scale = text == "a" and start + 1 < len(tokens) and tokens[start + 1].text in _SCALES
    if is_a_scale:
        cardinal.takes("one")
    at = start + is_a_scale
    while at < len(tokens) and cardinal.takes(tokens[at].text):
        at += 1
        if cardinal.is_round and all(token.text in _UNITS for token in tokens[at : at + 2]) and at + 2 <= len(tokens):
            break  # "eight hundred five five five": the beginning of a telephone number
        if at + 1 < len(tokens) and tokens[at].text in cardinal.joints and cardinal.may_take(tokens[at + 1].text):
            at += 1
    if at == start:
        return None, start
    value = cardinal.value
    digits = str(value) if at == start + 1 or cardinal.is_round else ""
    number = Token(
        " ".join(token.text for token in tokens[start:at]),
        values=(float(value),),
        digits=digits,
        is_ordinal=cardinal.is_ordinal,
        is_spelled=True,
        is_capital=tokens[start].is_capital,
    )
    return number, at


class _Cardinal:
    """A number in words, word by word."""

    def __init__(self) -> None:
        self.is_ordinal = False
        self._total = self._current = 0
        self._room = _NO_BOUND  # what is added next is smaller than this

    @property
    def value(self) -> int:
        return self._total + self._current

    @property
    def is_round(self) -> bool:
        """Whether it is such as "eight hundred"."""
        return self._total == 0 and self._room == _AFTER_HUNDRED

    @property
    def joints(self) -> frozenset[str]:
        """What may stand before the next word of it."""
        if self._room == _AFTER_HUNDRED:
            return frozenset({"and"})
        return frozenset({"-"}) if self._room == _AFTER_TENS else frozenset()

    def may_take(self, word: str) -> bool:
        value = _UNITS.get(word) or _TENS.get(word) or _ORDINALS.get(word) or 0
        return 0 < value < self._room and not self.is_ordinal

    def takes(self, word: str) -> bool:
        """Add a word, if it goes on with the number."""
        if self.is_ordinal:
            return False
        if word == "zero" and self._room == _NO_BOUND:
            self._room = 0
            return True
        if word in _SCALES and 0 < self._current < _SCALES[word]:
            self._current *= _SCALES[word]
            self._room = _AFTER_HUNDRED
            if word != "hundred":
                self._total, self._current, self._room = self._total + self._current, 0, 1_000
            return True
        if word in _SCALES or not self.may_take(word):
            return False
        value = _UNITS.get(word) or _TENS.get(word) or _ORDINALS[word]
        self.is_ordinal = word in _ORDINALS
        self._current += value
        self._room = _AFTER_TENS if word in _TENS else 1
        return True


def _paired(tokens: list[Token]) -> list[Token]:
    """Join two spelled numbers that are one price, year or time: "twelve fifty", "nineteen eighty", "nine oh five"."""
    joined: list[Token] = []
    at = 0
    while at < len(tokens):
        pair = _pair_at(tokens, at)
        before = joined[-1] if joined else None
        if pair is None or (before is not None and before.is_spelled and before.digits):
            joined.append(tokens[at])
            at += 1
        else:
            joined.append(pair[0])
            at = pair[1]
    return joined


def _pair_at(tokens: Sequence[Token], at: int) -> tuple[Token, int] | None:
    if at + 1 >= len(tokens) or not tokens[at].is_spelled or not 1 <= tokens[at].values[0] <= _LARGEST_PAIRED:
        return None
    first, second, after = tokens[at], tokens[at + 1], at + 2
    if (
        second.text in _OHS
        and after < len(tokens)
        and tokens[after].is_spelled
        and tokens[after].values[0] <= _LARGEST_DIGIT
    ):
        second, after = tokens[after], after + 1
    elif not second.is_spelled or not _SMALLEST_PAIRED <= second.values[0] <= _LARGEST_PAIRED:
        return None
    if after < len(tokens) and tokens[after].is_spelled and tokens[after].digits:
        return None  # three numbers in a row are none of these
    high, low = int(first.values[0]), int(second.values[0])
    is_time = high <= _HOURS and low < _MINUTES
    pair = Token(
        f"{first.text} {second.text}",
        values=(float(high * 100 + low), high + low / 100),
        minutes=high * 60 + low if is_time else None,
        is_spelled=True,
    )
    return pair, after
