"""Stands in for OpenAI's transcription and speech: checks requests, and really listens and speaks.

Source: OpenAI API reference, "Create transcription" and "Create speech"; `pcm` is 16-bit little-endian mono at 24 kHz.
"""

import io
import wave
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.support.embedded import embedded
from tests.support.vendors.faults import Misfortune, stream
from tests.support.vendors.openai import KEY, problem

HEARS: Final = "gpt-4o-mini-transcribe"
SPEAKS: Final = "gpt-4o-mini-tts"
VOICES: Final = ("alloy", "coral", "nova")

_RATE: Final = 24_000
_SHORTEST_SECONDS: Final = 0.1
_INPUT_CHARACTERS_MAX: Final = 4_096
_ODD: Final = 999  # a network cuts where it likes, also in the middle of a sample


class OpenAiAudio:
    """The server. `forms` and `bodies` are the requests that it took."""

    def __init__(self) -> None:
        self.misfortune = Misfortune()
        self.forms: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.app = Starlette(
            routes=[
                Route("/v1/audio/transcriptions", self._transcribe, methods=["POST"]),
                Route("/v1/audio/speech", self._speak, methods=["POST"]),
            ]
        )

    async def _transcribe(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return problem(401, "invalid_api_key", "Incorrect API key provided.")
        read = await self._read(request)
        if isinstance(read, Response):
            return read
        rate, pcm = read
        fault = await self.misfortune.befall(request)
        if isinstance(fault, Response):
            return fault
        if fault.garbage is not None or fault.pieces is not None:
            return stream(fault, _one(b'{"text": "half'), "application/json")
        hearing = embedded().stt.open(sample_rate=rate, language="en")
        hearing.push(pcm)
        usage = {"type": "duration", "seconds": len(pcm) // rate // 2 + 1}
        return JSONResponse({"text": (await hearing.transcribe()).text, "usage": usage})

    async def _read(self, request: Request) -> tuple[int, bytes] | Response:
        """Return the rate and the sound of the recording, or the refusal of what is no good one."""
        await request.body()  # kept, so that it can be read again
        async with request.form() as form:
            self.forms.append({name: value for name, value in form.items() if isinstance(value, str)})
            file = form.get("file")
            if form.get("model") != HEARS or form.get("response_format") != "json":
                return problem(400, None, "Invalid value.")
            if not isinstance(file, UploadFile) or not (file.filename or "").endswith(".wav"):
                return problem(400, None, "Audio file might be corrupted or unsupported.")
            with wave.open(io.BytesIO(await file.read())) as recording:
                assert (recording.getnchannels(), recording.getsampwidth()) == (1, 2)
                rate, pcm = recording.getframerate(), recording.readframes(recording.getnframes())
        if len(pcm) < _SHORTEST_SECONDS * rate * 2:
            return problem(400, "audio_too_short", "Audio file is too short. Minimum audio length is 0.1 seconds.")
        return rate, pcm

    async def _speak(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return problem(401, "invalid_api_key", "Incorrect API key provided.")
        body = await request.json()
        if set(body) != {"model", "voice", "input", "response_format"} or body["model"] != SPEAKS:
            return problem(400, None, "Invalid value.")
        if body["voice"] not in VOICES or body["response_format"] != "pcm":
            return problem(400, None, "Input should be one of the supported values.")
        if not 0 < len(body["input"]) <= _INPUT_CHARACTERS_MAX:
            return problem(400, "string_too_long", "String should have at most 4096 characters.")
        fault = await self.misfortune.befall(request)
        if isinstance(fault, Response):
            return fault
        self.bodies.append(body)
        return stream(fault, made_of(body["input"], _RATE), "audio/pcm")


async def _one(piece: bytes) -> AsyncIterator[bytes]:
    yield piece
    yield b" of it"


async def made_of(text: str, rate: int) -> AsyncIterator[bytes]:
    """Yield the embedded voice's speech, cut as a network would."""
    waiting = b""
    speech = embedded().tts.stream(text, sample_rate=rate, language="en", voice="nanotts-en-us")
    async for piece in speech:
        waiting += piece
        while len(waiting) > _ODD:
            yield waiting[:_ODD]
            waiting = waiting[_ODD:]
    yield waiting
