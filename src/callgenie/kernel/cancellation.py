"""Finishing what must be finished, also when the task that does it is told to stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def complete(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, which must be bounded, even if the calling task is cancelled meanwhile.

    The cancellation is not lost: it is raised once the work is done.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:  # noqa: BLE001 - it is the work's own, and is raised below, where it is read for good
            break
    task.result()
    if cancelled:
        raise asyncio.CancelledError


def heed_cancellation() -> None:
    """Raise the cancellation that the current task was asked for, should a library have swallowed it.

    `asyncio.wait_for` does so up to Python 3.11 when its work is done in the very moment of the cancellation, and the
    database's driver waits with it. A loop that goes on after that would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
