"""Reads a line of text as a phone number, and tells the country and area code."""

from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from callgenie.kernel.phone import is_e164
from callgenie.numbers.models import PooledNumber

# The longest way to write an E.164 number with spaces and brackets has less than half of this.
_LINE_CHARS_MAX: Final = 64

# The parser puts this in place of a country for calling codes such as +800 that belong to none.
_NO_COUNTRY: Final = "001"


class UnreadableNumberError(ValueError):
    """The text is no number that can be dialled from anywhere; the message says why, in a few words."""


def read_number(text: str) -> PooledNumber:
    """Return the number with its country and area code.

    Only the length is judged by the country's rules: which blocks of numbers are in use changes faster than any
    table, and the operator has the number already.

    Raises:
        UnreadableNumberError: Not international, or too short or too long for its country.
    """
    if len(text) > _LINE_CHARS_MAX:
        raise UnreadableNumberError("too long")
    if not text.startswith("+"):
        raise UnreadableNumberError("does not start with + and a country code")
    try:
        parsed = phonenumbers.parse(text, None)
    except NumberParseException as error:
        raise UnreadableNumberError("not a phone number") from error
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    if parsed.extension or not phonenumbers.is_possible_number(parsed) or not is_e164(number):
        raise UnreadableNumberError("not as long as numbers of its country are")
    return PooledNumber(number, _country_of(parsed), _area_code_of(parsed))


def _country_of(parsed: phonenumbers.PhoneNumber) -> str | None:
    # Several countries share +1 and +44. Where the block tells nothing, the calling code's main country is meant.
    country = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    return None if country in {None, _NO_COUNTRY, "ZZ"} else country


def _area_code_of(parsed: phonenumbers.PhoneNumber) -> str | None:
    length = phonenumbers.length_of_geographical_area_code(parsed) or phonenumbers.length_of_national_destination_code(
        parsed
    )
    return phonenumbers.national_significant_number(parsed)[:length] or None
