"""Who brings the calls."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings


def _api_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError("must be an http or https address without a path, such as https://api.twilio.com")
    return text.rstrip("/")


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
        examples=["what `openssl rand -hex 16` prints"],
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
    twilio_account_sid: str | None = Field(
        default=None,
        pattern="^AC[0-9a-fA-F]{32}$",
        examples=["AC0123456789abcdef0123456789abcdef"],
        validation_alias="TWILIO_ACCOUNT_SID",
        description="The account that calls are placed and hung up with, over Twilio's REST API; "
        "without it nobody can be called, and calls whose media socket is gone are left to Twilio.",
    )
    twilio_api_key: str | None = Field(
        default=None,
        pattern="^SK[0-9a-fA-F]{32}$",
        examples=["SK0123456789abcdef0123456789abcdef"],
        validation_alias="TWILIO_API_KEY",
        description="An API key to use with the REST API; without it the auth token is used.",
    )
    twilio_api_secret: SecretStr | None = Field(
        default=None,
        validation_alias="TWILIO_API_SECRET",
        description="The secret of TWILIO_API_KEY.",
    )
    twilio_api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        default="https://api.twilio.com",
        validation_alias="TWILIO_API_URL",
        description="Where the REST API is, for an account in another region, such as https://api.dublin.ie1.twilio.com.",
    )
