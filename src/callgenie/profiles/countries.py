"""The country of a business, from its time zone: for the order of numeric dates, and for holidays."""

from typing import Final

# Zones of America in the IANA database, old names included. A zone that is nowhere here tells no country whose holidays
# we know.
_ZONES: Final = {
    "CA": (
        "Atikokan Blanc-Sablon Cambridge_Bay Creston Dawson Dawson_Creek Edmonton Fort_Nelson Glace_Bay Goose_Bay"
        " Halifax Inuvik Iqaluit Moncton Montreal Nipigon Pangnirtung Rainy_River Rankin_Inlet Regina Resolute St_Johns"
        " Swift_Current Thunder_Bay Toronto Vancouver Whitehorse Winnipeg Yellowknife"
    ),
    "US": (
        "Adak Anchorage Atka Boise Chicago Denver Detroit Fort_Wayne Indianapolis Juneau Los_Angeles Louisville"
        " Menominee Metlakatla New_York Nome Phoenix Shiprock Sitka Yakutat"
    ),
}
_AREAS: Final = {"US": "US", "Canada": "CA", "Australia": "AU"}
_AMERICAN_AREAS: Final = ("America/Indiana/", "America/Kentucky/", "America/North_Dakota/")
_NAMED: Final = {
    "Africa/Johannesburg": "ZA",
    "Asia/Calcutta": "IN",
    "Asia/Kolkata": "IN",
    "Eire": "IE",
    "Europe/Belfast": "GB",
    "Europe/Dublin": "IE",
    "Europe/London": "GB",
    "GB": "GB",
    "GB-Eire": "GB",
    "NZ": "NZ",
    "NZ-CHAT": "NZ",
    "Pacific/Auckland": "NZ",
    "Pacific/Chatham": "NZ",
    "Pacific/Honolulu": "US",
}
_OF_AMERICA: Final = {name: country for country in ("CA", "US") for name in _ZONES[country].split()}


def country_of(timezone: str) -> str | None:
    """Return the ISO 3166 code of the country of a time zone, or None if it is none whose holidays we know."""
    area, _, name = timezone.partition("/")
    if timezone in _NAMED:
        return _NAMED[timezone]
    if area in _AREAS:
        return _AREAS[area]
    if timezone.startswith(_AMERICAN_AREAS):
        return "US"
    return _OF_AMERICA.get(name) if area == "America" else None
