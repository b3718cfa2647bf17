"""When somebody may be called: by the clock on their own wall, as far as their number says where that is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from phonenumbers import NumberParseException, parse
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from callgenie.profiles.models import OpenInterval

# An area code may lie in two zones that are neighbours. Toll-free numbers, and mobile ones of some large countries,
# have a list of zones that says nothing.
_SPREAD_MAX: Final = timedelta(hours=3)

_MINUTE: Final = timedelta(minutes=1)
_LOOK_AHEAD: Final = timedelta(days=2)


def zones_of(number: str, at: datetime) -> tuple[ZoneInfo, ...]:
    """Return the time zones that a number may ring in; none when it does not say."""
    try:
        names = time_zones_for_number(parse(number))
    except NumberParseException:
        return ()
    zones = tuple(ZoneInfo(name) for name in names if name != UNKNOWN_TIMEZONE)
    offsets = [at.astimezone(zone).utcoffset() or timedelta() for zone in zones]
    return zones if zones and max(offsets) - min(offsets) <= _SPREAD_MAX else ()


def may_call(zones: Sequence[ZoneInfo], hours: OpenInterval, at: datetime) -> bool:
    """Tell whether it is within the hours in every one of the zones."""
    return all(hours.open <= _minute(at.astimezone(zone)) < hours.close for zone in zones)


def next_moment(zones: Sequence[ZoneInfo], hours: OpenInterval, at: datetime) -> datetime | None:
    """Return the next whole minute, in UTC, at which it is within the hours; None: not within two days."""
    moment = at.astimezone(UTC).replace(second=0, microsecond=0)
    until = moment + _LOOK_AHEAD
    while moment < until:
        moment += _MINUTE
        if may_call(zones, hours, moment):
            return moment
    return None


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute
