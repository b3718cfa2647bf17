"""A number and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callgenie.voice.figures.number_words import Token

# Nobody relies on a count as small as this: "one moment", "three options".
_COUNT_MAX: Final = 12
_HOURS: Final = 24
_NOON: Final = 720
_DAY_MINUTES: Final = 1_440
_DAYS_MAX: Final = 31
_MONTHS_MAX: Final = 12


class Kind(StrEnum):
    """What a number means."""

    PRICE = "price"
    PERCENTAGE = "percentage"
    DURATION = "duration"
    TIME = "time"
    DATE = "date"
    ADDRESS = "address"
    DIGITS = "digits"
    COUNT = "count"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and what it means.

    Attributes:
        values: What it may be worth: amounts, minutes since midnight of a time, minutes of a duration, month * 100 +
            day of a date. Where words have several meanings, all of them.
        plain: The same without its unit: the hour of a time, the 2 of "2 weeks".
        currency: Of a price, if it is said.
        digits: Digit by digit, where that may matter.
    """

    kind: Kind
    values: frozenset[float]
    plain: frozenset[float] = frozenset()
    currency: str = ""
    digits: str = ""

    @property
    def means_something(self) -> bool:
        """Whether somebody who hears it could rely on it."""
        if self.kind in {Kind.COUNT, Kind.NUMBER}:
            return any(value > _COUNT_MAX or value != int(value) for value in self.values)
        return True


def time_of_day(minutes: float, *plain: float) -> Figure:
    """Return a time of day that does not say in which half of the day it is."""
    both = {minutes % _DAY_MINUTES}
    if minutes < _NOON + 60:
        both.add((minutes + _NOON) % _DAY_MINUTES)
    return Figure(Kind.TIME, frozenset(both), frozenset(plain))


def price(values: Sequence[float], currency: str) -> Figure:
    """Return a price; `currency` is empty where it is not said."""
    amounts = frozenset(round(value, 2) for value in values)
    return Figure(Kind.PRICE, amounts, amounts, currency)


def date_of(month: int, day: int) -> Figure:
    """Return a day of the year."""
    return Figure(Kind.DATE, frozenset({float(month * 100 + day)}))


def slashed_dates(first: float, second: float) -> list[float]:
    """Return the dates that "12/25" may be, by the customs of both sides of the ocean."""
    return [
        month * 100 + day
        for month, day in ((first, second), (second, first))
        if month <= _MONTHS_MAX and 1 <= day <= _DAYS_MAX
    ]


def plain_figure(kind: Kind, token: Token) -> Figure:
    """Return a number that has no unit."""
    return Figure(kind, frozenset(token.values), frozenset(token.values), digits=token.digits)


def are_hours(low: Figure, high: Figure) -> bool:
    """Tell whether two numbers may both be hours of a day."""
    return all(
        len(each.values) == 1 and max(each.values) <= _HOURS and max(each.values) % 1 == 0 for each in (low, high)
    )


def with_unit_of(model: Figure, number: Figure) -> Figure:
    """Return a number with the unit of another one."""
    if model.kind is Kind.TIME:
        hours = [value for value in number.values if value <= _HOURS and value == int(value)]
        return time_of_day(hours[0] * 60, hours[0]) if hours else number
    if model.kind is Kind.DURATION and model.plain:
        scale = max(model.values) / max(model.plain)
        return Figure(Kind.DURATION, frozenset(round(value * scale, 3) for value in number.values), number.values)
    return Figure(model.kind, number.values, number.values, model.currency)
