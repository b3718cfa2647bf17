"""What the API takes and shows of phone numbers."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from callgenie.http.bodies import ApiModel, ApiView, Shape
from callgenie.kernel.phone import PhoneNumberText
from callgenie.numbers.models import AssignedNumber, NumberWish

_COUNTRY = Shape("[A-Za-z]{2}", "must be the two letters of a country, such as US")
_AREA_CODE = Shape("[0-9]{1,7}", "must be 1 to 7 digits, such as 415")


def _upper(text: str) -> str:
    return text.upper()


class NumberWishBody(ApiModel):
    """What the number should be like; everything may be left out."""

    country: Annotated[str, Field(examples=["US"]), _COUNTRY, AfterValidator(_upper)] | None = Field(
        default=None, description="ISO 3166-1, two letters."
    )
    area_code: Annotated[str, Field(examples=["415"]), _AREA_CODE] | None = None
    number: PhoneNumberText | None = Field(default=None, description="Exactly this number.")

    def wish(self) -> NumberWish:
        """Return what is wished for."""
        return NumberWish(self.country, self.area_code, self.number)


class PhoneNumberView(ApiView):
    """A user's number."""

    phone_number: str
    assigned_at: datetime

    @classmethod
    def of(cls, assigned: AssignedNumber) -> Self:
        """Show a number."""
        return cls(phone_number=assigned.number, assigned_at=assigned.assigned_at)
