"""The embedded models, loaded once for all tests that listen to them."""

import functools

from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.embedded import load_embedded_providers


@functools.cache
def embedded() -> VoiceProviders:
    """Return the embedded providers."""
    return load_embedded_providers()


async def speech(text: str, *, sample_rate: int = 8_000, voice: str = "nanotts-en-us") -> bytes:
    """Return `text` spoken by the embedded voice."""
    pieces = embedded().tts.stream(text, sample_rate=sample_rate, language="en", voice=voice)
    return b"".join([piece async for piece in pieces])
