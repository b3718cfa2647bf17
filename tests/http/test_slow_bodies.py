"""Bodies that come slowly, never end, or are too many: refused in time, and at nobody else's cost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from tests.support.accounts import assert_problem
from tests.support.processes import PATIENCE_SECONDS
from tests.support.virtual_time import run_virtually

from callgenie.http import edge
from callgenie.http.body_budget import BodyLimits


def site(limits: BodyLimits | None = None) -> FastAPI:
    app = FastAPI()

    async def raw(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    app.add_api_route("/raw", raw, methods=["GET", "POST"])
    edge.install(app, bodies=limits)
    return app


def client_of(app: FastAPI, address: str = "203.0.113.9") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://callgenie.test")


async def steady(size: int, piece: int, per_second: float) -> AsyncIterator[bytes]:
    for _ in range(size // piece):
        await asyncio.sleep(piece / per_second)
        yield b"x" * piece


async def stalling(size: int) -> AsyncIterator[bytes]:
    yield b"x" * size
    await asyncio.Event().wait()


def timed(content: AsyncIterator[bytes]) -> tuple[httpx.Response, float]:
    async def ask() -> tuple[httpx.Response, float]:
        async with client_of(site()) as http:
            begin = asyncio.get_running_loop().time()
            # What never ends would have to be ended by the test.
            response = await http.post("/raw", content=content, timeout=None)
            return response, asyncio.get_running_loop().time() - begin

    return run_virtually(ask())


def test_a_phone_at_the_edge_of_its_network_is_waited_for() -> None:
    response, seconds = timed(steady(100_000, 1_000, per_second=1_500))
    assert (response.status_code, response.json()) == (200, {"bytes": 100_000})
    assert seconds > 60


def test_a_phone_that_loses_its_network_for_some_seconds_is_waited_for() -> None:
    async def interrupted() -> AsyncIterator[bytes]:
        yield b"x" * 500
        await asyncio.sleep(8)
        yield b"x" * 500

    response, _ = timed(interrupted())
    assert response.json() == {"bytes": 1_000}


@pytest.mark.parametrize("sent", [0, 5_000, 60_000])
def test_a_body_that_stops_coming_is_refused(sent: int) -> None:
    response, seconds = timed(stalling(sent))
    assert_problem(response, 408, "request_timeout")
    assert response.headers["connection"] == "close"
    assert 10 + sent / 1_024 - 1 < seconds < 10 + sent / 1_024 + 1


def test_a_body_that_drips_is_refused() -> None:
    response, seconds = timed(steady(100_000, 10, per_second=100))
    assert_problem(response, 408, "request_timeout")
    assert 9 < seconds < 13


def test_a_body_is_not_waited_for_for_ever_however_steadily_it_comes() -> None:
    response, seconds = timed(steady(1_000_000, 1_000, per_second=2_000))
    assert_problem(response, 408, "request_timeout")
    assert 119 < seconds < 121


async def test_one_client_cannot_take_all_the_memory_for_bodies() -> None:
    # Strangers have a quarter, and one of them half of that: 100,000 bytes.
    app = site(BodyLimits(held_bytes_max=800_000))
    async with AsyncExitStack() as stack:
        greedy = await stack.enter_async_context(client_of(app, "203.0.113.1"))
        other = await stack.enter_async_context(client_of(app, "203.0.113.2"))
        unfinished = [asyncio.create_task(greedy.post("/raw", content=stalling(30_000))) for _ in range(6)]
        done, _ = await asyncio.wait(unfinished, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 3:
            done, _ = await asyncio.wait(unfinished, timeout=1)
        for refused in done:
            response = refused.result()
            assert_problem(response, 503, "overloaded")
            assert response.headers["retry-after"]
            assert response.headers["connection"] == "close"
        assert (await other.post("/raw", content=b"x" * 30_000)).json() == {"bytes": 30_000}
        assert (await greedy.post("/raw", content=b"x" * 30_000)).status_code == 503
        for task in unfinished:
            task.cancel()
        await asyncio.wait(unfinished)
        # Nothing stays held: neither by those that were refused nor by those that were given up.
        assert (await greedy.post("/raw", content=b"x" * 90_000)).json() == {"bytes": 90_000}


async def test_one_client_cannot_take_every_place_for_a_body() -> None:
    app = site(BodyLimits(unfinished_max=32))
    async with client_of(app, "203.0.113.1") as greedy, client_of(app, "203.0.113.2") as other:
        unfinished = [asyncio.create_task(greedy.post("/raw", content=stalling(1))) for _ in range(4)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await greedy.post("/raw", content=b"x")).status_code == 200:  # noqa: ASYNC110 -- it has no event
                await asyncio.sleep(0)
        assert_problem(await greedy.post("/raw", content=b"x"), 503, "overloaded")
        assert (await other.post("/raw", content=b"x")).status_code == 200
        for task in unfinished:
            task.cancel()
        await asyncio.wait(unfinished)
        assert (await greedy.post("/raw", content=b"x")).status_code == 200


async def test_a_body_where_none_belongs_is_not_read() -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError
        yield b""

    async with client_of(site()) as http:
        assert (await http.request("GET", "/raw", content=unread())).json() == {"bytes": 0}
