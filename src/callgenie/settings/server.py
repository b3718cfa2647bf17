"""What the server is and how it runs."""

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

DEFAULT_PORT: Final = 4000


def default_data_dir() -> Path:
    """Return where data is kept when nobody says where."""
    return Path.home() / ".local" / "share" / "callgenie"


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a whole http or https address without a query, such as https://calls.example.com")
    return text.rstrip("/")


class ServerSettings(BaseSettings):
    """What the server is and how it runs."""

    host: str = Field(
        default="127.0.0.1",
        validation_alias="CALLGENIE_HOST",
        description="The address the server listens on.",
    )
    port: int = Field(
        default=DEFAULT_PORT,
        ge=0,
        le=65_535,
        validation_alias="CALLGENIE_PORT",
        description="The port the server listens on; 0 takes a free one.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        validation_alias="CALLGENIE_DATA_DIR",
        description="Where the embedded database, the secrets and recordings are kept.",
    )
    public_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        default=None,
        validation_alias="PUBLIC_URL",
        description="The address the carrier reaches this server at; webhook signatures are computed over it.",
    )
    trusted_proxy_hops: int = Field(
        default=0,
        ge=0,
        le=10,
        validation_alias="TRUSTED_PROXY_HOPS",
        description="How many proxies of yours stand in front; so many entries of X-Forwarded-For are believed.",
    )
    rate_limits: Literal["on", "off"] = Field(
        default="on",
        validation_alias="RATE_LIMITS",
        description="Whether requests and attempts to sign in are limited; off is for load tests only.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        examples=["what `openssl rand -hex 16` prints"],
        validation_alias="METRICS_TOKEN",
        description="What /metrics asks for as a Bearer token; without it only this machine may read them.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        validation_alias="CALLGENIE_LOG_LEVEL",
        description="The least serious log line that is written.",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto",
        validation_alias="CALLGENIE_LOG_FORMAT",
        description="Log lines as JSON or for reading; auto looks whether a terminal is there.",
    )
