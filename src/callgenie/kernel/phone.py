"""Phone numbers in E.164: a plus, a country code that does not start with 0, 7 to 15 digits in all.

Only the shape is judged here (ITU-T E.164, 6.2.1). Whether a country really has such a number is judged
where numbers are bought, in `numbers`.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def is_e164(text: str) -> bool:
    """Tell whether `text` is an E.164 number."""
    return _E164.fullmatch(text) is not None


def _check(text: str) -> str:
    if not is_e164(text):
        raise ValueError("must be a phone number in E.164, such as +14155550123")
    return text


PhoneNumberText = Annotated[str, Field(max_length=16, examples=["+14155550123"]), AfterValidator(_check)]


def mask(number: str) -> str:
    """Return the number with all but its last two digits hidden, for logs and progress lines."""
    return number[:2] + "•" * max(0, len(number) - 4) + number[-2:]
