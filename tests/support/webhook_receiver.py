"""A receiver of webhooks on a real socket, that does as it is told; and a book in place of the DNS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from callgenie.webhooks.destinations import HostNotFoundError


@dataclass(frozen=True)
class Received:
    """A request as it arrived; names of headers in lower case."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """Return the message if the library that receivers use takes its signature."""
        return Webhook(secret).verify(self.body, dict(self.headers))

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers with `status` and `answer`; those of `statuses` come first, one each. Hangs after so many requests."""

    port: int = 0
    status: int = 200
    answer: bytes = b"ok"
    headers: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    hangs: bool = False
    hangs_after: int | None = None
    endless: bool = False
    drops: bool = False
    open: int = 0
    open_most: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    writers: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: asyncio.Task[None] | None = asyncio.current_task()
        assert task is not None
        self.writers[task] = writer
        self.open += 1
        self.open_most = max(self.open, self.open_most)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._exchange(reader, writer)
        self.open -= 1
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        del self.writers[task]

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.received.append(Received(head[0].split(" ")[1], headers, body))
        self.seen.set()
        if self.drops:
            return
        if self.hangs or (self.hangs_after is not None and len(self.received) > self.hangs_after):
            await reader.read()
            return
        status = self.statuses.pop(0) if self.statuses else self.status
        size = "" if self.endless else f"content-length: {len(self.answer)}\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\n{size}{self.headers}\r\n".encode() + self.answer)
        while self.endless:
            writer.write(b"x" * 10_000)
            await writer.drain()
        await writer.drain()


@asynccontextmanager
async def receiving(receiver: Receiver | None = None, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver on loopback; one that ran before gets its port again."""
    receiver = receiver or Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", receiver.port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for writer in receiver.writers.values():
            writer.transport.abort()
        if receiver.writers:
            await asyncio.wait(receiver.writers)


class ResolverBook:
    """Finds what is written in it (`webhooks.destinations.Resolver`); keeps what it was asked."""

    def __init__(self, addresses: Mapping[str, Sequence[str]]) -> None:
        self.addresses = dict(addresses)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(host)
        found = self.addresses.get(host.rstrip("."))
        if not found:
            raise HostNotFoundError
        return found
