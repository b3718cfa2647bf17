"""More requests than can be answered in time are turned away at once, and nobody else pays for them."""

import asyncio
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.responses import StreamingResponse
from tests.support.processes import PATIENCE_SECONDS

from callgenie.http import edge
from callgenie.http.overload import OverloadMiddleware, Turnstile, TurnstileMiddleware


class Slow:
    """An application whose answers take until `go` is set."""

    def __init__(self, limit: int) -> None:
        self.turnstile = Turnstile(limit)
        self.go = asyncio.Event()
        self.counted: list[tuple[str, str, int]] = []
        self.app = FastAPI()
        edge.install(
            self.app,
            around=[Middleware(OverloadMiddleware, turnstile=self.turnstile, meter=self)],
            after_body=[Middleware(TurnstileMiddleware, turnstile=self.turnstile)],
        )
        self.app.add_api_route("/slow", self.slow, methods=["GET", "POST"])
        self.app.add_api_route("/broken", self.broken)
        self.app.add_api_route("/api/telephony/ring", self.slow)
        self.app.add_api_route("/stream", self.stream)

    def request_served(self, route: str, method: str, status: int, seconds: float) -> None:
        del seconds
        self.counted.append((route, method, status))

    async def slow(self) -> str:
        await self.go.wait()
        return "done"

    async def broken(self) -> str:
        raise RuntimeError

    async def stream(self) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            await self.go.wait()
            yield b"last"

        return StreamingResponse(pieces())

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://callgenie.test")


async def until_inside(slow: Slow, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while slow.turnstile.inside != count:  # noqa: ASYNC110 -- there is nothing to wait on but the count
            await asyncio.sleep(0)


async def test_one_too_many_is_told_when_to_come_again_and_the_others_are_answered() -> None:
    slow = Slow(limit=2)
    async with slow.client() as http, asyncio.TaskGroup() as group:
        taken = [group.create_task(http.get("/slow")) for _ in range(2)]
        await until_inside(slow, 2)
        refused = await http.get("/slow")
        slow.go.set()
    assert refused.status_code == 503
    assert refused.json()["code"] == "overloaded"
    assert refused.headers["retry-after"] == "2"
    assert [task.result().status_code for task in taken] == [200, 200]
    assert slow.turnstile.inside == 0
    assert slow.counted == [("unmatched", "GET", 503)]


async def test_a_carrier_with_a_caller_on_the_line_is_always_taken() -> None:
    slow = Slow(limit=1)
    async with slow.client() as http, asyncio.TaskGroup() as group:
        group.create_task(http.get("/slow"))
        await until_inside(slow, 1)
        ringing = group.create_task(http.get("/api/telephony/ring"))
        await until_inside(slow, 2)
        slow.go.set()
    assert ringing.result().status_code == 200


async def test_a_request_that_fails_or_is_given_up_makes_room_again() -> None:
    slow = Slow(limit=1)
    async with slow.client() as http:
        assert (await http.get("/broken")).status_code == 500
        assert slow.turnstile.inside == 0
        given_up = asyncio.create_task(http.get("/slow"))
        await until_inside(slow, 1)
        given_up.cancel()
        await asyncio.wait([given_up])
    assert slow.turnstile.inside == 0


async def test_a_body_that_is_still_on_its_way_is_no_work() -> None:
    slow = Slow(limit=1)
    arriving = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        arriving.set()
        await slow.go.wait()
        yield b"{}"

    async with slow.client() as http, asyncio.TaskGroup() as group:
        group.create_task(http.post("/slow", content=body()))
        await arriving.wait()
        assert slow.turnstile.inside == 0
        slow.go.set()


async def test_a_download_that_somebody_reads_slowly_keeps_nobody_out() -> None:
    slow = Slow(limit=1)
    began = asyncio.Event()
    sent: list[bytes] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.body" and message.get("body"):
            sent.append(bytes(message["body"]))  # type: ignore[call-overload] # ASGI's own untyped message
            began.set()

    async def receive() -> dict[str, object]:
        await slow.go.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/stream",
        "raw_path": b"/stream",
        "query_string": b"",
        "headers": [],
        "client": ("203.0.113.9", 1),
        "server": ("callgenie.test", 80),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
    }
    download = asyncio.create_task(slow.app(scope, receive, send))  # type: ignore[arg-type] # the same
    await began.wait()
    assert slow.turnstile.inside == 0
    slow.go.set()
    await download
    assert sent[0] == b"first"
