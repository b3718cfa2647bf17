"""The table of public holidays and movable feasts, computed anew from the `holidays` package.

The program reads the table, not the package: at run time the package would cost 14 MB of disk, 19 MB of memory and a
third of a second in the middle of a call, for eight countries. `make holidays` writes the table; a test compares it.
"""

import json
from datetime import timedelta
from typing import Final

from holidays import country_holidays

TABLE: Final = "src/callgenie/understanding/dates/public_holidays.json"

# The package knows the dates of India's lunar feasts up to 2035.
YEARS: Final = range(2025, 2036)

# England's bank holidays stand for those of the United Kingdom; elsewhere what the whole country has.
_COUNTRIES: Final = {"AU": None, "CA": None, "GB": "ENG", "IE": None, "IN": None, "NZ": None, "US": None, "ZA": None}

# Feasts that no rule of our calendar gives: name of ours, country and name of the package's.
_FEASTS: Final = {
    "Ashura": ("IN", "Ashura"),
    "Chinese New Year": ("SG", "Chinese New Year"),
    "Diwali": ("IN", "Diwali"),
    "Dussehra": ("IN", "Dussehra"),
    "Eid al-Adha": ("IN", "Eid al-Adha"),
    "Eid al-Fitr": ("IN", "Eid al-Fitr"),
    "Ganesh Chaturthi": ("IN", "Ganesh Chaturthi / Vinayak Chaturthi"),
    "Guru Nanak Jayanti": ("IN", "Guru Nanak's Birthday"),
    "Hanukkah": ("IL", "Hanukkah"),
    "Holi": ("IN", "Holi"),
    "Janmashtami": ("IN", "Janmashtami (Vaishnava)"),
    "Maha Shivaratri": ("IN", "Maha Shivaratri"),
    "Matariki": ("NZ", "Matariki"),
    "Onam": ("IN", "Onam"),
    "Passover": ("IL", "Pesach"),
    "Pongal": ("IN", "Pongal"),
    "Raksha Bandhan": ("IN", "Raksha Bandhan"),
    "Ram Navami": ("IN", "Ram Navami"),
    "Rosh Hashanah": ("IL", "Rosh Hashanah"),
    "Yom Kippur": ("IL", "Yom Kippur"),
}


def build() -> dict[str, object]:
    """Return the table: each country's public holidays by date, and the first day of each feast, year by year."""
    public = {
        country: {day.isoformat(): name for day, name in sorted(country_holidays(country, part, years=YEARS).items())}
        for country, part in _COUNTRIES.items()
    }
    return {"public": public, "feasts": {feast: _dates(*source) for feast, source in _FEASTS.items()}}


def _dates(country: str, name: str) -> list[str]:
    # With the year before, so that a feast that lasts over New Year begins where it does.
    years = range(YEARS.start - 1, YEARS.stop)
    found = country_holidays(country, years=years, language="en_US", categories=_categories(country))
    days = {
        day
        for day, names in found.items()
        if name in {names, *(each.removesuffix(" (estimated)") for each in names.split("; "))}
    }
    return [day.isoformat() for day in sorted(days) if day.year in YEARS and day - timedelta(days=1) not in days]


def _categories(country: str) -> tuple[str, ...]:
    return country_holidays(country).supported_categories if country in {"IN", "IL"} else ("public",)


def as_json() -> str:
    """Return the table as it stands in its file."""
    return json.dumps(build(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(as_json(), end="")  # noqa: T201 - `make holidays` redirects it into the table
