"""Where events may be sent."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, FilePath
from pydantic_settings import BaseSettings, NoDecode


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class WebhookSettings(BaseSettings):
    """Where events may be sent."""

    webhook_allowed_hosts: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_split)] = Field(
        default=None,
        max_length=100,
        validation_alias="WEBHOOK_ALLOWED_HOSTS",
        description="Hosts of your own network that webhooks may be sent to, at any port, such as "
        "crm.internal,10.0.0.7; all others must be on the public internet. Every user may send to them.",
    )
    webhook_allow_http: Literal["on", "off"] = Field(
        default="off",
        validation_alias="WEBHOOK_ALLOW_HTTP",
        description="Whether webhooks may be sent without TLS, to http:// addresses; for development.",
    )
    webhook_ca_file: FilePath | None = Field(
        default=None,
        examples=["/etc/ssl/our-authority.pem"],
        validation_alias="WEBHOOK_CA_FILE",
        description="A PEM file with certificate authorities of your own that webhooks' receivers may be certified by, "
        "beside the public ones.",
    )
