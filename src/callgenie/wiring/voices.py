"""What calls hear, think and speak with: the embedded providers, and the hosted ones for which there are settings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpx
from pydantic import SecretStr

from callgenie.profiles.models import DEFAULT_LANGUAGE, DEFAULT_MODEL
from callgenie.profiles.options import VoiceOptions
from callgenie.settings import Settings
from callgenie.settings.voices import names_in
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.hosted_api import HostedApi, build_http
from callgenie.voice.providers.nanotts import VOICES
from callgenie.voice.providers.openai_chat import OpenAiChat

_OPENAI_TOKENS_FIELD: Final = "max_completion_tokens"
_USUAL_TOKENS_FIELD: Final = "max_tokens"


@dataclass(frozen=True, slots=True)
class Voices:
    """What calls choose among, and what has to be put away with the server."""

    catalogue: VoiceCatalogue
    http: httpx.AsyncClient | None

    async def close(self) -> None:
        """Close the connections to hosted providers."""
        if self.http is not None:
            await self.http.aclose()


@dataclass(frozen=True, slots=True)
class _ChatServer:
    """A server of language models; their ids begin with its name."""

    name: str
    base_url: str
    key: SecretStr | None
    models: tuple[str, ...]
    tokens_field: str = _USUAL_TOKENS_FIELD

    def ids(self) -> Iterator[tuple[str, str]]:
        """Yield what owners call each model, and what the server does."""
        for model in self.models:
            yield f"{self.name}/{model}", model


def options_of(settings: Settings) -> VoiceOptions:
    """Return what a user can choose among on a server with these settings."""
    models = [chosen for server in _chat_servers(settings) for chosen, _ in server.ids()]
    return VoiceOptions(voices=tuple(VOICES), models=(DEFAULT_MODEL, *models), languages=(DEFAULT_LANGUAGE,))


def build_voices(settings: Settings, embedded: VoiceProviders) -> Voices:
    """Put together what calls choose among; the hosted providers share one client, and all calls share them."""
    own_ids = (DEFAULT_MODEL, *VOICES)
    servers = list(_chat_servers(settings))
    if not servers:
        return Voices(VoiceCatalogue(embedded, own_ids=own_ids), None)
    http = build_http()
    models = {
        chosen: OpenAiChat(
            HostedApi(http, server.name, server.base_url, _bearer(server.key)),
            model,
            tokens_field=server.tokens_field,
        )
        for server in servers
        for chosen, model in server.ids()
    }
    return Voices(VoiceCatalogue(embedded, own_ids=own_ids, models=models), http)


def _chat_servers(settings: Settings) -> Iterator[_ChatServer]:
    if settings.openai_api_key is not None:
        models = names_in(settings.openai_chat_models)
        yield _ChatServer(
            "openai", settings.openai_base_url, settings.openai_api_key, models, tokens_field=_OPENAI_TOKENS_FIELD
        )
    if settings.groq_api_key is not None:
        yield _ChatServer("groq", settings.groq_base_url, settings.groq_api_key, names_in(settings.groq_chat_models))
    if settings.chat_base_url is not None:
        yield _ChatServer("chat", settings.chat_base_url, settings.chat_api_key, names_in(settings.chat_models))


def _bearer(key: SecretStr | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
