"""Bounds on what may come before, between and after the bodies of requests, however the network cuts it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from tests.support.processes import PATIENCE_SECONDS
from tests.support.raw_http import RawClient, flood
from tests.support.virtual_time import run_virtually

from callgenie.cli.bounded_http import (
    FRAMING_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEAD_FIELDS_MAX,
    PIPELINED_MAX,
    UNFINISHED_HEADS_BYTES_MAX,
)
from callgenie.cli.bounded_transport import ConnectionLimits
from callgenie.cli.listening import HttpServer, listen

SHORT: Final = ConnectionLimits(head_seconds=0.5, write_seconds=0.5, drain_seconds=0.5)

CHUNKED: Final = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
# Before the head that is tested come: nothing; a request without a body; one with; a chunked one; and empty lines.
BEFORE: Final = {
    "first": (b"", 0),
    "after a head": (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", 1),
    "after a body": (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 7\r\n\r\n\r\n\r\n123", 1),
    "after chunks": (CHUNKED + b"5\r\n\r\n\r\nx\r\n0\r\n\r\n", 1),
}
Cut = Callable[[bytes, int], Sequence[bytes]]
CUTS: Final[dict[str, Cut]] = {
    "in one piece": lambda data, _: [data],
    "before the head": lambda data, begin: [data[:begin], data[begin:]],
    "in the blank line before it": lambda data, begin: [data[: begin - 1], data[begin - 1 :]],
    "in its own blank line": lambda data, _: [data[:-2], data[-2:]],
    "in pieces of 10,007": lambda data, _: [data[at : at + 10_007] for at in range(0, len(data), 10_007)],
}


class Site:
    """A server with short patience, and what its application does."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.entered = asyncio.Event()
        self.served = 0
        self.port = 0
        self.connections: Collection[object] = ()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.size, methods=["GET", "POST"]),
                Route("/early", self.early, methods=["GET", "POST"]),
                Route("/slow", self.slow),
                Route("/large", self.large),
                Route("/whole", self.whole),
                Route("/watching", self.watching),
            ]
        )

    async def until_connected(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.connections) != count:  # noqa: ASYNC110 -- the server has no event for it
                await asyncio.sleep(0.01)

    async def size(self, request: Request) -> PlainTextResponse:
        self.served += 1
        return PlainTextResponse(str(len(await request.body())))

    async def early(self, _request: Request) -> PlainTextResponse:
        return PlainTextResponse("early")

    async def slow(self, _request: Request) -> PlainTextResponse:
        self.entered.set()
        await self.go.wait()
        return PlainTextResponse("slow")

    async def whole(self, _request: Request) -> PlainTextResponse:
        return PlainTextResponse("x" * 8_000_000)

    async def watching(self, request: Request) -> PlainTextResponse:
        self.entered.set()
        while not await request.is_disconnected():  # noqa: ASYNC110 -- this is how an application asks
            await asyncio.sleep(0.01)
        self.go.set()
        return PlainTextResponse("")

    async def large(self, _request: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            self.entered.set()
            try:
                while True:
                    yield b"x" * 65_536
                    # Sending to somebody who is gone waits for nothing.
                    await asyncio.sleep(0)
            finally:
                self.go.set()

        return StreamingResponse(pieces())


@asynccontextmanager
async def serving(limits: ConnectionLimits) -> AsyncIterator[Site]:
    site = Site()
    with listen("127.0.0.1", 0) as listening:
        server = HttpServer(site.app(), listening, limits)
        await server.start()
        site.port = listening.getsockname()[1]
        site.connections = server._server.server_state.connections
        try:
            yield site
        finally:
            site.go.set()
            await server.stop()


@pytest.fixture
async def patient() -> AsyncIterator[Site]:
    async with serving(ConnectionLimits()) as site:
        yield site


@pytest.fixture
async def impatient() -> AsyncIterator[Site]:
    async with serving(SHORT) as site:
        yield site


def head_of(size: int) -> bytes:
    head = b"GET / HTTP/1.1\r\nhost: a\r\nx: \r\n\r\n"
    return head.replace(b"x: ", b"x: " + b"a" * (size - len(head)))


async def is_closed(client: RawClient, seconds: float = PATIENCE_SECONDS) -> bool:
    return await client.rest(seconds) == b""


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
async def test_a_head_of_64_kib_is_taken_and_one_byte_more_is_not(
    patient: Site, before: tuple[bytes, int], cut: Cut
) -> None:
    requests, answers = before
    for size, status in ((HEAD_BYTES_MAX, 200), (HEAD_BYTES_MAX + 1, 431)):
        async with await RawClient.connect(patient.port) as client:
            await client.send(*cut(requests + head_of(size), len(requests)))
            for _ in range(answers):
                assert (await client.answer()).status == 200
            answer = await client.answer()
            assert answer.status == status
            if status == 431:
                assert answer.problem["code"] == "head_too_large"
                assert await is_closed(client)


async def test_the_server_still_answers_whom_it_refused_while_more_is_on_its_way(patient: Site) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(b"GET / HTTP/1.1\r\nhost: a\r\nx: ", *[b"a" * 65_536] * 20)
        assert (await client.answer()).status == 431
        assert await is_closed(client)


@pytest.mark.parametrize("beginning", [b"", b"GET /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nx: "])
@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"], ids=["first", "later"])
async def test_a_head_without_end_is_cut_off(patient: Site, before: bytes, beginning: bytes) -> None:
    piece = b"\r\n" * 512 if beginning == b"" else b"a" * 1024
    async with await RawClient.connect(patient.port) as client:
        await client.send(before)
        if before:
            assert (await client.answer()).status == 200
        await client.send(beginning, *[piece] * 65)
        answer = await client.answer()
        assert (answer.status, answer.problem["code"]) == (431, "head_too_large")
        assert await is_closed(client)


async def test_a_head_has_a_bounded_number_of_fields(patient: Site) -> None:
    for fields, status in ((HEAD_FIELDS_MAX, 200), (HEAD_FIELDS_MAX + 1, 431)):
        async with await RawClient.connect(patient.port) as client:
            await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n" + b"a:\r\n" * (fields - 1) + b"\r\n")
            assert (await client.answer()).status == status


async def test_a_head_that_dawdles_is_answered_408(impatient: Site) -> None:
    for beginning in (b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /"):
        async with await RawClient.connect(impatient.port) as client:
            await client.send(beginning)
            if b"host" in beginning:
                assert (await client.answer()).status == 200
            answer = await client.answer()
            assert (answer.status, answer.problem["code"]) == (408, "request_timeout")
            assert await is_closed(client)


async def test_unfinished_heads_of_one_client_take_a_bounded_part_of_what_there_is(patient: Site) -> None:
    unfinished = b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 60_000
    fitting = UNFINISHED_HEADS_BYTES_MAX // 2 // len(unfinished)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(await RawClient.connect(patient.port)) for _ in range(fitting + 5)]
        for client in clients:
            await client.send(unfinished)
        for client in clients[fitting:]:
            answer = await client.answer()
            assert (answer.status, answer.problem["code"]) == (503, "overloaded")
    # Giving up makes room again.
    async with await RawClient.connect(patient.port) as client:
        await client.send(unfinished, b"\r\n\r\n")
        assert (await client.answer()).status == 200


TRAILERS: Final = {
    "a trailer": b"x: y\r\n\r\n",
    "trailers without end": b"x: y\r\n" * 2_000,
    "a trailer without end": b"x: " + b"y" * 2 * FRAMING_BYTES_MAX,
}


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
async def test_trailers_are_refused_and_never_become_headers(patient: Site, trailer: bytes) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(CHUNKED + b"2\r\n{}\r\n0\r\n", trailer)
        answer = await client.answer()
        assert (answer.status, answer.problem["code"]) == (400, "malformed")
        assert await is_closed(client)
    assert patient.served == 1


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
async def test_trailers_of_a_request_that_waits_are_refused_in_their_turn(patient: Site, trailer: bytes) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n" + CHUNKED + b"2\r\n{}\r\n0\r\n" + trailer)
        await asyncio.wait_for(patient.entered.wait(), PATIENCE_SECONDS)
        patient.go.set()
        assert (await client.answer()).body == b"slow"
        assert (await client.answer()).status == 400
        assert await is_closed(client)


async def test_a_head_that_is_too_large_is_refused_in_its_turn(patient: Site) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        await asyncio.wait_for(patient.entered.wait(), PATIENCE_SECONDS)
        await client.send(head_of(HEAD_BYTES_MAX + 1))
        await asyncio.sleep(0.1)
        patient.go.set()
        assert (await client.answer()).body == b"slow"
        assert (await client.answer()).status == 431
        assert await is_closed(client)


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
async def test_trailers_after_the_answer_close_the_connection(patient: Site, trailer: bytes) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(CHUNKED.replace(b"/ ", b"/early ") + b"2\r\n{}\r\n0\r\n")
        assert (await client.answer()).body == b"early"
        await client.send(trailer)
        assert await is_closed(client)


FRAMING: Final = {
    "an extension": b"2;a=" + b"b" * 2 * FRAMING_BYTES_MAX,
    "extensions": b"2" + b";a=b" * FRAMING_BYTES_MAX,
    "a chunk's size": b"0" * 2 * FRAMING_BYTES_MAX,
    "an extension of a later chunk": b"2\r\n{}\r\n2;a=" + b"b" * 3 * FRAMING_BYTES_MAX,
}


@pytest.mark.parametrize("framing", FRAMING.values(), ids=FRAMING)
async def test_chunk_framing_without_end_is_refused(patient: Site, framing: bytes) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(CHUNKED + framing)
        answer = await client.answer()
        assert (answer.status, answer.problem["code"]) == (400, "malformed")
        assert await is_closed(client)


async def test_small_chunks_with_long_extensions_are_taken(patient: Site) -> None:
    body = b"".join(b"1;signature=%s\r\nx\r\n" % (b"b" * 90) for _ in range(2_000))
    async with await RawClient.connect(patient.port) as client:
        await client.send(CHUNKED + body + b"0\r\n\r\n")
        assert (await client.answer()).body == b"2000"


async def test_what_is_no_http_is_refused(patient: Site) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(b"nothing\r\n\r\n")
        answer = await client.answer()
        assert (answer.status, answer.problem["code"]) == (400, "malformed")
        assert await is_closed(client)


async def test_requests_that_wait_behind_another_are_bounded(patient: Site) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n" + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 5_000)
        await asyncio.wait_for(patient.entered.wait(), PATIENCE_SECONDS)
        patient.go.set()
        answers = await client.rest()
    assert answers.count(b"HTTP/1.1 200") == 1 + PIPELINED_MAX
    assert patient.served == PIPELINED_MAX


async def test_a_request_learns_that_its_client_is_gone_also_when_others_wait_behind_it(patient: Site) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(b"GET /watching HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await asyncio.wait_for(patient.entered.wait(), PATIENCE_SECONDS)
    await asyncio.wait_for(patient.go.wait(), PATIENCE_SECONDS)


async def test_a_body_that_the_answer_did_not_wait_for_is_thrown_away_and_the_connection_goes_on(patient: Site) -> None:
    async with await RawClient.connect(patient.port) as client:
        await client.send(b"POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n")
        assert (await client.answer()).body == b"early"
        await client.send(b"x" * 150_000, b"x" * 150_000 + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert (await client.answer()).body == b"0"


async def test_a_body_that_nobody_waits_for_is_not_waited_for_long(impatient: Site) -> None:
    announced = b"POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n"
    async with await RawClient.connect(impatient.port) as client:
        await client.send(announced)
        assert (await client.answer()).body == b"early"
        assert await is_closed(client)
    async with await RawClient.connect(impatient.port) as client:
        await client.send(announced)
        assert (await client.answer()).body == b"early"
        # One byte now and then keeps nothing alive either.
        assert await flood(client, b"x", 1_000_000) < 1_000_000
    async with await RawClient.connect(impatient.port) as client:
        await client.send(announced)
        assert (await client.answer()).body == b"early"
        assert await flood(client, b"x" * 65_536, 90_000_000) < 90_000_000


def test_a_connection_whose_last_body_was_thrown_away_is_not_kept_for_ever() -> None:
    async def ask_and_idle() -> float:
        async with serving(ConnectionLimits()) as site, await RawClient.connect(site.port) as client:
            await client.send(b"POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
            assert (await client.answer()).body == b"early"
            await client.send(b"12345")
            begin = asyncio.get_running_loop().time()
            assert await is_closed(client, seconds=1_000)
            return asyncio.get_running_loop().time() - begin

    assert 60 < run_virtually(ask_and_idle()) < 90


async def test_who_waits_to_be_asked_for_a_body_is_closed_after_an_answer_without_it(patient: Site) -> None:
    expecting = b"POST %s HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    async with await RawClient.connect(patient.port) as client:
        await client.send(expecting % b"/early")
        answer = await client.answer()
        assert (answer.body, answer.headers["connection"]) == (b"early", "close")
        assert await is_closed(client)
    async with await RawClient.connect(patient.port) as client:
        await client.send(expecting % b"/")
        assert (await client.answer()).status == 100
        await client.send(b"{}")
        answer = await client.answer()
        assert answer.body == b"2"
        assert "connection" not in answer.headers


async def test_who_does_not_read_the_answer_is_cut_off(impatient: Site) -> None:
    async with await RawClient.connect(impatient.port) as client:
        client.stop_reading()
        await client.send(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
        await asyncio.wait_for(impatient.go.wait(), PATIENCE_SECONDS)


async def test_a_last_answer_that_nobody_reads_is_given_up(impatient: Site) -> None:
    async with await RawClient.connect(impatient.port) as client:
        client.stop_reading()
        await client.send(b"GET /whole HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        await impatient.until_connected(1)
        await impatient.until_connected(0)
