"""What calls hear, think and speak with: the embedded providers, and the hosted ones for which there are settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import httpx
from pydantic import SecretStr

from callgenie.kernel.clock import Clock
from callgenie.profiles.models import DEFAULT_LANGUAGE, DEFAULT_MODEL
from callgenie.profiles.options import VoiceOptions
from callgenie.settings import Settings
from callgenie.settings.voices import names_in
from callgenie.voice.analyst import CallAnalyst
from callgenie.voice.breaker import Breaker
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.fallback import Candidate, FallbackModel
from callgenie.voice.ports import LanguageModel, VoiceProviders
from callgenie.voice.providers.hosted_api import HostedApi, build_http
from callgenie.voice.providers.nanotts import VOICES
from callgenie.voice.providers.openai_analyst import OpenAiAnalyst
from callgenie.voice.providers.openai_chat import OpenAiChat
from callgenie.voice.timings import Timings

_OPENAI_TOKENS_FIELD: Final = "max_completion_tokens"
_USUAL_TOKENS_FIELD: Final = "max_tokens"

# Of hosted providers one after the other. A caller who has waited for two in vain wants an answer, not a third try.
_CHAIN_MAX: Final = 2

# What the embedded provider behind them may take.
_EMBEDDED_MS: Final = 2_000

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Voices:
    """What calls choose among, what sums them up by the same ids, and what has to be put away with the server."""

    catalogue: VoiceCatalogue
    http: httpx.AsyncClient | None
    analysts: Mapping[str, CallAnalyst] = field(default_factory=dict)

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

    def api(self, http: httpx.AsyncClient) -> HostedApi:
        """Return the way to it."""
        return HostedApi(http, self.name, self.base_url, _bearer(self.key))


def options_of(settings: Settings) -> VoiceOptions:
    """Return what a user can choose among on a server with these settings."""
    models = [chosen for server in _chat_servers(settings) for chosen, _ in server.ids()]
    return VoiceOptions(voices=tuple(VOICES), models=(DEFAULT_MODEL, *models), languages=(DEFAULT_LANGUAGE,))


def timings_of(settings: Settings) -> Timings:
    """Return the patience of calls: with a provider and all that stand behind it, longer than with each of them."""
    usual = Timings(reply_after_ms=settings.reply_after_silence_ms)
    chain_ms = _CHAIN_MAX * settings.provider_patience_ms + _EMBEDDED_MS
    return replace(
        usual,
        transcribe_max_ms=max(usual.transcribe_max_ms, chain_ms),
        model_max_ms=max(usual.model_max_ms, chain_ms),
        speech_max_ms=max(usual.speech_max_ms, chain_ms),
    )


def build_voices(settings: Settings, embedded: VoiceProviders, clock: Clock) -> Voices:
    """Put together what calls choose among; the hosted providers share one client, and all calls share them."""
    own_ids = (DEFAULT_MODEL, *VOICES)
    servers = list(_chat_servers(settings))
    if not servers:
        return Voices(VoiceCatalogue(embedded, own_ids=own_ids), None)
    http = build_http()
    patience_ms = settings.provider_patience_ms
    models = {
        chosen: FallbackModel(chain, embedded.model, patience_ms=patience_ms)
        for chosen, chain in _chains(_models(servers, http, clock)).items()
    }
    return Voices(VoiceCatalogue(embedded, own_ids=own_ids, models=models), http, _analysts(servers, http))


def _analysts(servers: Sequence[_ChatServer], http: httpx.AsyncClient) -> dict[str, CallAnalyst]:
    return {
        chosen: OpenAiAnalyst(server.api(http), model, tokens_field=server.tokens_field)
        for server in servers
        for chosen, model in server.ids()
    }


def _models(
    servers: Sequence[_ChatServer], http: httpx.AsyncClient, clock: Clock
) -> dict[str, Candidate[LanguageModel]]:
    return {
        chosen: Candidate(
            server.name,
            OpenAiChat(server.api(http), model, tokens_field=server.tokens_field),
            Breaker(clock),
        )
        for server in servers
        for chosen, model in server.ids()
    }


def _chains(candidates: Mapping[str, Candidate[P]]) -> dict[str, list[Candidate[P]]]:
    """Return for each candidate who answers: itself, then the first one of another provider."""
    chains = {}
    for chosen, candidate in candidates.items():
        others = [other for other in candidates.values() if other.name != candidate.name]
        chains[chosen] = [candidate, *others][:_CHAIN_MAX]
    return chains


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
