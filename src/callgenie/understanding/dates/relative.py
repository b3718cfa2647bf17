"""Days told from today: "tomorrow", "in two weeks", "a fortnight today", "right now".

"The day after tomorrow" and "a week from Friday" are put together in `joining`.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from callgenie.understanding.dates.found import Context, Found, Resolver, Rule, with_month, words

_DAYS: Final = {"day": 1, "week": 7, "fortnight": 14}
_FAR: Final = 120

_NOW: Final = words(
    r"(?:just |right )?now(?: now)?|right away|(?:right )?this (?:very )?(?:minute|moment|second|instant)"
    r"|(?:at|in) (?:the|this)(?: present| very)? (?:moment|minute)"
    r"|at present|currently|presently|as we speak"
    r"|in (?:about )?(?:half an hour|(?:an?|\d+)(?: more)? (?:minute|min|hour)s?(?:'s)?(?: time)?"
    r"|a (?:bit|moment|little while))"
)
_TODAY: Final = words(
    r"to ?day(?:'s)?|tonight(?:'s)?|later today|this (?:very )?(?:morning|afternoon|arvo|evening|night)(?:'s)?|this day"
)
_TOMORROW: Final = words(r"(?:tomorrow|tommorow|tommorrow|tomorow|tmrw|2morrow|the morrow)(?:'s)?")
_YESTERDAY: Final = words(r"yesterday(?:'s)?|last night")

_UNIT: Final = r"(?P<unit>day|week|fortnight|month)(?:'?s)?"
_NUMBER: Final = r"(?P<number>an?|\d{1,3})"
_IN: Final = words(rf"in (?:about |another )?{_NUMBER}(?: more)? {_UNIT}(?: time)?")
_FROM_NOW: Final = words(rf"{_NUMBER} {_UNIT} (?:from (?:now|today)|hence|(?:on )?today|time)")


def moved(day: date, number: int, unit: str) -> date:
    """Return the day so many days, weeks, fortnights or months later."""
    if unit == "month":
        return with_month(day, number)
    return day + timedelta(days=number * _DAYS[unit])


def count_of(text: str | None) -> int:
    """Return the number that "a", "the", nothing or digits stand for."""
    return int(text) if text is not None and text.isdecimal() else 1


def _now(match: re.Match[str], context: Context) -> Sequence[Found]:
    # "Now, what time do you open on Monday?"
    if match.start() == 0 and match[0] == "now" and match.end() < len(match.string.rstrip(" .?!,")):
        return []
    return [Found(match.start(), match.end(), (context.today,), is_now=True)]


def _ahead(days: int) -> Resolver:
    def resolve(match: re.Match[str], context: Context) -> Sequence[Found]:
        return [Found(match.start(), match.end(), (context.today + timedelta(days=days),))]

    return resolve


def _moved(match: re.Match[str], context: Context) -> Sequence[Found]:
    number = count_of(match["number"])
    if number > _FAR:
        return []
    return [Found(match.start(), match.end(), (moved(context.today, number, match["unit"]),))]


COUNTED: Final = (Rule(_FROM_NOW, _moved), Rule(_IN, _moved))
RULES: Final = (
    Rule(_NOW, _now),
    Rule(_TODAY, _ahead(0)),
    Rule(_TOMORROW, _ahead(1)),
    Rule(_YESTERDAY, _ahead(-1)),
)
