"""(a) What the whole stack costs: saving an exchange and reading a page over HTTP, against the bare driver.

Both run in the same run against the same mongod, first one then the other, several rounds; the figure is CPU seconds
of the serving process for each request, and the ratio of medians. The client's own CPU is not in it.
"""

import asyncio
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from bench.processes import RunningServer, server
from bench.together import at_once
from callgenie.kernel.child_process import ChildProcess

PARALLEL = 8
GOAL_RATIO = 3.0


@dataclass(frozen=True, slots=True)
class Request:
    """CPU milliseconds of one kind of request, medians over the rounds.

    Attributes:
        whole_ms: Of the serving process.
        alone_ms: Of the bare driver, for the one write or read that the request is about.
        same_ms: Of the bare driver, for all operations that the request needs.
    """

    name: str
    whole_ms: float
    alone_ms: float
    same_ms: float


async def measure(*, count: int, rounds: int) -> list[Request]:
    """Run both sides `rounds` times with `count` requests each."""
    samples: dict[str, list[float]] = defaultdict(list)
    async with server() as running, httpx.AsyncClient(base_url=running.url, timeout=30, trust_env=False) as http:
        user_id = await _sign_up(http)
        for turn in range(rounds):
            samples["http save"].append(await _each(running, count, _saver(http, turn)))
            samples["http page"].append(await _each(running, count, _pager(http)))
            for name, seconds in (await _driver(running, user_id, count, turn)).items():
                samples[name].append(seconds)
    ms = {name: statistics.median(values) * 1_000 for name, values in samples.items()}
    return [
        Request("save an exchange", ms["http save"], ms["save"], ms["save_all"]),
        Request("a page of 20", ms["http page"], ms["page"], ms["page_all"]),
    ]


async def _sign_up(http: httpx.AsyncClient) -> str:
    body = {"email": "bench@example.com", "password": "measure twice cut once", "name": "Bench"}
    answer = (await http.post("/api/auth/register", json=body)).raise_for_status().json()
    http.headers["Authorization"] = f"Bearer {answer['accessToken']}"
    return str(answer["user"]["id"])


def _saver(http: httpx.AsyncClient, turn: int) -> Callable[[int], Awaitable[object]]:
    async def save(number: int) -> None:
        body = {
            "sessionId": f"http-{turn}-{number}",
            "phoneNumber": "+14155550123",
            "userMessage": f"Question {number}, please?",
            "aiResponse": f"Answer {number}, with pleasure.",
        }
        answer = await http.post("/api/user/conversations", json=body)
        assert answer.status_code == 201, answer.text

    return save


def _pager(http: httpx.AsyncClient) -> Callable[[int], Awaitable[object]]:
    async def page(_number: int) -> None:
        answer = await http.get("/api/user/conversations")
        assert len(answer.raise_for_status().json()["data"]) == 20

    return page


async def _each(running: RunningServer, count: int, operation: Callable[[int], Awaitable[object]]) -> float:
    await at_once(min(count, 50), PARALLEL, operation, first=1_000_000)
    before = running.cpu_seconds()
    await at_once(count, PARALLEL, operation)
    return (running.cpu_seconds() - before) / count


async def _driver(running: RunningServer, user_id: str, count: int, turn: int) -> dict[str, float]:
    # A user of its own each round: the page must be as long as ours, and the sessions must be new.
    other = f"{int(user_id, 16) + turn + 1:024x}"
    child = await ChildProcess.start(
        sys.executable,
        "-m",
        "bench.driver_baseline",
        running.mongodb_uri(),
        other,
        str(count),
        str(PARALLEL),
        stdout=asyncio.subprocess.PIPE,
    )
    async with child:
        assert child.stdout is not None
        printed = await child.stdout.read()
        assert await child.wait() == 0
    figures: dict[str, float] = json.loads(printed)
    return figures
