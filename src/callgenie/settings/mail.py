"""How mail gets out."""

from email.utils import parseaddr
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings


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


class MailSettings(BaseSettings):
    """How mail gets out."""

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
