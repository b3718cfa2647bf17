"""The server's socket, and what it bears from those who connect."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Scope, Send
from tests.support.processes import PATIENCE_SECONDS
from tests.support.virtual_time import run_virtually

from callgenie.cli.bounded_http import HEAD_BYTES_MAX
from callgenie.cli.bounded_socket import MESSAGES_WAITING_MAX
from callgenie.cli.listening import HttpServer, ListenError, PortInUseError, address_of, is_exposed, listen


async def size(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    listening = listen("127.0.0.1", 0)
    server = HttpServer(Starlette(routes=[Route("/", size, methods=["GET", "POST"])]), listening)
    await server.start()
    yield listening.getsockname()[1]
    await server.stop()
    listening.close()


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    finally:
        writer.close()


async def test_a_body_may_be_longer_than_a_head(port: int) -> None:
    body = b"a" * (4 * HEAD_BYTES_MAX)
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    answer = await ask(port, head + body)
    assert answer.endswith(b"\r\n\r\n%d" % len(body))


async def test_many_requests_on_one_connection_are_counted_one_by_one(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"GET / HTTP/1.1\r\nhost: a\r\nx: %s\r\n\r\n" % (b"a" * (HEAD_BYTES_MAX // 2))
    for _ in range(5):
        writer.write(head)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n0"), PATIENCE_SECONDS)
        assert answer.startswith(b"HTTP/1.1 200")
    writer.close()


def test_who_connects_and_says_nothing_is_let_go() -> None:
    async def connect_and_wait() -> float:
        listening = listen("127.0.0.1", 0)
        server = HttpServer(Starlette(), listening)
        await server.start()
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        begin = asyncio.get_running_loop().time()
        assert await reader.read() == b""
        waited = asyncio.get_running_loop().time() - begin
        writer.close()
        await server.stop()
        return waited

    assert 15 < run_virtually(connect_and_wait()) < 25


async def test_a_socket_that_nobody_reads_holds_a_bounded_number_of_messages_and_loses_none() -> None:
    sent, length = 4_000, 2_000
    waiting = [0] * 20
    received: list[str] = []
    full = asyncio.Event()

    async def sluggish(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] != "websocket":
            return
        await send({"type": "websocket.accept"})
        while waiting[-1] < MESSAGES_WAITING_MAX or waiting[-1] > waiting[-20]:
            await asyncio.sleep(0.01)
            waiting.append(receive.__self__.queue.qsize())
        full.set()
        assert (await receive())["type"] == "websocket.connect"
        received.extend([(await receive())["text"] for _ in range(sent)])
        await send({"type": "websocket.close"})

    listening = listen("127.0.0.1", 0)
    server = HttpServer(sluggish, listening)
    await server.start()
    host, port = listening.getsockname()
    async with websockets.connect(f"ws://{host}:{port}/", proxy=None) as client:

        async def flood() -> None:
            for number in range(sent):
                await client.send(str(number).ljust(length))

        flooding = asyncio.create_task(flood())
        await asyncio.wait_for(full.wait(), PATIENCE_SECONDS)
        await asyncio.wait_for(flooding, PATIENCE_SECONDS)
        await client.wait_closed()
    await server.stop()
    # What one piece from the network holds beyond the bound has been read already.
    assert MESSAGES_WAITING_MAX <= max(waiting) <= MESSAGES_WAITING_MAX + 262_144 // length + 1
    assert [int(text) for text in received] == list(range(sent))


@pytest.mark.parametrize(
    ("waiting", "closes", "is_paused"), [(20, False, False), (200, False, True), (200, True, False)]
)
async def test_a_socket_is_read_until_many_messages_wait_and_to_its_end_once_we_close_it(
    waiting: int,
    closes: bool,  # noqa: FBT001 -- a column of the table
    is_paused: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    paused: list[bool] = []

    async def looking(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] != "websocket":
            return
        await send({"type": "websocket.accept"})
        protocol = receive.__self__
        while protocol.queue.qsize() < min(waiting, MESSAGES_WAITING_MAX):  # noqa: ASYNC110 -- it has no event
            await asyncio.sleep(0.01)
        if closes:
            await send({"type": "websocket.close"})
        await asyncio.sleep(0.3)
        paused.append(protocol.read_paused)

    listening = listen("127.0.0.1", 0)
    server = HttpServer(looking, listening)
    await server.start()
    host, port = listening.getsockname()
    async with websockets.connect(f"ws://{host}:{port}/", proxy=None) as client:
        with contextlib.suppress(websockets.ConnectionClosed):
            for number in range(waiting):
                await client.send(str(number))
                await asyncio.sleep(0)
            # What is sent after our close, and before the other side knows of it, is what comes late.
            while closes:
                await client.send("on and on")
        await client.wait_closed()
    await server.stop()
    assert paused == [is_paused]


async def test_requests_in_progress_are_answered_when_the_server_stops() -> None:
    entered = asyncio.Event()

    async def slow(_request: Request) -> PlainTextResponse:
        entered.set()
        await asyncio.sleep(0.5)
        return PlainTextResponse("done")

    listening = listen("127.0.0.1", 0)
    server = HttpServer(Starlette(routes=[Route("/", slow)]), listening)
    await server.start()
    port = listening.getsockname()[1]
    asking = asyncio.create_task(ask(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"))
    await entered.wait()
    await server.stop()
    assert (await asking).endswith(b"done")
    with pytest.raises(ConnectionRefusedError):
        await ask(port, b"GET / HTTP/1.1\r\n\r\n")


def test_a_port_that_is_taken_is_refused() -> None:
    with listen("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(PortInUseError):
            listen("127.0.0.1", first.getsockname()[1])


def test_a_port_that_is_left_can_be_taken_again_at_once() -> None:
    with listen("127.0.0.1", 0) as first:
        first.listen()
        place = first.getsockname()
        with socket.create_connection(place) as caller:
            taken, _ = first.accept()
            taken.close()
            assert caller.recv(1) == b""
    listen(*place).close()


@pytest.mark.parametrize(
    ("host", "url", "exposed"),
    [
        ("127.0.0.1", "http://127.0.0.1:", False),
        ("localhost", "http://localhost:", False),
        ("::1", "http://[::1]:", False),
        ("0.0.0.0", "http://127.0.0.1:", True),  # noqa: S104 -- what the test is about
        ("::", "http://[::1]:", True),
    ],
)
def test_the_address_is_one_that_this_machine_can_reach(host: str, url: str, exposed: bool) -> None:  # noqa: FBT001 -- a column of the table
    try:
        listening = listen(host, 0)
    except ListenError:
        if ":" not in host:
            raise
        pytest.skip("There is no IPv6 on this machine: turn it on in the kernel's settings.")
    with listening:
        assert address_of(host, listening).startswith(url)
        assert is_exposed(listening) is exposed
