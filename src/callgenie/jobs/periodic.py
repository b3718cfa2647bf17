"""Runs one piece of work again and again, and outlives its failures."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from callgenie.kernel.cancellation import heed_cancellation

_log = structlog.get_logger(__name__)

JOB_FAILED = "job.failed"


async def every(seconds: float, work: Callable[[], Awaitable[object]], *, name: str) -> None:
    """Run `work`, wait `seconds`, and so on until cancelled.

    A failure is logged and the next round comes all the same: a sweep that met a dead database must run again
    once the database is back.
    """
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - whatever it was, the next round may succeed
            _log.exception(JOB_FAILED, job=name)
        heed_cancellation()
        await asyncio.sleep(seconds)
