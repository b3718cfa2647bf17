"""A mend for the driver on Python 3.11: waiting that is cancelled never leaves one of its locks locked."""

import asyncio
import sys
from collections.abc import Awaitable
from typing import Final, TypeVar

import pymongo.lock

T = TypeVar("T")

_WAIT_FOR_KEEPS_TO_ITS_TASK: Final = sys.version_info >= (3, 12)


def mend_waiting() -> None:
    """Let the driver wait for its conditions within the task that waits; nothing to do from Python 3.12 on.

    Before, `asyncio.wait_for` runs what it waits for in a task of its own, and a cancellation that comes while that
    task takes its lock back leaves it behind: the lock is taken for nobody, and no operation of this client ever ends
    again. It happens when a deadline runs out while the driver looks for a primary: `docs/decisions/0022`.
    """
    if not _WAIT_FOR_KEEPS_TO_ITS_TASK:
        pymongo.lock.wait_for = _wait_for  # type: ignore[assignment, attr-defined]


async def _wait_for(awaitable: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109 -- the standard library's
    async with asyncio.timeout(timeout):
        return await awaitable
