"""Times of day in callers' words: "after six", "at half past seven", "between 2 and 4", "in the morning".

Conventions: an hour from 1 to 12 that nothing tells to be before or after noon has two readings, unless the word before
it decides. "After six" and "until six" are in the evening, "before nine" is in the morning, "from nine to five" is a
working day. "This evening" lasts from six to ten, "the afternoon" from noon to six.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callgenie.understanding.dates.found import WEEKDAY, words

_HOUR: Final = 60
_NOON: Final = 12 * _HOUR
MIDNIGHT: Final = 24 * _HOUR
_NOON_HOUR: Final = 12
_EVENING: Final = 18 * _HOUR
_LATE: Final = 16 * _HOUR
_SMALL_HOURS_END: Final = 6 * _HOUR

# The hours, by the clock of twelve, that are certainly meant before noon in "before nine" and in "from nine to five".
_BEFORE_IS_MORNING: Final = frozenset({9, 10, 11})
_BEFORE_IS_AFTERNOON: Final = frozenset({1, 2, 3, 4})
_FROM_IS_MORNING: Final = frozenset({6, 7, 8, 9, 10, 11})


class Relation(StrEnum):
    """How the time that is asked about lies to the one that is named."""

    AT = "at"
    AFTER = "after"
    BEFORE = "before"
    UNTIL = "until"
    # At some time within, as in "in the morning".
    DURING = "during"
    # All the time, as in "from nine to five".
    THROUGHOUT = "throughout"


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time of day that is named; minutes count from midnight, and 1440 is the midnight that ends the day.

    Attributes:
        start: Where its words begin in the text.
        end: Where they end.
        relation: How the time that is asked about lies to it.
        minutes: The time, in each of its readings; of `DURING` and `THROUGHOUT` the beginning.
        last: Of `DURING` and `THROUGHOUT` the end, not included.
    """

    start: int
    end: int
    relation: Relation
    minutes: tuple[int, ...]
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day, by itself a time, and beside an hour the half of the day that it belongs to."""

    start: int
    end: int
    first: int
    last: int

    def time(self) -> TimeOfDay:
        """Return the part as the time that is asked about."""
        return TimeOfDay(self.start, self.end, Relation.DURING, (self.first,), self.last)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time by the clock as it was named, before it is known which half of the day is meant."""

    start: int
    end: int
    relation: Relation
    readings: tuple[int, ...]
    last: tuple[int, ...] = ()

    def time(self, part: Part | None) -> TimeOfDay:
        """Return the time that is meant, beside a part of the day or by itself."""
        readings = _within(self.readings, part)
        if len(readings) > 1:
            readings = _usual(readings, self.relation)
        last = next((minute for minute in _within(self.last, part) if minute > readings[0]), None)
        if self.last and last is None:
            last = self.last[-1] if self.last[-1] > readings[0] else self.last[0] + MIDNIGHT
        return TimeOfDay(self.start, self.end, self.relation, readings, last)


def _within(readings: tuple[int, ...], part: Part | None) -> tuple[int, ...]:
    if part is None:
        return readings
    if part.last <= _NOON:
        fitting = [minute for minute in readings if minute < _NOON]
    elif part.first < _EVENING:
        fitting = [minute for minute in readings if _NOON <= minute < MIDNIGHT]
    else:
        # "One at night" is after the midnight that ends the day.
        late = [minute for minute in readings if minute >= _LATE]
        fitting = late or [minute + MIDNIGHT for minute in readings if minute < _SMALL_HOURS_END]
    return tuple(fitting) or readings


def _usual(readings: tuple[int, ...], relation: Relation) -> tuple[int, ...]:
    """Return the readings that are left, of the two of an hour, by the word before it."""
    early, late = readings
    hour = early // _HOUR
    is_noon = late == MIDNIGHT
    match relation:
        case Relation.AFTER:
            return (early,) if is_noon else (late,)
        case Relation.UNTIL:
            return readings if is_noon else (late,)
        case Relation.BEFORE if is_noon or hour in _BEFORE_IS_MORNING:
            return (early,)
        case Relation.BEFORE if hour in _BEFORE_IS_AFTERNOON:
            return (late,)
        case Relation.THROUGHOUT:
            return (early,) if is_noon or hour in _FROM_IS_MORNING else (late,)
        case _:
            return readings


_HOUR_NUMBER: Final = r"(?:1[0-2]|0?[1-9])"
_COLON: Final = r"(?:[01]?\d|2[0-3])[:.][0-5]\d"
_QUARTERS: Final = r"(?:quarter|a quarter|5|10|20|25)"
_HALF: Final = r"(?: ?(?:am|pm))"
_O_CLOCK: Final = r" (?:o'clock|oclock|o clock)"
_NOONS: Final = r"(?:12 )?(?:noon|midday|midnight)"
# Times that are times wherever they stand, and those that are only after a word such as "at".
_CERTAIN: Final = (
    rf"(?:{_COLON}(?: hours)?{_HALF}?|half(?: past)? {_HOUR_NUMBER}(?!\d){_HALF}?|{_NOONS}"
    rf"|(?:a )?quarter (?:past|after|to|of|till|before) {_HOUR_NUMBER}(?!\d){_HALF}?"
    rf"|\d\d? minutes? (?:past|to|after|before) {_HOUR_NUMBER}(?!\d){_HALF}?"
    rf"|{_HOUR_NUMBER}(?: (?:oh |o )?[0-5]?\d)?(?:{_O_CLOCK}{_HALF}?|{_HALF}))"
)
# "at 5 dollars", "about eight foot", "after two and a half": a number alone is a time only before words like these.
_FREE: Final = (
    r"(?= ?$| (?:[,.;:?!)-]|\u2013|and(?! a half)|or|to|till?|until|through|thru|for|on|in|at|by|is|are|am|was|will"
    r"|would|can|could|should|do|does|did|so|but|if|when|then|what|that|because|cause|as|since|with|i|we|you|he|she"
    r"|they|it|my|our|the|this|next|tomorrow|today|tonight|every|each|please|instead|right|sharp|too|also|maybe|not"
    rf"|still|before|after|from|just|thanks|thank|may|might|sir|love|there|someone|somebody|anyone|{WEEKDAY}s?)(?!\S))"
)
_LOOSE: Final = (
    rf"(?:{_CERTAIN}|{_QUARTERS} (?:past|to|after|till) {_HOUR_NUMBER}(?!\d)"
    rf"|(?:{_HOUR_NUMBER} (?:(?:oh|o) \d|[0-5]\d)(?!\d)|{_HOUR_NUMBER}(?!\d)){_FREE})"
)
_ABOUT: Final = r"(?: (?:about|around|round|roughly|like|say|maybe|exactly))?"
_RELATIONS: Final = {
    Relation.AFTER: r"after|past|later than|beyond",
    Relation.BEFORE: r"before|earlier than|prior to",
    Relation.UNTIL: r"until|till|til|up to|up until|as late as",
    Relation.AT: r"at|around|about|round|roughly|exactly|by|from|since|as early as",
}
_PREPOSITION: Final = "|".join(_RELATIONS.values())
_TO: Final = r" (?:to|until|till|til|through|thru|and|-|\u2013) "
_BEFORE_A_DAY: Final = (
    r"(?= (?:tonight|tomorrow|this (?:morning|afternoon|evening|arvo)|in the (?:morning|afternoon|evening)|at night))"
)

_RANGE: Final = words(
    rf"(?:(?:from|between)(?P<about>{_ABOUT}) )(?P<from>{_LOOSE}){_TO}(?P<to>{_LOOSE})"
    rf"|(?P<bare_from>{_LOOSE}) (?:to|until|till|til|through|thru|-|\u2013) (?P<bare_to>{_LOOSE})"
)
# "half past ten" is no time after ten.
_PREPOSED: Final = words(
    rf"(?<!half )(?<!quarter )(?<!\d )(?<!minutes )(?P<how>{_PREPOSITION}){_ABOUT} (?P<time>{_LOOSE})"
)
# "A table for four tonight" names no time.
_ALONE: Final = words(rf"(?P<time>{_CERTAIN}|(?<!for )(?<!of ){_LOOSE}{_BEFORE_A_DAY})")
_LUNCH: Final = words(
    r"(?P<how>after|before|at|over|during|around) (?:the )?lunch(?: ?time| ?hour| break)?|(?P<noon>lunch ?time)"
)

# "At five to six" is a time, "five to six" and "from five to six" is an hour.
_PREPOSED_QUARTER: Final = words(
    rf"(?P<how>at|about|around|by|before|after|until|till|til){_ABOUT} (?P<time>{_QUARTERS} (?:past|to|after|till)"
    rf" {_HOUR_NUMBER}(?!\d){_HALF}?)"
)


def clocks_in(text: str, taken: Sequence[tuple[int, int]]) -> list[Clock]:
    """Return the times by the clock that a normal form names outside the spans that are taken, in order."""
    clocks: list[Clock] = []
    for pattern in (_LUNCH, _PREPOSED_QUARTER, _RANGE, _PREPOSED, _ALONE):
        for match in pattern.finditer(text):
            claimed = [*taken, *((clock.start, clock.end) for clock in clocks)]
            if not any(match.start() < end and start < match.end() for start, end in claimed):
                clocks.append(_clock(match))
    return sorted(clocks, key=lambda clock: clock.start)


def _clock(match: re.Match[str]) -> Clock:
    groups = match.groupdict()
    start, end = match.span()
    if match.re is _LUNCH:
        return _lunch(start, end, groups["how"])
    if match.re is _RANGE:
        first, last = (groups["from"], groups["to"]) if groups["from"] else (groups["bare_from"], groups["bare_to"])
        is_between = match[0].startswith("between")
        relation = Relation.DURING if is_between else Relation.THROUGHOUT
        readings, ends = _minutes_of(first), _minutes_of(last)
        if len(ends) == 1 and len(readings) > 1 and not re.search("am|pm", first):  # "2 to 4 pm"
            readings = tuple(minute for minute in readings if minute < ends[0])[-1:] or readings
        return Clock(
            start, end, relation, _usual(readings, Relation.THROUGHOUT) if len(readings) > 1 else readings, ends
        )
    how = groups.get("how") or "at"
    relation = next(each for each, words_ in _RELATIONS.items() if how in words_.split("|"))
    return Clock(start, end, relation, _minutes_of(match["time"]))


def _lunch(start: int, end: int, how: str | None) -> Clock:
    if how == "after":
        return Clock(start, end, Relation.AFTER, (13 * _HOUR,))
    if how == "before":
        return Clock(start, end, Relation.BEFORE, (_NOON,))
    return Clock(start, end, Relation.DURING, (_NOON,), (14 * _HOUR,))


def _minutes_of(text: str) -> tuple[int, ...]:
    """Return the minutes since midnight that a time of the patterns above may mean, the earlier first."""
    if "midnight" in text:
        return (MIDNIGHT,)
    if "noon" in text or "midday" in text:
        return (_NOON,)
    hour, minute = _hour_and_minute(text, [int(number) for number in re.findall(r"\d+", text)])
    half = text[-2:] if text.endswith(("am", "pm")) else ""
    if hour > _NOON_HOUR or (not half and re.match(r"0\d?[:.]", text)):
        return (hour * _HOUR + minute,)
    early = hour % _NOON_HOUR * _HOUR + minute
    if half:
        return (early if half == "am" else early + _NOON,)
    if hour == _NOON_HOUR:
        return (_NOON, MIDNIGHT) if minute == 0 else (_NOON + minute,)
    return early, early + _NOON


def _hour_and_minute(text: str, numbers: list[int]) -> tuple[int, int]:
    if "half" in text:
        return numbers[-1], 30
    beside = re.search(r"(past|after|to|of|till|before) ", text)
    if beside:
        minutes = 15 if "quarter" in text else numbers[0]
        if beside[1] in {"past", "after"}:
            return numbers[-1], minutes
        return (numbers[-1] - 2) % _NOON_HOUR + 1, _HOUR - minutes
    return numbers[0], numbers[1] if len(numbers) > 1 else 0


_PARTS: Final = {
    "early morning": (5 * _HOUR, 9 * _HOUR),
    "morning": (6 * _HOUR, _NOON),
    "afternoon": (_NOON, 18 * _HOUR),
    "arvo": (_NOON, 18 * _HOUR),
    "evening": (18 * _HOUR, 22 * _HOUR),
    "late evening": (20 * _HOUR, MIDNIGHT),
    "night": (18 * _HOUR, MIDNIGHT),
    "late night": (20 * _HOUR, MIDNIGHT),
}
_PART: Final = words(
    r"(?P<before>(?:(?:in|during|on|of|this|that|the|late in|early in) )*)"
    r"(?P<part>(?:(?:early|late) )?(?:morning|afternoon|arvo|evening|night))(?:'?s)?"
    r"|(?:late )?(?P<night>tonight(?:'s)?|at night)"
)


def parts_in(text: str, days: Sequence[tuple[int, int]]) -> Iterator[Part]:
    """Yield the parts of the day that a normal form names, in order; `days` are the spans of its days.

    "Good morning" is none: a part stands within a day, beside one, or behind "in the".
    """
    for match in _PART.finditer(text):
        start, end = match.span()
        is_beside = any(first <= end + 1 and start <= last + 1 for first, last in days)
        if match["night"] or is_beside or re.search(r"in|during", match["before"]):
            part = match["part"] or "night"
            yield Part(start, end, *(_PARTS.get(part) or _PARTS[part.split()[-1]]))  # nobody agrees on an early night
