"""Bounds on web sockets: a handshake, a message and a wait all end, and pings have a price."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.types import Scope, Send
from tests.support.processes import PATIENCE_SECONDS
from tests.support.raw_http import RawClient

from callgenie.cli.bounded_socket import CONTROL_FRAMES_MAX, FRAGMENTS_MAX
from callgenie.cli.bounded_transport import ConnectionLimits
from callgenie.cli.listening import HttpServer, listen

SHORT: Final = ConnectionLimits(head_seconds=0.5, write_seconds=0.5, message_seconds=0.5)
HANDSHAKE: Final = (
    b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
)
CONTINUATION, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA
POLICY_VIOLATION: Final = 1008

App = Callable[[Any, Send], Awaitable[None]]


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    # A mask of zeros leaves the payload as it is.
    return bytes([opcode | (0x80 if fin else 0), 0x80 | len(payload)]) + bytes(4) + payload


def close_code(frames: bytes) -> int:
    """Return the code of the close frame that comes last."""
    at = frames.rindex(bytes([CLOSE | 0x80]))
    code: int = struct.unpack("!H", frames[at + 2 : at + 4])[0]
    return code


@asynccontextmanager
async def serving(app: App, limits: ConnectionLimits = SHORT) -> AsyncIterator[int]:
    async def asgi(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] == "websocket":
            await app(receive, send)

    with listen("127.0.0.1", 0) as listening:
        server = HttpServer(asgi, listening, limits)
        await server.start()
        try:
            yield listening.getsockname()[1]
        finally:
            await server.stop()


@asynccontextmanager
async def opened(port: int) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(port) as client:
        await client.send(HANDSHAKE + b"\r\n")
        assert (await client.answer()).status == 101
        yield client


class Listener:
    """An application that takes every message."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    async def __call__(self, receive: Any, send: Send) -> None:
        await send({"type": "websocket.accept"})
        while not self.heard or self.heard[-1]["type"] != "websocket.disconnect":
            self.heard.append(await receive())

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.heard if message["type"] == "websocket.receive"]


async def test_a_message_in_a_few_pieces_is_taken() -> None:
    listener = Listener()
    async with serving(listener) as port, opened(port) as client:
        await client.send(
            frame(TEXT, b"a", fin=False), frame(PING), frame(CONTINUATION, b"b", fin=False), frame(CONTINUATION, b"c")
        )
        # Its deadline ends with it.
        await asyncio.sleep(1)
        await client.send(frame(TEXT, b"d"), frame(CLOSE, struct.pack("!H", 1000)))
        assert close_code(await client.rest()) == 1000
    assert listener.texts == ["abc", "d"]


async def test_a_message_in_pieces_without_end_is_refused() -> None:
    listener = Listener()
    async with serving(listener, ConnectionLimits()) as port, opened(port) as client:
        await client.send(frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * (FRAGMENTS_MAX - 1))
        await client.send(frame(CONTINUATION))
        await client.send(frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 50_000)
        assert close_code(await client.rest()) == POLICY_VIOLATION
    assert listener.texts == [""]


async def test_a_message_that_is_never_finished_is_refused() -> None:
    listener = Listener()
    async with serving(listener) as port, opened(port) as client:
        await client.send(frame(TEXT, b"a", fin=False))
        assert close_code(await client.rest()) == POLICY_VIOLATION
    assert listener.texts == []


async def test_a_flood_of_pings_or_pongs_is_refused() -> None:
    for opcode in (PING, PONG):
        async with serving(Listener(), ConnectionLimits()) as port, opened(port) as client:
            await client.send(frame(opcode, b"x" * 125) * 10_000)
            answers = await client.rest()
            assert close_code(answers) == POLICY_VIOLATION
            # Those of one slice are answered together.
            assert answers.count(b"x") < 10 * CONTROL_FRAMES_MAX * 125


async def test_as_many_pings_as_anybody_needs_are_answered() -> None:
    async with serving(Listener(), ConnectionLimits()) as port, opened(port) as client:
        await client.send(frame(PING, b"x") * (CONTROL_FRAMES_MAX - 1) + frame(CLOSE, struct.pack("!H", 1000)))
        answers = await client.rest()
    assert close_code(answers) == 1000
    assert answers.count(b"x") == CONTROL_FRAMES_MAX - 1


async def test_who_does_not_read_is_cut_off() -> None:
    gone = asyncio.Event()

    async def talkative(_receive: Any, send: Send) -> None:
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 4_096})
                await asyncio.sleep(0)
        finally:
            gone.set()

    async with serving(talkative) as port, opened(port) as client:
        client.stop_reading()
        await asyncio.wait_for(gone.wait(), PATIENCE_SECONDS)


async def test_a_handshake_that_the_application_never_answers_ends() -> None:
    async def silent(receive: Any, _send: Send) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async with serving(silent) as port, await RawClient.connect(port) as client:
        await client.send(HANDSHAKE + b"\r\n")
        assert b"HTTP/1.1 101" not in await client.rest()


async def test_a_handshake_that_the_parser_refuses_is_answered() -> None:
    async with serving(Listener(), ConnectionLimits()) as port, await RawClient.connect(port) as client:
        await client.send(HANDSHAKE + b"x: " + b"a" * 20_000 + b"\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 431")


async def test_garbage_before_the_handshake_is_over_closes_the_socket() -> None:
    arrived = asyncio.Event()

    async def hesitant(receive: Any, _send: Send) -> None:
        await receive()
        arrived.set()
        assert (await receive())["type"] == "websocket.disconnect"

    async with serving(hesitant, ConnectionLimits()) as port, await RawClient.connect(port) as client:
        await client.send(HANDSHAKE + b"\r\n")
        await asyncio.wait_for(arrived.wait(), PATIENCE_SECONDS)
        await client.send(b"\xff" * 1_000)
        await client.rest()
