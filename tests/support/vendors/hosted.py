"""Hosted providers, each joined to the server that stands in for its vendor, over real sockets."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.support.serving import serving
from tests.support.vendors import deepgram as deepgram_server
from tests.support.vendors import elevenlabs, openai, openai_audio

from callgenie.voice.providers.deepgram import DeepgramSpeechToText
from callgenie.voice.providers.elevenlabs import ElevenLabsSpeech
from callgenie.voice.providers.hosted_api import HostedApi, build_http
from callgenie.voice.providers.openai_chat import OpenAiChat
from callgenie.voice.providers.openai_speech import OpenAiSpeech
from callgenie.voice.providers.openai_transcription import OpenAiTranscription


@asynccontextmanager
async def hosted_api(provider: str, url: str, headers: Mapping[str, str]) -> AsyncIterator[HostedApi]:
    """Give an interface to the server at `url`."""
    async with build_http() as http:
        yield HostedApi(http, provider, url, headers)


@asynccontextmanager
async def openai_chat(
    server: openai.OpenAi | None = None, *, key: str = openai.KEY, model: str = openai.MODEL
) -> AsyncIterator[tuple[OpenAiChat, openai.OpenAi]]:
    """Give a language model and the server behind it."""
    server = server or openai.OpenAi()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with serving(server.app) as url, hosted_api("openai", f"{url}/v1", headers) as api:
        yield OpenAiChat(api, model), server


@asynccontextmanager
async def openai_transcription(
    *, key: str = openai.KEY
) -> AsyncIterator[tuple[OpenAiTranscription, openai_audio.OpenAiAudio]]:
    """Give a recogniser and the server behind it."""
    async with _openai_audio(key) as (api, server):
        yield OpenAiTranscription(api, openai_audio.HEARS), server


@asynccontextmanager
async def openai_speech(*, key: str = openai.KEY) -> AsyncIterator[tuple[OpenAiSpeech, openai_audio.OpenAiAudio]]:
    """Give a voice and the server behind it."""
    async with _openai_audio(key) as (api, server):
        yield OpenAiSpeech(api, openai_audio.SPEAKS), server


@asynccontextmanager
async def _openai_audio(key: str) -> AsyncIterator[tuple[HostedApi, openai_audio.OpenAiAudio]]:
    server = openai_audio.OpenAiAudio()
    headers = {"Authorization": f"Bearer {key}"}
    async with serving(server.app) as url, hosted_api("openai", f"{url}/v1", headers) as api:
        yield api, server


@asynccontextmanager
async def elevenlabs_speech(
    *, key: str = elevenlabs.KEY
) -> AsyncIterator[tuple[ElevenLabsSpeech, elevenlabs.ElevenLabs]]:
    """Give a voice and the server behind it."""
    server = elevenlabs.ElevenLabs()
    async with serving(server.app) as url, hosted_api("elevenlabs", f"{url}/v1", {"xi-api-key": key}) as api:
        yield ElevenLabsSpeech(api, elevenlabs.MODEL), server


@asynccontextmanager
async def deepgram(
    *, key: str = deepgram_server.KEY
) -> AsyncIterator[tuple[DeepgramSpeechToText, deepgram_server.Deepgram]]:
    """Give a recogniser and the server behind it."""
    server = deepgram_server.Deepgram()
    async with server.serving() as url:
        yield DeepgramSpeechToText(url, {"Authorization": f"Token {key}"}, deepgram_server.MODEL), server
