import asyncio
import gc
from collections import Counter

import pytest
from tests.support.virtual_time import running_virtual_loop, virtually

from callgenie.billing.queues import WriteQueues
from callgenie.mongo.errors import DatabaseBusyError


class Counted:
    """Writes that take a second, and how many of one document are made at once."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.order: list[int] = []

    async def write(self, document: str, number: int = 0, seconds: float = 1.0) -> int:
        self.now[document] += 1
        self.most[document] = max(self.most[document], self.now[document])
        self.order.append(number)
        await asyncio.sleep(seconds)
        self.now[document] -= 1
        return number


@virtually
async def test_few_writes_to_a_document_are_made_at_once_in_the_order_they_came() -> None:
    queues, counted = WriteQueues(), Counted()
    results = await asyncio.gather(*(queues.run("a", lambda n=n: counted.write("a", n)) for n in range(12)))  # type: ignore[misc] # n is bound early
    assert results == counted.order == list(range(12))
    assert counted.most == {"a": 4}


@virtually
async def test_a_crowd_at_one_document_does_not_keep_another_waiting() -> None:
    queues, counted = WriteQueues(), Counted()
    async with asyncio.TaskGroup() as group:
        crowd = [group.create_task(queues.run("a", lambda: counted.write("a"))) for _ in range(12)]
        await asyncio.sleep(0.1)
        await queues.run("b", lambda: counted.write("b"))
        assert not all(task.done() for task in crowd)


@virtually
async def test_who_gets_no_turn_in_five_seconds_is_told_so() -> None:
    queues, counted = WriteQueues(), Counted()
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(queues.run("a", lambda: counted.write("a", seconds=60)))
        await asyncio.sleep(0)
        began = loop.time()
        with pytest.raises(DatabaseBusyError):
            await queues.run("a", lambda: counted.write("a"))
        assert loop.time() - began == pytest.approx(5.0, abs=0.01)
    assert await queues.run("a", lambda: counted.write("a", 7)) == 7


@virtually
async def test_a_turn_that_comes_when_the_time_is_over_is_none() -> None:
    queues, counted = WriteQueues(), Counted()

    async def write_and_keep_the_loop_busy() -> None:
        await queues.run("a", lambda: counted.write("a", seconds=4.9))
        running_virtual_loop().advance(0.2)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(write_and_keep_the_loop_busy())
        await asyncio.sleep(0)
        with pytest.raises(DatabaseBusyError):
            await queues.run("a", lambda: counted.write("a", 7))
    assert 7 not in counted.order
    assert await queues.run("a", lambda: counted.write("a", 7)) == 7


@virtually
async def test_a_write_that_fails_or_is_cancelled_leaves_its_place() -> None:
    queues, counted = WriteQueues(), Counted()

    async def fail() -> None:
        raise LookupError

    for _ in range(8):
        with pytest.raises(LookupError):
            await queues.run("a", fail)
    tasks = [asyncio.create_task(queues.run("a", lambda: counted.write("a"))) for _ in range(8)]
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert await queues.run("a", lambda: counted.write("a", 7)) == 7


@virtually
async def test_nothing_is_kept_of_documents_that_nobody_writes() -> None:
    queues, counted = WriteQueues(), Counted()
    await asyncio.gather(*(queues.run(f"{n}", lambda: counted.write("a")) for n in range(50)))
    gc.collect()
    assert len(queues._queues) == 0
