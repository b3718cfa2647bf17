"""Runs one piece of work again and again, and outlives its failures."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from callgenie.kernel.cancellation import heed_cancellation
from callgenie.kernel.errors import UnavailableError

_log = structlog.get_logger(__name__)

JOB_FAILED: Final = "job.failed"


class Wakeup:
    """Ends the pauses of jobs early, because there is something to do.

    Who is woken waits `gather_seconds` for more: ten things are done at once for little more than one.
    """

    def __init__(self, gather_seconds: float = 0.05) -> None:
        self.count = 0
        self._gather_seconds = gather_seconds
        self._next = asyncio.Event()

    def set(self) -> None:
        """Wake whoever waits, and whoever is at work now once that is done."""
        self.count += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, seconds: float, *, since: int) -> None:
        """Wait until it is set, at most so long; not at all if it was set after it had the count `since`."""
        if self.count == since:
            try:
                async with asyncio.timeout(seconds):
                    await self._next.wait()
            except TimeoutError:
                return
        await asyncio.sleep(min(seconds, self._gather_seconds))


async def every(
    seconds: float, work: Callable[[], Awaitable[object]], *, name: str, wakeup: Wakeup | None = None
) -> None:
    """Run `work`, wait `seconds` or until woken, and so on until cancelled.

    A failure is logged and the next round comes all the same: a sweep that met a dead database must run again
    once the database is back.
    """
    while True:
        since = 0 if wakeup is None else wakeup.count
        failed = False
        try:
            await work()
        except UnavailableError as error:
            # No mistake of ours, so there is nothing to learn from where it happened; and a process that is short of
            # time must not spend it on writing down that it is.
            failed = True
            _log.warning(JOB_FAILED, job=name, reason=error.code)
        except Exception:  # noqa: BLE001 - whatever it was, the next round may succeed
            failed = True
            _log.exception(JOB_FAILED, job=name)
        heed_cancellation()
        if wakeup is None or failed:
            await asyncio.sleep(seconds)
        else:
            await wakeup.wait(seconds, since=since)
