"""Finds the numbers with a meaning in English text: prices, times, dates, durations, addresses, telephone numbers.

They are found the same way in what a model says and in what it was told, so that "ninety dollars" and "$90" are the
same.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from callgenie.voice.figures.figure import (
    Figure,
    Kind,
    are_hours,
    date_of,
    plain_figure,
    price,
    slashed_dates,
    time_of_day,
    with_unit_of,
)
from callgenie.voice.figures.number_words import Token, tokens_of
from callgenie.voice.figures.units import (
    CENTS,
    CERTAIN,
    CURRENCIES,
    CURRENCY_SIGNS,
    LABELS,
    LINKS,
    MINUTES,
    MONTHS,
    NO_NOUNS,
    NOT_LASTING,
    PRICE_CUES,
    STREETS,
    SURE_STREETS,
    TIME_CUES,
)

_PHONE_DIGITS_MIN: Final = 7
_SPELLED_DIGITS_MIN: Final = 3
_BETWEEN_DIGITS: Final = frozenset({"-", ",", "(", ")", ".", "/", "+", "uh", "um"})
_OHS: Final = frozenset({"oh", "o"})
_GROUP_DIGITS: Final = 3
_PAIR: Final = 2
_PAIRS_MIN: Final = 4  # as in France
_COURTEOUS_MAX: Final = 2
_CENTS_A_UNIT: Final = 100
_ADJACENT: Final = 2  # places between two numbers with one word between them
_FROM_TO: Final = frozenset({"to", "-", "until", "till"})
_PASSED_ON: Final = frozenset({Kind.PRICE, Kind.PERCENTAGE, Kind.DURATION, Kind.TIME})
_HOURS: Final = 24
_HOUR_MINUTES: Final = 60
_YEARS: Final = range(1_900, 2_200)
_DAYS_MAX: Final = 31
_MONTHS_MAX: Final = 12
_ROUND_THE_CLOCK: Final = (24, 7)
_NOON: Final = 720
_DAY_MINUTES: Final = 1_440


def figures_in(text: str) -> list[Figure]:
    """Return the numbers of a text, in order, as far as they can be understood."""
    return _Reader(tokens_of(text)).figures()


def digit_runs_in(text: str) -> list[str]:
    """Return the digits of a text as they were told: each run of them, whatever it may mean."""
    runs: list[str] = []
    after = -1
    for run, start, end in _runs(tokens_of(text)):
        if runs and start == after:
            runs[-1] += run
        else:
            runs.append(run)
        after = end
    return runs


def _digits_of(tokens: Sequence[Token], at: int, *, within: bool) -> str:
    token = tokens[at]
    if token.text in _OHS:
        return "0" if within or (at + 1 < len(tokens) and tokens[at + 1].is_spelled) else ""
    return "" if token.is_ordinal or token.is_date or token.minutes is not None else token.digits


def _runs(tokens: Sequence[Token]) -> list[tuple[str, int, int]]:
    """Return every run of digits that stand together, with where it begins and ends among the tokens."""
    runs: list[tuple[str, int, int]] = []
    at = 0
    while at < len(tokens):
        start, groups = at, list[str]()
        end = at
        while at < len(tokens):
            digits = _digits_of(tokens, at, within=bool(groups))
            if digits:
                groups.append(digits)
                end = at + 1
            elif tokens[at].text not in _BETWEEN_DIGITS or not groups:
                break
            at += 1
        if groups:
            runs.append(("".join(groups), start, end))
        at = max(end, start + 1)
    return runs


class _Reader:
    """One text's tokens, and which of them are understood."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._used: set[int] = set()
        self._found: dict[int, Figure] = {}

    def figures(self) -> list[Figure]:
        self._read_phones()
        for at, token in enumerate(self._tokens):
            if at not in self._used:
                self._read(at, token)
        self._read_ranges()
        return [self._found[at] for at in sorted(self._found)]

    # Looking around

    def _text(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""

    def _is_number(self, at: int) -> bool:
        return 0 <= at < len(self._tokens) and self._tokens[at].is_number and at not in self._used

    def _set(self, at: int, figure: Figure, *more: int) -> None:
        self._found[at] = figure
        self._used.update({at, *more})

    # Telephone numbers

    def _read_phones(self) -> None:
        for digits, start, end in _runs(self._tokens):
            groups = [token for token in self._tokens[start:end] if token.digits or token.text in _OHS]
            singles = all(len(group.digits) <= 1 or group.is_spelled for group in groups)
            is_spelled = all(group.is_spelled or group.text in _OHS for group in groups)
            separators = {token.text for token in self._tokens[start:end]} & {",", "."}
            is_pairs = len(groups) >= _PAIRS_MIN and {len(group.digits) for group in groups} == {_PAIR}
            is_phone = len(digits) >= _PHONE_DIGITS_MIN and (
                singles or is_pairs or any(len(group.digits) >= _GROUP_DIGITS for group in groups)
            )
            is_code = singles and is_spelled and len(groups) >= _SPELLED_DIGITS_MIN and not separators
            has_unit = self._text(start - 1) in CURRENCY_SIGNS or self._unit_after(end) is not None
            if (is_phone or is_code) and not has_unit:
                self._set(start, Figure(Kind.DIGITS, frozenset(), digits=digits), *range(start, end))

    # Single numbers

    def _read(self, at: int, token: Token) -> None:
        if token.text in {"noon", "midday", "midnight"}:
            minutes = {0, _DAY_MINUTES} if token.text == "midnight" else {_NOON}
            self._set(at, Figure(Kind.TIME, frozenset(map(float, minutes)), frozenset({12.0})))
        elif token.text in {"half", "quarter", "an", "a", "one"} and (figure := self._in_words(at)):
            self._set(at, figure)
        elif token.is_number and not self._is_certainty(at):
            figure = self._with_unit(at, token) or self._address(at, token)
            figure = figure or self._date(at, token) or self._time(at, token)
            if figure is not None:
                self._set(at, figure)
            elif not token.is_ordinal:
                self._set(at, self._bare(at, token))

    def _in_words(self, at: int) -> Figure | None:
        """Read what is said without a number: "half past nine", "half an hour", "a week"."""
        words = [self._text(each) for each in range(at, at + 5)]
        if words[0] in {"half", "quarter"} and words[1] in {"past", "to", "after"} and self._is_number(at + 2):
            minutes = 30 if words[0] == "half" else 15
            hour = self._tokens[at + 2].values[0]
            self._used.add(at + 2)
            return time_of_day(hour * 60 + (-minutes if words[1] == "to" else minutes), hour)
        parts = {("half", "an", "hour"): 30.0, ("half", "hour"): 30.0, ("quarter", "of", "an", "hour"): 15.0}
        for phrase, minutes_of in parts.items():
            if tuple(words[: len(phrase)]) == phrase:
                return Figure(Kind.DURATION, frozenset({minutes_of}), frozenset({0.5}))
        if words[0] not in {"an", "a"} or words[1] not in MINUTES or self._text(at - 1) in NOT_LASTING:
            return None
        amount = 1.5 if words[2:] == ["and", "a", "half"] else 1.0
        if MINUTES[words[1]] <= 1:
            return None  # "in a minute" is no promise
        return Figure(Kind.DURATION, frozenset({amount * MINUTES[words[1]]}), frozenset({amount}))

    def _unit_after(self, at: int) -> tuple[str, int] | None:
        """Return the unit that stands at `at`, if one does, and where it ends."""
        start = at + 1 if self._text(at) == "-" else at
        word = self._text(start)
        if word in CURRENCIES or word in CENTS or word in MINUTES or word in {"%", "percent"}:
            return word, start + 1
        return ("percent", start + 2) if (word, self._text(start + 1)) == ("per", "cent") else None

    def _with_unit(self, at: int, token: Token) -> Figure | None:
        values, after = list(token.values), at + 1
        if [self._text(each) for each in range(after, after + 3)] == ["and", "a", "half"]:
            values, after = [value + 0.5 for value in values], after + 3
        if self._text(at - 1) in CURRENCY_SIGNS:
            return price(values, CURRENCY_SIGNS[self._text(at - 1)])
        unit = self._unit_after(after)
        if unit is None:
            return price(values, "") if self._text(at - 1) in PRICE_CUES else None
        word, after = unit
        if word in CURRENCIES or word in CENTS:
            cents = self._cents_after(after) if word in CURRENCIES else 0.0
            parts = 1 if word in CURRENCIES else _CENTS_A_UNIT
            return price([value / parts + cents for value in values], CURRENCIES.get(word, ""))
        if word not in MINUTES:
            return Figure(Kind.PERCENTAGE, frozenset(values), frozenset(values))
        if token.is_ordinal or self._is_courtesy(at, after):
            return None
        minutes = frozenset(round(value * MINUTES[word], 3) for value in values)
        return Figure(Kind.DURATION, minutes, frozenset(values))

    def _is_certainty(self, at: int) -> bool:
        """Tell whether it is such as "a hundred percent sure"."""
        unit = self._unit_after(at + 1)
        return unit is not None and unit[0] in {"%", "percent"} and self._text(unit[1]) in CERTAIN

    def _cents_after(self, at: int) -> float:
        """Return the cents that are said after the dollars, as a part of one."""
        start = at + 1 if self._text(at) == "and" else at
        if not self._is_number(start) or self._text(start + 1) not in CENTS:
            return 0.0
        self._used.add(start)
        return self._tokens[start].values[0] / _CENTS_A_UNIT

    def _is_courtesy(self, at: int, after: int) -> bool:
        """Tell whether it is such as "one moment please", "just two seconds"."""
        around = {self._text(at - 1), self._text(at - 2), self._text(after), self._text(after + 1)}
        is_short = self._tokens[at].values[0] <= _COURTEOUS_MAX and MINUTES[self._text(after - 1)] <= 1
        return is_short and bool(around & {"just", "give", "me", "please", "moment", "wait", "hold"})

    def _date(self, at: int, token: Token) -> Figure | None:
        if token.is_date:
            return date_of(int(token.values[0]), int(token.values[1]))
        day = token.values[0]
        if not 1 <= day <= _DAYS_MAX or day != int(day):
            return None
        if figure := self._date_by_month(at, int(day)) or self._date_by_slash(at, day):
            return figure
        if token.is_ordinal and self._text(at - 1) == "the" and self._text(at - 2) in {"on", "until", "by", "from"}:
            return Figure(Kind.DATE, frozenset({float(month * 100 + day) for month in range(1, _MONTHS_MAX + 1)}))
        return None

    def _date_by_month(self, at: int, day: int) -> Figure | None:
        before = at - 1 if self._text(at - 1) != "the" else at - 2
        after = at + 1 if self._text(at + 1) != "of" else at + 2
        for month_at in (before, after):
            month = MONTHS.get(self._text(month_at))
            if month is None or not self._is_month(month_at):
                continue
            year = after + 1 if month_at == after else at + 1
            year += self._text(year) == ","
            if self._is_number(year) and any(value in _YEARS for value in self._tokens[year].values):
                self._used.add(year)
            return date_of(month, day)
        return None

    def _date_by_slash(self, at: int, day: float) -> Figure | None:
        if self._text(at + 1) != "/" or not self._is_number(at + 2):
            return None
        other = self._tokens[at + 2].values[0]
        days = [] if (day, other) == _ROUND_THE_CLOCK else slashed_dates(day, other)
        if not days:
            return None
        self._used.add(at + 2)
        return Figure(Kind.DATE, frozenset(days))

    def _is_month(self, at: int) -> bool:
        return self._text(at) not in {"may", "mar", "march"} or self._tokens[at].is_capital

    def _address(self, at: int, token: Token) -> Figure | None:
        if token.is_ordinal:
            is_floor = self._text(at + 1) in {"floor", "street", "avenue"}
            return plain_figure(Kind.ADDRESS, token) if is_floor else None
        before = self._text(at - 2) if self._text(at - 1) == "number" else self._text(at - 1)
        named = [self._tokens[each] for each in range(at + 1, min(at + 4, len(self._tokens)))]
        streets = STREETS if named and named[0].is_capital else SURE_STREETS
        is_street = self._counts(at) and any(each.text in streets for each in named)
        return plain_figure(Kind.ADDRESS, token) if is_street or before in LABELS else None

    def _time(self, at: int, token: Token) -> Figure | None:
        half_day = self._text(at + 1) if self._text(at + 1) in {"am", "pm"} else ""
        hour = token.values[0] if token.minutes is None else token.minutes // 60
        is_hour = 0 <= hour <= _HOURS and (token.minutes is not None or hour == int(hour))
        if not is_hour or self._text(at + 1) == "of":
            return None
        minutes = hour * 60 if token.minutes is None else float(token.minutes)
        is_clock = ":" in token.text or self._text(at + 1) == "o'clock"
        if half_day:
            exact = minutes % _NOON + (_NOON if half_day == "pm" else 0)
            return Figure(Kind.TIME, frozenset({exact}), frozenset({float(hour)}))
        past = self._text(at + 1) in {"past", "after"} and self._is_number(at + 2) and token.values[0] < _HOUR_MINUTES
        if past and self._text(at + 1) == "past":
            self._used.add(at + 2)
            spoken = self._tokens[at + 2].values[0]
            return time_of_day(spoken * 60 + token.values[0], spoken)
        if is_clock or (self._text(at - 1) in TIME_CUES and not self._counts(at)):
            others = token.values if token.minutes is not None else ()
            return time_of_day(minutes, float(hour), *others)
        return None

    def _counts(self, at: int) -> bool:
        """Tell whether a number counts what is named after it."""
        after = at + 2 if self._text(at + 1) == "-" else at + 1
        follows = self._tokens[after] if after < len(self._tokens) else None
        return follows is not None and follows.is_word and follows.text not in NO_NOUNS

    def _bare(self, at: int, token: Token) -> Figure:
        if token.minutes is not None:
            values = frozenset({*token.values, *time_of_day(float(token.minutes), 0.0).values})
            return Figure(Kind.NUMBER, frozenset(token.values), values, digits=token.digits)
        return plain_figure(Kind.COUNT if self._counts(at) else Kind.NUMBER, token)

    # Ranges

    def _read_ranges(self) -> None:
        """Give the unit of "two to three weeks" and "from nine to five" to both their ends."""
        links = list(pairwise(sorted(self._found)))
        for first, second in reversed(links):
            low, high = self._found[first], self._found[second]
            sign = self._text(second - 1) in CURRENCY_SIGNS
            is_range = second - first == _ADJACENT + sign and self._text(second - 1 - sign) in LINKS
            if is_range and low.kind is Kind.NUMBER and high.kind in _PASSED_ON:
                self._found[first] = with_unit_of(high, low)
        for first, second in links:
            low, high = self._found[first], self._found[second]
            if second - first != _ADJACENT or self._text(first + 1) not in LINKS or high.kind is not Kind.NUMBER:
                continue
            if low.kind in _PASSED_ON - {Kind.DURATION}:
                self._found[second] = with_unit_of(low, high)
            elif self._text(first + 1) in _FROM_TO and are_hours(low, high):
                for at in (first, second):
                    hour = min(self._found[at].values)
                    self._found[at] = time_of_day(hour * 60, hour)
