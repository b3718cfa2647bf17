"""Runs one operation many times, some of them at once."""

import asyncio
from collections.abc import Awaitable, Callable


async def at_once(count: int, parallel: int, operation: Callable[[int], Awaitable[object]], *, first: int = 0) -> None:
    """Await `operation(first)` to `operation(first + count - 1)`, never more than `parallel` at a time."""
    numbers = iter(range(first, first + count))

    async def worker() -> None:
        for number in numbers:
            await operation(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(parallel):
            group.create_task(worker())
