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
