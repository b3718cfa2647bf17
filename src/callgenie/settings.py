"""Everything that can be set, in one list, read from the environment or `.env` when the program is put together."""

import os
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_PORT: Final = 4000


def default_data_dir() -> Path:
    """Return where data is kept when nobody says where."""
    return Path.home() / ".local" / "share" / "callgenie"


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a whole http or https address without a query, such as https://calls.example.com")
    return text.rstrip("/")


def _smtp_url(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or port == 0 or parts.path.strip("/"):
        raise ValueError("must look like smtp://user:password@mail.example.com:587, with @ : / in both percent-encoded")
    return secret


def _mail_from(text: str) -> str:
    _, address = parseaddr(text)
    local, _, domain = address.rpartition("@")
    if not text.isprintable() or not local or not domain:
        raise ValueError("must be an address such as CallGenie <hello@example.com>")
    return text


class Settings(BaseSettings):
    """What an operator can set. Each field names its environment variable, its unit and its range."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

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
    mongodb_uri: SecretStr | None = Field(
        default=None,
        validation_alias="MONGODB_URI",
        description="A replica set or Atlas to use; without it CallGenie starts its own MongoDB in the data folder.",
    )
    mongod: Path | None = Field(
        default=None,
        validation_alias="CALLGENIE_MONGOD",
        description="The embedded database's mongod; without it the PATH and the installed wheel are tried.",
    )
    public_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        default=None,
        validation_alias="PUBLIC_URL",
        description="The address the carrier reaches this server at; webhook signatures are computed over it.",
    )
    twilio_auth_token: SecretStr | None = Field(
        default=None,
        validation_alias="TWILIO_AUTH_TOKEN",
        description="The auth token that Twilio signs its requests with; without it every Twilio request is refused.",
    )
    smtp_url: Annotated[SecretStr, AfterValidator(_smtp_url)] | None = Field(
        default=None,
        validation_alias="SMTP_URL",
        description="The mail server as one address, such as smtp://user:password@mail.example.com:587; "
        "smtps:// begins with TLS. Without it and SMTP_HOST nothing is mailed: links are written to the log.",
    )
    smtp_host: str | None = Field(
        default=None,
        min_length=1,
        validation_alias="SMTP_HOST",
        description="The mail server, instead of SMTP_URL.",
    )
    smtp_port: int = Field(
        default=587,
        ge=1,
        le=65_535,
        validation_alias="SMTP_PORT",
        description="The mail server's port, with SMTP_HOST.",
    )
    smtp_username: str | None = Field(
        default=None,
        validation_alias="SMTP_USERNAME",
        description="Whom the mail server knows us as, with SMTP_HOST.",
    )
    smtp_password: SecretStr | None = Field(
        default=None,
        validation_alias="SMTP_PASSWORD",
        description="The password to it, with SMTP_HOST.",
    )
    smtp_tls: Literal["auto", "starttls", "tls", "none"] = Field(
        default="auto",
        validation_alias="SMTP_TLS",
        description="auto: from the start on port 465, none to this machine, else STARTTLS, demanded with a password "
        "and used where it is offered without one. Or one of starttls, tls (from the start), none.",
    )
    mail_from: Annotated[str, AfterValidator(_mail_from)] | None = Field(
        default=None,
        validation_alias="MAIL_FROM",
        description="Whom our mails come from, such as CallGenie <hello@example.com>; "
        "without it callgenie at the host of PUBLIC_URL.",
    )
    email_verification: Literal["optional", "required"] | None = Field(
        default=None,
        validation_alias="EMAIL_VERIFICATION",
        description="Whether an address must be confirmed before its account can be used; "
        "without it required once a mail server is set, else optional.",
    )
    jwt_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        validation_alias="JWT_SECRET",
        description="Signs access tokens and cursors; without it one is made and kept in the data folder.",
    )
    password_pepper: SecretStr | None = Field(
        default=None,
        min_length=32,
        validation_alias="PASSWORD_PEPPER",
        description="Mixed into every password before bcrypt; without it one is made and kept in the data folder.",
    )
    bcrypt_cost: int = Field(
        default=12,
        ge=4,
        le=16,
        validation_alias="BCRYPT_COST",
        description="bcrypt's work factor (2 to its power).",
    )
    rate_limits: Literal["on", "off"] = Field(
        default="on",
        validation_alias="RATE_LIMITS",
        description="Whether requests and attempts to sign in are limited; off is for load tests only.",
    )
    trusted_proxy_hops: int = Field(
        default=0,
        ge=0,
        le=10,
        validation_alias="TRUSTED_PROXY_HOPS",
        description="How many proxies of yours stand in front; so many entries of X-Forwarded-For are believed.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        validation_alias="METRICS_TOKEN",
        description="What /metrics asks for as a Bearer token; without it only this machine may read them.",
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        validation_alias="CALLGENIE_LOG_LEVEL",
        description="The least serious log line that is written.",
    )
    log_format: str = Field(
        default="auto",
        pattern="^(auto|json|console)$",
        validation_alias="CALLGENIE_LOG_FORMAT",
        description="Log lines as JSON or for reading; auto looks whether a terminal is there.",
    )
    reply_after_silence_ms: int = Field(
        default=500,
        ge=200,
        le=3_000,
        validation_alias="REPLY_AFTER_SILENCE_MS",
        description="How long a caller must be quiet before we answer.",
    )
    max_call_seconds: int = Field(
        default=1_800,
        ge=30,
        le=14_400,
        validation_alias="MAX_CALL_SECONDS",
        description="The longest one call may last, whatever the plan allows.",
    )
    drain_seconds: int = Field(
        default=30,
        ge=0,
        le=3_600,
        validation_alias="DRAIN_SECONDS",
        description="How long a stopping server lets running calls finish.",
    )

    @field_validator(
        "mongodb_uri",
        "mongod",
        "public_url",
        "twilio_auth_token",
        "jwt_secret",
        "password_pepper",
        "metrics_token",
        "smtp_url",
        "smtp_host",
        "smtp_username",
        "smtp_password",
        "mail_from",
        "email_verification",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        """Take `NAME=` for not set: that is what people write to switch off what `.env` says."""
        return None if value == "" else value

    @property
    def verified_only(self) -> bool:
        """Whether an account can be used only once its address is confirmed."""
        if self.email_verification is not None:
            return self.email_verification == "required"
        return self.smtp_url is not None or self.smtp_host is not None


def environment_without_settings(**changes: str) -> dict[str, str]:
    """Return this process's environment without any setting of ours but `changes`, for a program that we start."""
    ours = {str(field.validation_alias) for field in Settings.model_fields.values()}
    return {name: value for name, value in os.environ.items() if name not in ours} | changes


def inherited_environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with `changes`, for a program of ours that is to be set the same."""
    return {**os.environ, **changes}
