"""Recognises speech by Deepgram as it is spoken, over one web socket a call.

What is heard comes back in pieces that cover spans of the stream, counted in seconds from its first sample. By those
spans pieces of an utterance that was dropped are told from pieces of the next one.

Source: Deepgram API reference, "Live audio"; documents "Finalize", "Audio keep alive" and "Close stream".
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlencode

import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from callgenie.voice.ports import ProviderError, SpeechStream, Transcript
from callgenie.voice.providers.hosted_api import refusal

PROVIDER: Final = "deepgram"

# The vendor hangs up after ten seconds in which nothing comes.
_KEEP_ALIVE_SECONDS: Final = 4.0

# What waits to be sent: thirty seconds at 16 kHz. While a connection is opened or slow the oldest goes first.
_WAITING_BYTES_MAX: Final = 30 * 16_000 * 2

# Where little was heard since the last answer, the vendor does not promise one to "Finalize": it is not waited for
# long then. The shortest word comes with more than that, since half a second of quiet goes with it.
_LITTLE_SECONDS: Final = 0.5
_LITTLE_PATIENCE_SECONDS: Final = 0.3

# More than can be on their way; the oldest has been answered by then, or never will be.
_PENDING_MAX: Final = 16

_CLOSE_SECONDS: Final = 2.0
_MESSAGE_BYTES_MAX: Final = 256 * 1024

# How far the vendor's spans may be from our own count, in seconds: half a frame of its features.
_TOLERANCE: Final = 0.02


class DeepgramSpeechToText:
    """The vendor's interface; `base_url` ends where `/listen` begins, and `headers` carry the key."""

    def __init__(self, base_url: str, headers: Mapping[str, str], model: str) -> None:
        self._base_url = re.sub(r"^http", "ws", base_url.rstrip("/"))
        self._headers = headers
        self._model = model

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        """Start recognising one call's audio; the connection is opened in the background."""
        query = {
            "model": self._model,
            "language": language,
            "encoding": "linear16",
            "sample_rate": str(sample_rate),
            "channels": "1",
            "interim_results": "true",
            "smart_format": "true",
            "endpointing": "false",
        }
        return _DeepgramStream(f"{self._base_url}/listen?{urlencode(query)}", self._headers, sample_rate)


class _DeepgramStream:
    """One call's connection. One that broke stays broken: whoever wants another opens another."""

    def __init__(self, url: str, headers: Mapping[str, str], sample_rate: int) -> None:
        self._url = url
        self._headers = headers
        self._bytes_a_second = sample_rate * 2
        self._waiting: deque[bytes | str] = deque()
        self._waiting_bytes = 0
        self._something_to_send = asyncio.Event()
        self._something_heard = asyncio.Event()
        self._pushed_seconds = 0.0
        self._from_seconds = 0.0
        self._heard_until = 0.0
        self._pending: deque[float] = deque(maxlen=_PENDING_MAX)
        self._finals: list[str] = []
        self._interim = ""
        self._error: ProviderError | None = None
        self._task = asyncio.create_task(self._run(), name="deepgram")

    def push(self, pcm: bytes) -> None:
        self._pushed_seconds += len(pcm) / self._bytes_a_second
        self._send(pcm)

    async def transcribe(self) -> Transcript:
        until = self._pushed_seconds
        unheard = until - max(self._heard_until, self._from_seconds)
        if unheard > _TOLERANCE:
            self._finalize()
            patience = None if unheard > _LITTLE_SECONDS else _LITTLE_PATIENCE_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while self._heard_until < until - _TOLERANCE and self._error is None:
                        self._something_heard.clear()
                        await self._something_heard.wait()
        if self._error is not None:
            raise self._error
        return Transcript(" ".join(filter(None, [*self._finals, self._interim])), final=True)

    def reset(self) -> None:
        if self._pushed_seconds - self._heard_until > _TOLERANCE:
            self._finalize()  # so that no span holds words of two utterances
        self._from_seconds = self._pushed_seconds
        self._finals.clear()
        self._interim = ""

    async def close(self) -> None:
        self.reset()
        if not self._task.done():
            self._send(json.dumps({"type": "CloseStream"}))
            await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)
            self._task.cancel()
        await asyncio.wait([self._task])

    def _finalize(self) -> None:
        if not self._pending or self._pending[-1] < self._pushed_seconds:
            self._pending.append(self._pushed_seconds)
            self._send(json.dumps({"type": "Finalize"}))

    def _send(self, item: bytes | str) -> None:
        if self._error is not None:
            return
        self._waiting.append(item)
        self._waiting_bytes += len(item)
        while self._waiting_bytes > _WAITING_BYTES_MAX:
            self._waiting_bytes -= len(self._waiting.popleft())
        self._something_to_send.set()

    async def _run(self) -> None:
        try:
            async with (
                connect(
                    self._url, additional_headers=self._headers, max_size=_MESSAGE_BYTES_MAX, open_timeout=None
                ) as socket,
                asyncio.TaskGroup() as group,
            ):
                writing = group.create_task(self._write(socket))
                await self._read(socket)
                writing.cancel()
            self._broke(ProviderError(PROVIDER, "cut_off", permanent=False))
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever it is, the stream is broken by it
            self._broke(_failure_of(error))

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            while self._waiting:
                item = self._waiting.popleft()
                self._waiting_bytes -= len(item)
                await socket.send(item)
            self._something_to_send.clear()
            try:
                async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                    await self._something_to_send.wait()
            except TimeoutError:
                await socket.send(json.dumps({"type": "KeepAlive"}))

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            heard = json.loads(message)
            if heard.get("type") == "Results":
                self._hear(heard)
            elif heard.get("type") == "Error":
                raise ProviderError(PROVIDER, "server_error", permanent=False)
            self._something_heard.set()

    def _hear(self, heard: dict[str, Any]) -> None:
        start, duration = float(heard["start"]), float(heard["duration"])
        text = str(heard["channel"]["alternatives"][0]["transcript"]).strip()
        final = heard.get("is_final") is True
        # The middle of a span says to which utterance it belongs, even if both ends are a little off.
        if start + duration / 2 >= self._from_seconds:
            if final:
                self._finals.append(text)
            self._interim = "" if final else text
        if final:
            self._heard_until = max(self._heard_until, start + duration)
        if heard.get("from_finalize") is True:
            self._note_finalized(start + duration)

    def _note_finalized(self, end: float) -> None:
        """Take note that all is heard up to the moment that was asked about; of several the one nearest to `end`."""
        asked = min(self._pending, key=lambda at: abs(at - end), default=end)
        self._heard_until = max(self._heard_until, asked)
        while self._pending and self._pending[0] <= asked:
            self._pending.popleft()

    def _broke(self, error: ProviderError) -> None:
        self._error = error
        self._waiting.clear()
        self._waiting_bytes = 0
        self._something_heard.set()


def _failure_of(error: BaseException) -> ProviderError:
    """Return the failure in our words; of several at once the first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ProviderError):
        return error
    if isinstance(error, InvalidStatus):
        response = error.response
        return refusal(PROVIDER, response.status_code, retry_after=response.headers.get("Retry-After"))
    if isinstance(error, websockets.ConnectionClosed):
        return ProviderError(PROVIDER, "cut_off", permanent=False)
    if isinstance(error, TimeoutError):
        return ProviderError(PROVIDER, "timeout", permanent=False)
    if isinstance(error, OSError | WebSocketException):
        return ProviderError(PROVIDER, "unreachable", permanent=False)
    return ProviderError(PROVIDER, "garbage", permanent=False)
