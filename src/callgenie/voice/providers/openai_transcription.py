"""Recognises speech over OpenAI's transcription interface, one request an utterance; Groq and others have it, too.

Source: OpenAI API reference, "Create transcription".
"""

import io
import json
import wave
from typing import Final

from callgenie.audio.kept import KeptAudio
from callgenie.voice.ports import SpeechStream, Transcript
from callgenie.voice.providers.hosted_api import HostedApi

# Less is refused, and no word is shorter.
_SHORTEST_SECONDS: Final = 0.1

# A caller who talks on without a pause loses what they said first; the longest utterance is set aside much earlier.
_KEPT_SECONDS: Final = 60

# Words of a minute of speech are a tenth of it.
_ANSWER_BYTES_MAX: Final = 64 * 1024


class OpenAiTranscription:
    """One model of one server."""

    def __init__(self, api: HostedApi, model: str) -> None:
        self._api = api
        self._model = model

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        """Start recognising one call's audio."""
        return _Utterance(self._api, self._model, sample_rate, language)


class _Utterance:
    """One call's audio since the last reset."""

    def __init__(self, api: HostedApi, model: str, sample_rate: int, language: str) -> None:
        self._api = api
        self._model = model
        self._rate = sample_rate
        self._language = language
        self._utterance = KeptAudio(_KEPT_SECONDS, sample_rate)

    def push(self, pcm: bytes) -> None:
        self._utterance.add(pcm)

    async def transcribe(self) -> Transcript:
        if self._utterance.seconds < _SHORTEST_SECONDS:
            return Transcript("", final=True)
        recording = _wav(self._utterance.pcm, self._rate)
        form = {"model": self._model, "response_format": "json", "language": self._language}
        files = {"file": ("utterance.wav", recording, "audio/wav")}
        body = b""
        async with self._api.answer("POST", "/audio/transcriptions", data=form, files=files) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _ANSWER_BYTES_MAX:
                    raise self._api.failure("garbage")
        return Transcript(self._text_in(body), final=True)

    def reset(self) -> None:
        self._utterance.clear()

    async def close(self) -> None:
        self.reset()

    def _text_in(self, body: bytes) -> str:
        try:
            text = json.loads(body)["text"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._api.failure("garbage") from error
        if not isinstance(text, str):
            raise self._api.failure("garbage")
        return text.strip()


def _wav(pcm: bytes, sample_rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(sample_rate)
        recording.writeframes(pcm)
    return file.getvalue()
