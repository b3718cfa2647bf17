"""Opening hours in short, as tests write them."""

from datetime import UTC, date, datetime
from typing import Any

from callgenie.profiles.hours import minute_of
from callgenie.profiles.models import DAYS, Business, OpenInterval, WeeklyHours


def weekly(**hours: str) -> WeeklyHours:
    """Make hours from `mon="09:00-17:30"`, several intervals parted by commas; `weekdays` is Monday to Friday."""
    weekdays = hours.pop("weekdays", None)
    if weekdays is not None:
        hours = dict.fromkeys(DAYS[:5], weekdays) | hours
    spans: dict[Any, tuple[OpenInterval, ...]] = {
        day: tuple(
            OpenInterval(minute_of(span.split("-")[0]), minute_of(span.split("-")[1]))
            for span in text.split(",")
            if span
        )
        for day, text in hours.items()
    }
    return spans


def business(timezone: str = "UTC", holidays: tuple[date, ...] = (), **hours: str) -> Business:
    return Business(timezone=timezone, holidays=holidays, hours=weekly(**hours))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
