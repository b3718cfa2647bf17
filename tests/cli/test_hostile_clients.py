"""A real server and hundreds of sockets that mean it no good: what they cost, and how long they last."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Final

import psutil
import pytest
from tests.support.database import short_folder
from tests.support.processes import PATIENCE_SECONDS, running
from tests.support.raw_http import RawClient

SOCKETS: Final = 300
# What 300 connections cost by themselves, and much less than the 300 MB that each of these attacks took before.
GROWTH_BYTES_MAX: Final = 70_000_000
# Making the description takes 12 MB, once, however busy the machine is; 40 clients that wait for the rest of it, or of
# the largest file, take less than 3 MB. With bytes of its own for each answer they took 26 and 140 MB.
UNREAD_GROWTH_BYTES_MAX: Final = 25_000_000

LIMITS: Final = {
    # All sockets come from one address.
    "RATE_LIMITS": "off",
    "HTTP_HEAD_SECONDS": "2",
    "HTTP_BODY_SECONDS": "6",
    "HTTP_BODY_GRACE_SECONDS": "2",
    "HTTP_WRITE_SECONDS": "2",
    "HTTP_BODIES_MIB": "8",
}


class Server:
    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self._process = psutil.Process(pid)

    @property
    def memory(self) -> int:
        used: int = self._process.memory_info().rss
        return used

    @property
    def connections(self) -> int:
        of_the_server = self._process.net_connections("tcp")
        return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port == self.port for each in of_the_server)

    async def is_alive(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with await RawClient.connect(self.port) as client:
                    await client.send(b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n")
                    # On a machine with much to do, this side may be too slow for the short limits.
                    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                        assert (await client.answer()).status == 200
                        return


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with short_folder() as folder, running("tests.support.voiceless_server", folder, **LIMITS) as process:
        url = process.wait_for("ready")
        yield Server(int(url.rpartition(":")[2]), process.pid)


def body_of(path: str, length: bytes = b"content-length: 1048576") -> bytes:
    return b"POST %s HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n%s\r\n\r\n" % (path.encode(), length)


CHUNKED: Final = body_of("/api/auth/login", b"transfer-encoding: chunked")

# What each socket sends, and the statuses with which it may be refused; b"" is a connection that is closed.
ATTACKS: Final[dict[str, tuple[list[bytes], set[int]]]] = {
    "a body that never ends": ([body_of("/api/auth/login"), b"x" * 1_048_575], {408, 503}),
    "a body of a stranger": ([body_of("/api/user/conversations"), b"x" * 1_048_575], {401}),
    "trailers": ([CHUNKED + b"2\r\n{}\r\n0\r\n", b"x: y\r\n" * 10_000], {400}),
    "chunks of one byte": ([CHUNKED, b"1\r\nx\r\n" * 10_000], {408, 503}),
    "half a head": ([b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 60_000], {408, 503}),
}


async def attack(client: RawClient, pieces: list[bytes]) -> bytes:
    sending = asyncio.create_task(client.send(*pieces))
    try:
        return await client.rest()
    finally:
        sending.cancel()
        await asyncio.wait([sending])


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize(("pieces", "statuses"), ATTACKS.values(), ids=ATTACKS)
async def test_sockets_that_never_end_cost_little_and_are_closed(
    server: Server, pieces: list[bytes], statuses: set[int]
) -> None:
    # One goes ahead, so that what is made once is there.
    async with await RawClient.connect(server.port) as client:
        await attack(client, pieces)
    before = server.memory
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(await RawClient.connect(server.port)) for _ in range(SOCKETS)]
        attacks = [asyncio.create_task(attack(client, pieces)) for client in clients]
        most = before
        while not all(each.done() for each in attacks):
            await server.is_alive()
            most = max(most, server.memory)
            await asyncio.wait(attacks, timeout=0.2)
        answers = [each.result() for each in attacks]
    assert most - before < GROWTH_BYTES_MAX
    given = {status_of(answer) for answer in answers}
    # A machine with much to do may notice that the connection was reset before it reads the answer.
    assert given & statuses
    assert given <= statuses | {0}
    assert all(answer.count(b"HTTP/1.1") <= 1 for answer in answers)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui-bundle.js"])
async def test_answers_that_nobody_reads_cost_little_and_are_cut_off(server: Server, path: str) -> None:
    before = server.memory
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(await RawClient.connect(server.port)) for _ in range(40)]
        for client in clients:
            client.stop_reading()
            await client.send(b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode() * 100)
        most = before
        async with asyncio.timeout(PATIENCE_SECONDS):
            while server.connections:
                most = max(most, server.memory)
                await server.is_alive()
                await asyncio.sleep(0.2)
    assert most - before < UNREAD_GROWTH_BYTES_MAX
