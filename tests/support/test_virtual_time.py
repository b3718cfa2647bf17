"""The virtual clock itself: what it jumps over, and what it must not."""

import asyncio
import itertools
import threading
import time

import httpx
import pytest
from fastapi import FastAPI
from tests.support.serving import serving
from tests.support.virtual_time import (
    EndlessTestError,
    VirtualTimeLoop,
    run_virtually,
    running_virtual_loop,
    virtually,
)


def test_sleeping_an_hour_costs_less_than_a_second() -> None:
    async def hour() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(3_600)
        return loop.time() - began

    began = time.monotonic()
    assert run_virtually(hour()) == pytest.approx(3_600)
    assert time.monotonic() - began < 1.0


@virtually
async def test_timers_fire_in_their_order_at_their_own_moments() -> None:
    loop = asyncio.get_running_loop()
    origin = loop.time()
    seen: list[tuple[str, float]] = []

    async def note(name: str, after: float) -> None:
        await asyncio.sleep(after)
        seen.append((name, round(loop.time() - origin, 6)))

    await asyncio.gather(note("third", 30), note("first", 0.02), note("second", 0.04))
    assert seen == [("first", 0.02), ("second", 0.04), ("third", 30)]


@virtually
async def test_a_job_in_an_executor_is_not_jumped_over() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(0.05):
        await asyncio.to_thread(time.sleep, 0.2)
    assert loop.time() - began < 0.05


@virtually
async def test_a_failing_job_gives_the_clock_back() -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        await asyncio.to_thread(fail)
    await asyncio.sleep(0)
    assert running_virtual_loop().in_flight == {}


@virtually
async def test_other_real_work_holds_the_clock_while_it_says_so() -> None:
    loop = running_virtual_loop()
    done = asyncio.Event()
    thread = threading.Timer(0.1, lambda: loop.call_soon_threadsafe(done.set))
    thread.start()
    with loop.real_work("a thread"):
        async with asyncio.timeout(0.01):
            await done.wait()
    thread.join()


def test_work_that_is_stuck_lets_the_timeouts_come() -> None:
    async def stuck() -> None:
        with running_virtual_loop().real_work("nothing that ever ends"), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.Event().wait()

    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(patience_seconds=0.1)) as runner:
        runner.run(stuck())
    assert 0.3 < time.monotonic() - began < 15


def test_a_test_that_goes_on_for_ever_is_ended_and_says_where_it_waits() -> None:
    async def waits_for_nothing() -> None:
        ticking = asyncio.create_task(tick())
        await asyncio.Event().wait()
        ticking.cancel()

    async def tick() -> None:
        for _ in itertools.count():
            await asyncio.sleep(1)

    with (
        pytest.raises(EndlessTestError, match="waits_for_nothing"),
        asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(longest_real_seconds=0.3)) as runner,
    ):
        runner.run(waits_for_nothing())


def test_a_task_left_running_fails_the_test_that_left_it() -> None:
    kept: list[asyncio.Task[None]] = []

    async def leave() -> None:
        kept.append(asyncio.create_task(asyncio.sleep(60)))

    with pytest.raises(AssertionError, match="left running"):
        run_virtually(leave())


@virtually
async def test_a_server_and_its_client_talk_over_real_sockets_in_virtual_time() -> None:
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(20)
        return "done"

    began = time.monotonic()
    async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        answers = await asyncio.gather(*(client.get("/slow") for _ in range(5)))
    assert [answer.json() for answer in answers] == ["done"] * 5
    assert time.monotonic() - began < 5.0
