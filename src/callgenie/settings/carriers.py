"""Who brings the calls."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class CarrierSettings(BaseSettings):
    """Who brings the calls."""

    twilio_auth_token: SecretStr | None = Field(
        default=None,
        validation_alias="TWILIO_AUTH_TOKEN",
        description="The auth token that Twilio signs its requests with; without it every Twilio request is refused.",
    )
    exotel_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        validation_alias="EXOTEL_SECRET",
        description="The secret in the addresses that Exotel calls, at least 16 characters, as Exotel signs nothing; "
        "without it every Exotel request is refused.",
    )
    exotel_country_code: str = Field(
        default="91",
        pattern="^[1-9][0-9]{0,2}$",
        validation_alias="EXOTEL_COUNTRY_CODE",
        description="The country of the numbers that Exotel writes with a 0 in front; 91 is India.",
    )
