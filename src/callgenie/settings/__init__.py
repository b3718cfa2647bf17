"""Everything that can be set, in one list, read from the environment or `.env` when the program is put together.

Each group of settings has a file; together they are one class, one namespace and one page of reference.
"""

import os

from pydantic import ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from callgenie.settings.accounts import AccountSettings
from callgenie.settings.calls import CallSettings
from callgenie.settings.carriers import CarrierSettings
from callgenie.settings.connections import ConnectionSettings
from callgenie.settings.database import DatabaseSettings
from callgenie.settings.mail import MailSettings
from callgenie.settings.recordings import RecordingSettings
from callgenie.settings.server import DEFAULT_PORT, ServerSettings, default_data_dir
from callgenie.settings.voices import VoiceSettings
from callgenie.settings.webhooks import WebhookSettings

__all__ = ["DEFAULT_PORT", "Settings", "default_data_dir", "environment_without_settings", "inherited_environment"]


# The last group is listed first.
class Settings(
    VoiceSettings,
    RecordingSettings,
    WebhookSettings,
    CallSettings,
    CarrierSettings,
    MailSettings,
    AccountSettings,
    DatabaseSettings,
    ConnectionSettings,
    ServerSettings,
):
    """What an operator can set. Each field names its environment variable, its unit and its range."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        """Take `NAME=` for not set: that is what people write to switch off what `.env` says."""
        optional = cls.model_fields[info.field_name or ""].default is None
        return None if optional and value == "" else value

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
