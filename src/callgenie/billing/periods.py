"""Periods: months that are counted from the moment a user's plan was anchored.

Period n is `[anchor + n months, anchor + (n + 1) months)` in UTC. Months are always added to the original anchor, with
the day cut down to what the month has: an anchor on 31 January gives 28 February and then 31 March. Adding to the
previous period instead would stay on the 28th for ever.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime

_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Period:
    """The time from `start` up to, and not including, `end`."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def period_at(anchor: datetime, moment: datetime) -> Period:
    """Return the period that `moment` lies in; both are aware. A moment before the anchor has its period too."""
    anchor, moment = anchor.astimezone(UTC), moment.astimezone(UTC)
    # Starts in the same calendar month as the moment, so it is the right one or one too late.
    months = (moment.year - anchor.year) * _MONTHS + moment.month - anchor.month
    if _add_months(anchor, months) > moment:
        months -= 1
    return Period(_add_months(anchor, months), _add_months(anchor, months + 1))


def _add_months(anchor: datetime, months: int) -> datetime:
    years, month_index = divmod(anchor.month - 1 + months, _MONTHS)
    year, month = anchor.year + years, month_index + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, monthrange(year, month)[1]))
