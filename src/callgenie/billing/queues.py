"""Keeps this process's writes to one document few at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from callgenie.mongo.client import retrying
from callgenie.mongo.errors import DatabaseBusyError

T = TypeVar("T")

# Enough for writes to share a flush of the journal, few enough to rarely collide. Of 50 at once on a document that
# remembers 600 calls, the slowest takes a quarter of a second instead of one; with 1,500, half a second instead of six.
_AT_ONCE: Final = 4

# The same time as any other operation has, the waiting included: a call cannot tell the two apart.
_SECONDS_MAX: Final = 5.0


class WriteQueues:
    """One queue for each document that is being written; first come, first served.

    MongoDB lets writers of one document collide, and those that lose try again in no order, so that in a crowd some
    get no turn for seconds while their connections are kept from everybody else. Nothing relies on the queue: other
    processes have their own, and every write is safe against them.
    """

    def __init__(self) -> None:
        # A queue lives as long as somebody stands in it.
        self._queues: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def run(self, document_id: str, write: Callable[[], Awaitable[T]]) -> T:
        """Run `write` when its turn has come; it may be run again while the database is away.

        Raises:
            DatabaseBusyError: It was not done within five seconds, or whether it was is unknown.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + _SECONDS_MAX
        queue = self._queues.setdefault(document_id, asyncio.Semaphore(_AT_ONCE))
        try:
            async with asyncio.timeout_at(end):
                await queue.acquire()
        except TimeoutError as error:
            raise DatabaseBusyError("The database cannot take this now. Try again in a moment.") from error
        try:
            # Where the turn came too late there is nothing left, or less, and `retrying` does not begin.
            return await retrying(write, seconds=end - loop.time())
        finally:
            queue.release()
