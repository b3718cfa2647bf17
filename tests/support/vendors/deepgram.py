"""Stands in for Deepgram's live audio: checks the request, and really listens.

Source: Deepgram API reference, "Live audio"; documents "Finalize", "Audio keep alive" and "Close stream".
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tests.support.embedded import embedded
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

KEY: Final = "the-key-of-a-test"
MODEL: Final = "nova-3"

_IDLE_SECONDS: Final = 10.0
_INTERIM_SECONDS: Final = 1.0

# Below this nothing is buffered that a "Finalize" could bring out, and none is answered.
_NOTICEABLE_SECONDS: Final = 0.1


class Deepgram:
    """The server.

    Attributes:
        refusals: Statuses, and headers, with which connections are refused before one is let in.
        breaks_after: Audio messages after which a connection is dropped.
        garbage: What is sent instead of results.
        deaf: Whether results are never sent.
        controls: The types of the control messages that came.
        connections: How many are open.
    """

    def __init__(self) -> None:
        self.refusals: list[tuple[HTTPStatus, dict[str, str]]] = []
        self.breaks_after: int | None = None
        self.garbage: str | None = None
        self.deaf = False
        self.controls: list[str] = []
        self.connections = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on loopback and give the base URL."""
        async with serve(self._talk, "127.0.0.1", 0, process_request=self._check) as server:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"

    async def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Authorization") != f"Token {KEY}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, '{"err_code": "INVALID_AUTH"}')
        if self.refusals:
            status, headers = self.refusals.pop(0)
            response = connection.respond(status, "{}")
            response.headers.update(headers)
            return response
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        wanted = {"model": MODEL, "encoding": "linear16", "channels": "1", "interim_results": "true"}
        if urlsplit(request.path).path != "/v1/listen" or wanted.items() - query.items():
            return connection.respond(HTTPStatus.BAD_REQUEST, '{"err_code": "Bad Request"}')
        return None

    async def _talk(self, connection: ServerConnection) -> None:
        self.connections += 1
        try:
            await _Ear(self, connection).listen()
        finally:
            self.connections -= 1


class _Ear:
    def __init__(self, server: Deepgram, connection: ServerConnection) -> None:
        query = parse_qs(urlsplit(connection.request.path).query) if connection.request else {}
        self._server = server
        self._connection = connection
        self._rate = int(query["sample_rate"][0])
        self._buffered = b""
        self._messages = 0
        self._start = 0.0
        self._interim_at = 0.0

    @property
    def _seconds(self) -> float:
        return len(self._buffered) / 2 / self._rate

    async def listen(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    message = await self._connection.recv()
            except TimeoutError:
                await self._connection.close(1011, "NET-0001")
                return
            if isinstance(message, bytes):
                await self._hear(message)
                if self._messages == self._server.breaks_after:
                    self._connection.transport.abort()
                    return
            elif not await self._obey(json.loads(message)):
                return

    async def _hear(self, pcm: bytes) -> None:
        self._messages += 1
        self._buffered += pcm
        if self._seconds - self._interim_at >= _INTERIM_SECONDS:
            self._interim_at = self._seconds
            await self._tell("a wrong guess", final=False)

    async def _obey(self, message: dict[str, Any]) -> bool:
        kind = message["type"]
        self._server.controls.append(kind)
        if kind in {"Finalize", "CloseStream"} and self._seconds >= _NOTICEABLE_SECONDS and not self._server.deaf:
            hearing = embedded().stt.open(sample_rate=self._rate, language="en")
            hearing.push(self._buffered)
            await self._tell((await hearing.transcribe()).text, final=True, from_finalize=kind == "Finalize")
        if kind == "CloseStream":
            metadata = {"type": "Metadata", "transaction_key": "deprecated", "request_id": "r", "channels": 1}
            await self._connection.send(json.dumps(metadata))
        return bool(kind != "CloseStream")

    async def _tell(self, transcript: str, *, final: bool, from_finalize: bool = False) -> None:
        if self._server.garbage is not None:
            await self._connection.send(self._server.garbage)
            return
        results = {
            "type": "Results",
            "channel_index": [0, 1],
            "start": self._start,
            "duration": self._seconds,
            "is_final": final,
            "speech_final": False,
            "from_finalize": from_finalize,
            "channel": {"alternatives": [{"transcript": transcript, "confidence": 0.9, "words": []}]},
            "metadata": {"request_id": "r", "model_info": {"name": MODEL}},
        }
        await self._connection.send(json.dumps(results))
        if final:
            self._start += self._seconds
            self._buffered = b""
            self._interim_at = 0.0
