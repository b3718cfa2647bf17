"""HTTP as bytes on a socket, for what no client library would send."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Self

from tests.support.processes import PATIENCE_SECONDS


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json", self.headers
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        assert problem["requestId"] == self.headers["x-request-id"]
        return problem


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()

    async def send(self, *pieces: bytes) -> None:
        """Send each piece as one, as far as the server still takes it."""
        try:
            for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()
                # The server sees the pieces one by one, whether in this process or in another.
                await asyncio.sleep(0 if len(pieces) == 1 else 0.002)
        except ConnectionError:
            return

    async def answer(self) -> Answer:
        """Read one answer."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = await self._reader.readuntil(b"\r\n\r\n")
            status, *lines = head.decode("latin-1").split("\r\n")[:-2]
            headers = dict(line.lower().split(": ", 1) for line in lines)
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split(" ")[1]), headers, body)

    async def rest(self, seconds: float = PATIENCE_SECONDS) -> bytes:
        """Read until the server closes the connection, in whatever way."""
        pieces: list[bytes] = []
        async with asyncio.timeout(seconds):
            try:
                while piece := await self._reader.read(65_536):
                    pieces.append(piece)
            except ConnectionError:
                pass
        return b"".join(pieces)

    def stop_reading(self) -> None:
        """Read nothing more from the socket."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined] # asyncio's own transport has it

    def cut(self) -> None:
        self._writer.transport.abort()


async def flood(client: RawClient, piece: bytes, bytes_max: int) -> int:
    """Send the piece again and again until the server closes the connection; return how many bytes that took."""
    closed = asyncio.create_task(client.rest())
    sent = 0
    while not closed.done() and sent < bytes_max:
        await client.send(piece)
        sent += len(piece)
        await asyncio.sleep(0.001)
    closed.cancel()
    return sent
