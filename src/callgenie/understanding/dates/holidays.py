"""Holidays and feasts by name: on which date the next one falls, in the countries whose callers we expect.

Most follow a rule: a fixed date, the nth weekday of a month, so many days from Easter. Lunar feasts and the public
holidays of a country ("the August bank holiday") are read from a table, which `make holidays` writes.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from callgenie.understanding.dates.found import WEEKDAY

Rule = Callable[[int], tuple[date, ...]]

_DAYS_A_WEEK: Final = 7
_MON, _TUE, _THU, _FRI, _SUN = 0, 1, 3, 4, 6


@dataclass(frozen=True, slots=True)
class Holiday:
    """A named day: the words for it, and the rule that gives its dates in a year.

    Attributes:
        name: As we say it.
        words: A regular expression over the normal form of a text.
        rule: Its dates in a year.
        elsewhere: Countries with another rule; None: it is not kept there, or not on one day.
    """

    name: str
    words: str
    rule: Rule
    elsewhere: Mapping[str, Rule | None] = field(default_factory=dict)

    def rule_in(self, country: str | None) -> Rule | None:
        """Return the rule that holds in a country."""
        return self.elsewhere.get(country or "", self.rule)


def easter_of(year: int) -> date:
    """Return the date of Easter Sunday in a Gregorian year (Meeus, Astronomical Algorithms, chapter 8)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    leaps = (8 * century + 13) // 25
    epact = (19 * golden + century - century // 4 - leaps + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date | None:
    """Return the nth such weekday of a month, the last one for -1, or None if it has none."""
    first = date(year, month, 1)
    days = [first + timedelta(days=(weekday - first.weekday()) % _DAYS_A_WEEK + 7 * week) for week in range(5)]
    days = [day for day in days if day.month == month]
    index = nth - 1 if nth > 0 else nth
    return days[index] if index < len(days) else None


def _on(month: int, day: int) -> Rule:
    return lambda year: (date(year, month, day),)


def _nth(month: int, weekday: int, nth: int, days_later: int = 0) -> Rule:
    def rule(year: int) -> tuple[date, ...]:
        day = nth_weekday(year, month, weekday, nth)
        return () if day is None else (day + timedelta(days=days_later),)

    return rule


def _from_easter(days: int) -> Rule:
    return lambda year: (easter_of(year) + timedelta(days=days),)


@cache
def _table() -> Mapping[str, Any]:
    text = resources.files("callgenie.understanding.dates").joinpath("public_holidays.json").read_text("utf-8")
    table: Mapping[str, Any] = json.loads(text)
    return table


def _listed(*names: str) -> Rule:
    def rule(year: int) -> tuple[date, ...]:
        days = sorted(date.fromisoformat(day) for name in names for day in _table()["feasts"][name])
        return tuple(day for day in days if day.year == year)

    return rule


def _victoria_day(year: int) -> tuple[date, ...]:
    """Return the last Monday before May 25."""
    day = date(year, 5, 24)
    return (day - timedelta(days=day.weekday()),)


def public_holidays(country: str | None, first: date) -> list[tuple[date, str]]:
    """Return the public holidays of a country from a date on, with their names; empty if we do not know them."""
    days: Mapping[str, str] = _table()["public"].get(country or "", {})
    found = (
        (date.fromisoformat(day), name.partition(";")[0].removesuffix(" (estimated)")) for day, name in days.items()
    )
    return sorted((day, _spoken(name)) for day, name in found if day >= first)


def _spoken(name: str) -> str:
    if name.endswith(" (observed)"):
        return f"the {name.removesuffix(' (observed)')} holiday"
    return f"the {name}" if name.endswith(" Bank Holiday") else name


_SAINT: Final = r"(?:saint|st)(?: \.)?"

# With the weekday before it, and not as the first of "July 4th and 5th".
_FOURTH_OF_JULY: Final = (
    rf"(?:{WEEKDAY}(?: ,)?(?: the)? )?(?:(?:the )?4(?:th)? of july|july (?:the )?4th)"
    r"(?! (?:and|or|,|to|through|thru|until|till|-|\u2013)(?: the)? \d\d?(?:th)?(?!\S))"
)

HOLIDAYS: Final = (
    Holiday("Christmas Eve", r"(?:christmas|xmas) eve", _on(12, 24)),
    Holiday("Christmas Day", r"(?:christmas|xmas)(?: day)?", _on(12, 25)),
    Holiday("Boxing Day", r"boxing day", _on(12, 26)),
    Holiday("Saint Stephen's Day", rf"{_SAINT} (?:stephen|steven)'?s(?: day)?", _on(12, 26)),
    Holiday("the Day of Goodwill", r"day of goodwill", _on(12, 26)),
    Holiday("Lunar New Year", r"(?:chinese|lunar) new year", _listed("Chinese New Year")),
    Holiday("New Year's Eve", r"new year'?s? eve|hogmanay|old year'?s (?:night|eve)", _on(12, 31)),
    Holiday("New Year's Day", r"new year(?:'?s)?(?: day)?", _on(1, 1)),
    Holiday("Palm Sunday", r"palm sunday", _from_easter(-7)),
    Holiday("Maundy Thursday", r"(?:maundy|holy) thursday", _from_easter(-3)),
    Holiday("Good Friday", r"(?:good|easter) friday", _from_easter(-2)),
    Holiday("Easter Saturday", r"(?:easter|holy) saturday", _from_easter(-1)),
    Holiday("Easter Monday", r"easter monday", _from_easter(1)),
    Holiday("Easter Sunday", r"easter(?: sunday| day)?", _from_easter(0)),
    Holiday("Ash Wednesday", r"ash wednesday", _from_easter(-46)),
    Holiday("Shrove Tuesday", r"(?:shrove|fat|pancake) tuesday|pancake day|mardi gras", _from_easter(-47)),
    Holiday("Ascension Day", r"ascension(?: day| thursday)", _from_easter(39)),
    Holiday("Whit Sunday", r"whit ?sunday|pentecost(?: sunday)?", _from_easter(49)),
    Holiday("Whit Monday", r"whit monday|pentecost monday", _from_easter(50)),
    Holiday("Valentine's Day", r"(?:saint |st (?:\. )?)?valentine'?s(?: day)?", _on(2, 14)),
    Holiday("Saint Patrick's Day", rf"{_SAINT} (?:patrick|paddy)'?s(?: day)?|paddy'?s day", _on(3, 17)),
    Holiday("Saint George's Day", rf"{_SAINT} george'?s day", _on(4, 23)),
    Holiday("Saint Andrew's Day", rf"{_SAINT} andrew'?s day", _on(11, 30)),
    Holiday("Saint David's Day", rf"{_SAINT} david'?s day", _on(3, 1)),
    Holiday("Halloween", r"hallowe'?en", _on(10, 31)),
    Holiday("Bonfire Night", r"bonfire night|guy fawkes(?: night| day)?", _on(11, 5)),
    Holiday("Veterans Day", r"veteran'?s'? day", _on(11, 11)),
    Holiday("Remembrance Day", r"remembrance day|armistice day", _on(11, 11)),
    Holiday(
        "Mother's Day",
        r"mother'?s'? day|mothering sunday",
        _nth(5, _SUN, 2),
        {"GB": _from_easter(-21), "IE": _from_easter(-21)},
    ),
    Holiday("Father's Day", r"father'?s'? day", _nth(6, _SUN, 3), {"AU": _nth(9, _SUN, 1), "NZ": _nth(9, _SUN, 1)}),
    Holiday(
        "Martin Luther King Day",
        r"(?:martin luther king|mlk|m l k)(?: ,? ?(?:jr|junior)(?: \.)?)?(?:'s)?(?: day| birthday)",
        _nth(1, _MON, 3),
    ),
    Holiday("Presidents' Day", r"president'?s'? day|washington'?s birthday", _nth(2, _MON, 3)),
    Holiday("Memorial Day", r"memorial day", _nth(5, _MON, -1)),
    Holiday("Juneteenth", r"june ?teenth", _on(6, 19)),
    Holiday(
        "the Fourth of July",
        _FOURTH_OF_JULY,
        _on(7, 4),
        dict.fromkeys(("AU", "CA", "GB", "IE", "IN", "NZ", "ZA")),
    ),
    Holiday("Independence Day", r"independence day", _on(7, 4), {"IN": _on(8, 15)}),
    Holiday(
        "Labor Day",
        r"labou?r day",
        _nth(9, _MON, 1),
        {"NZ": _nth(10, _MON, 4), "IN": _on(5, 1), "ZA": _on(5, 1), "GB": _on(5, 1), "IE": None, "AU": None},
    ),
    Holiday("Columbus Day", r"columbus day", _nth(10, _MON, 2)),
    Holiday("Indigenous Peoples' Day", r"indigenous peoples?'?s?'? day", _nth(10, _MON, 2)),
    Holiday("Thanksgiving", r"thanksgiving(?: day| thursday)?", _nth(11, _THU, 4), {"CA": _nth(10, _MON, 2)}),
    Holiday("Black Friday", r"black friday", _nth(11, _THU, 4, days_later=1)),
    Holiday("Cyber Monday", r"cyber monday", _nth(11, _THU, 4, days_later=4)),
    Holiday("Super Bowl Sunday", r"super ?bowl(?: sunday)?", _nth(2, _SUN, 2)),
    Holiday("Family Day", r"family day", _nth(2, _MON, 3), {"ZA": _from_easter(1)}),
    Holiday("Victoria Day", r"victoria day|may long weekend", _victoria_day),
    Holiday("Canada Day", r"canada day", _on(7, 1)),
    Holiday("the Civic Holiday", r"civic holiday", _nth(8, _MON, 1)),
    Holiday("the Day for Truth and Reconciliation", r"truth and reconciliation day|orange shirt day", _on(9, 30)),
    Holiday("May Day", r"may day", _on(5, 1), {"GB": _nth(5, _MON, 1), "IE": _nth(5, _MON, 1)}),
    Holiday("Australia Day", r"australia day|survival day|invasion day", _on(1, 26)),
    Holiday("Anzac Day", r"anzac(?: day)?", _on(4, 25)),
    Holiday("Melbourne Cup Day", r"(?:melbourne )?cup day", _nth(11, _TUE, 1)),
    Holiday(
        "the King's Birthday", r"(?:king|queen)'?s birthday", _nth(6, _MON, 2), {"NZ": _nth(6, _MON, 1), "GB": None}
    ),
    Holiday("Waitangi Day", r"waitangi(?: day)?", _on(2, 6)),
    Holiday("Matariki", r"matariki", _listed("Matariki")),
    Holiday("Republic Day", r"republic day", _on(1, 26)),
    Holiday("Gandhi Jayanti", r"gandhi jayanti|gandhi'?s birthday", _on(10, 2)),
    Holiday("Diwali", r"(?:diwali|deepavali|divali)(?: day)?", _listed("Diwali")),
    Holiday("Holi", r"holi", _listed("Holi")),
    Holiday("Dussehra", r"dussehra|dasara|dashera|vijaya ?dashami", _listed("Dussehra")),
    Holiday("Raksha Bandhan", r"raksha ?bandhan|rakhi", _listed("Raksha Bandhan")),
    Holiday("Ganesh Chaturthi", r"ganesh(?:a)? chaturthi|vinayaka? chaturthi", _listed("Ganesh Chaturthi")),
    Holiday("Janmashtami", r"(?:krishna )?janmashtami", _listed("Janmashtami")),
    Holiday("Maha Shivaratri", r"(?:maha ?)?shiv(?:a)?ratri", _listed("Maha Shivaratri")),
    Holiday("Ram Navami", r"ram(?:a)? navami", _listed("Ram Navami")),
    Holiday("Guru Nanak Jayanti", r"guru nanak(?:'s)? (?:jayanti|birthday)|gurpurab", _listed("Guru Nanak Jayanti")),
    Holiday("Onam", r"onam", _listed("Onam")),
    Holiday("Pongal", r"pongal|makara? sankranti", _listed("Pongal")),
    Holiday("Muharram", r"muharram|ashura", _listed("Ashura")),
    Holiday("Eid al-Fitr", r"eid(?: -)? (?:al|ul|el)(?: -)? fitr", _listed("Eid al-Fitr")),
    Holiday("Eid al-Adha", r"eid(?: -)? (?:al|ul|el)(?: -)? adha|bakr?a? ?-? ?eid|bakrid", _listed("Eid al-Adha")),
    Holiday("Eid", r"eid(?: day)?", _listed("Eid al-Fitr", "Eid al-Adha")),
    Holiday("Passover", r"passover|pesach", _listed("Passover")),
    Holiday("Rosh Hashanah", r"rosh hashanah?", _listed("Rosh Hashanah")),
    Holiday("Yom Kippur", r"yom kippur", _listed("Yom Kippur")),
    Holiday("Hanukkah", r"c?hanuk?kah", _listed("Hanukkah")),
    Holiday("Human Rights Day", r"human rights day", _on(3, 21)),
    Holiday("Freedom Day", r"freedom day", _on(4, 27)),
    Holiday("Workers' Day", r"workers?'?s?'? day", _on(5, 1)),
    Holiday("Youth Day", r"youth day", _on(6, 16)),
    Holiday("Women's Day", r"(?:national )?women'?s day", _on(3, 8), {"ZA": _on(8, 9)}),
    Holiday("Heritage Day", r"heritage day|braai day", _on(9, 24)),
    Holiday("the Day of Reconciliation", r"(?:day of )?reconciliation(?: day)?", _on(12, 16)),
)
