"""Speaks by a voice of ElevenLabs, streamed.

Source: ElevenLabs API reference, "Stream speech"; `pcm_16000` is 16-bit little-endian mono at 16 kHz.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final
from urllib.parse import quote

from callgenie.voice.providers.hosted_api import HostedApi
from callgenie.voice.providers.pcm_stream import pcm_of

# The telephone needs no more, and every account may ask for it.
_MADE_AT: Final = 16_000


class ElevenLabsSpeech:
    """One model; `voice` is the vendor's id of a voice."""

    def __init__(self, api: HostedApi, model: str) -> None:
        self._api = api
        self._model = model

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`; which language that is, the model hears for itself."""
        del language
        if not any(character.isalnum() for character in text):
            return
        path = f"/text-to-speech/{quote(voice, safe='')}/stream"
        params = {"output_format": f"pcm_{_MADE_AT}"}
        body = {"text": text, "model_id": self._model}
        async with (
            self._api.answer("POST", path, params=params, json=body) as response,
            aclosing(pcm_of(self._api, response, made_at=_MADE_AT, sample_rate=sample_rate)) as pieces,
        ):
            async for piece in pieces:
                yield piece
