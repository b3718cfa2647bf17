"""The hosted providers for which there are settings, each with how it is reached and how it knows us."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import httpx
from pydantic import SecretStr

from callgenie.settings import Settings
from callgenie.settings.voices import names_in
from callgenie.voice.providers.hosted_api import HostedApi

OPENAI: Final = "openai"
GROQ: Final = "groq"
CHAT: Final = "chat"
DEEPGRAM: Final = "deepgram"
ELEVENLABS: Final = "elevenlabs"


@dataclass(frozen=True, slots=True)
class Vendor:
    """One of them.

    Attributes:
        name: What ids of its models and voices begin with, and what figures and the log call it; its settings begin
            with the same word in capitals.
        models: What it calls the language models that can be chosen.
        models_setting: Where those are set; None for who has none.
        tokens_field: How its language models are told the longest answer.
        trial: A path that can be read by whoever has a key, and costs nothing.
    """

    name: str
    base_url: str
    headers: dict[str, str] = field(repr=False)
    models: tuple[str, ...] = ()
    models_setting: str | None = None
    tokens_field: str = "max_tokens"
    trial: str = "/models"

    def api(self, http: httpx.AsyncClient) -> HostedApi:
        """Return its interface."""
        return HostedApi(http, self.name, self.base_url, self.headers)


def vendors_of(settings: Settings) -> Iterator[Vendor]:
    """Yield those that are set."""
    if settings.openai_api_key is not None:
        key = _bearer(settings.openai_api_key)
        yield Vendor(
            OPENAI,
            settings.openai_base_url,
            key,
            names_in(settings.openai_chat_models),
            "OPENAI_CHAT_MODELS",
            tokens_field="max_completion_tokens",
        )
    if settings.groq_api_key is not None:
        key = _bearer(settings.groq_api_key)
        yield Vendor(GROQ, settings.groq_base_url, key, names_in(settings.groq_chat_models), "GROQ_CHAT_MODELS")
    if settings.chat_base_url is not None:
        key = {} if settings.chat_api_key is None else _bearer(settings.chat_api_key)
        yield Vendor(CHAT, settings.chat_base_url, key, names_in(settings.chat_models), "CHAT_MODELS")
    if settings.deepgram_api_key is not None:
        key = {"Authorization": f"Token {settings.deepgram_api_key.get_secret_value()}"}
        yield Vendor(DEEPGRAM, settings.deepgram_base_url, key, trial="/projects")
    if settings.elevenlabs_api_key is not None:
        key = {"xi-api-key": settings.elevenlabs_api_key.get_secret_value()}
        yield Vendor(ELEVENLABS, settings.elevenlabs_base_url, key)


def _bearer(key: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.get_secret_value()}"}
