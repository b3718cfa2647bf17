"""Speaks by a hosted voice over OpenAI's speech interface, which some other servers have, too.

Source: OpenAI API reference, "Create speech"; `pcm` is 16-bit little-endian mono at 24 kHz.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from callgenie.voice.providers.hosted_api import HostedApi
from callgenie.voice.providers.pcm_stream import pcm_of

_MADE_AT: Final = 24_000


class OpenAiSpeech:
    """One model of one server; `voice` is the server's name of a voice."""

    def __init__(self, api: HostedApi, model: str) -> None:
        self._api = api
        self._model = model

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`; which language that is, the model hears for itself."""
        del language
        if not any(character.isalnum() for character in text):
            return
        body = {"model": self._model, "voice": voice, "input": text, "response_format": "pcm"}
        async with (
            self._api.answer("POST", "/audio/speech", json=body) as response,
            aclosing(pcm_of(self._api, response, made_at=_MADE_AT, sample_rate=sample_rate)) as pieces,
        ):
            async for piece in pieces:
                yield piece
