"""Counts that all processes share: collection `attempts`, on the server's own clock.

A counter is asked for with every request, so it must cost next to nothing. A process therefore takes some numbers in
advance: one write for an eighth of what it has used so far in this window. Numbers that it does not use are lost,
so that together all processes count too many at worst, and never too few.
"""

import asyncio
import secrets
from collections import OrderedDict
from typing import Any, Final

from pymongo import ReturnDocument, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from callgenie.kernel.clock import Clock
from callgenie.kernel.counting import Entry, Window, remember
from callgenie.mongo.client import deadline
from callgenie.mongo.errors import DatabaseBusyError

Document = dict[str, Any]

# A request waits no longer than this for being counted.
COUNT_SECONDS_MAX: Final = 0.5
# Whoever signs in waits for a hash anyway; on a busy machine it is better to wait than to count alone.
ATTEMPT_SECONDS_MAX: Final = 4.0
# When it could not be counted, the next ones do not even ask for this long.
_PAUSE_SECONDS: Final = 2.0
_IN_ADVANCE: Final = 8
_IN_ADVANCE_MAX: Final = 64
_ID_BYTES: Final = 8


class _Numbers:
    """What this process has taken of one window: the numbers from `next` to `last`, until the window ends."""

    def __init__(self) -> None:
        self.taking = asyncio.Lock()
        self.next = 1
        self.last = 0
        self.used = 0
        self.ends = 0.0

    def take(self, now: float) -> Window | None:
        """Return the next number, if there is one."""
        if self.next > self.last or self.ends <= now:
            return None
        number = self.next
        self.next += 1
        self.used += 1
        return Window(number, self.ends - now)

    def in_advance(self, now: float) -> int:
        """Return how many to take when there is none left."""
        return 1 if self.ends <= now else max(1, min(_IN_ADVANCE_MAX, self.used // _IN_ADVANCE))


class SharedCounters:
    """Implements `kernel.counting.Counters` on the database."""

    def __init__(self, db: AsyncDatabase[Document], clock: Clock) -> None:
        # A count that a failover forgets harms nobody, and waiting for the disk would double the time of a request.
        self._counts = db.get_collection("attempts", write_concern=WriteConcern(w=1, j=False))
        self._attempts = db["attempts"]
        self._clock = clock
        self._numbers: OrderedDict[str, _Numbers] = OrderedDict()
        self._ask_again_at = float("-inf")

    async def count(self, key: str, seconds: int) -> Window:
        """Count one more in the present window of `seconds`.

        Raises:
            UnavailableError: The database is away, or slow.
        """
        numbers = self._numbers.get(key)
        if numbers is None:
            numbers = _Numbers()
            remember(self._numbers, key, numbers)
        window = numbers.take(self._clock.monotonic())
        while window is None:
            async with numbers.taking:
                # While we waited, somebody may have taken some for all of us.
                if (window := numbers.take(self._clock.monotonic())) is None:
                    await self._take(key, numbers, seconds)
                    window = numbers.take(self._clock.monotonic())
        return window

    async def _take(self, key: str, numbers: _Numbers, seconds: int) -> None:
        now = self._clock.monotonic()
        amount = numbers.in_advance(now)
        goes_on = {"$gt": ["$expiresAt", "$$NOW"]}
        steps = [
            {
                "$set": {
                    "count": {"$cond": [goes_on, {"$add": ["$count", amount]}, amount]},
                    "expiresAt": {"$cond": [goes_on, "$expiresAt", _from_now(seconds)]},
                }
            }
        ]
        left = {"count": 1, "left": {"$subtract": ["$expiresAt", "$$NOW"]}}
        found = await self._write(self._counts, key, steps, left, COUNT_SECONDS_MAX)
        if numbers.ends <= now:
            numbers.used = 0
        numbers.last = found["count"]
        numbers.next = found["count"] - amount + 1
        # A window that has just ended is given a moment, so that what was taken of it can be used.
        numbers.ends = self._clock.monotonic() + max(found["left"] / 1_000, 0.001)

    async def enter(self, key: str, *, limit: int, seconds: int) -> Entry:
        """Count one more attempt, if in the last `seconds` there were fewer than `limit`.

        Raises:
            UnavailableError: The database is away, or slow.
        """
        name = secrets.token_hex(_ID_BYTES)
        start = {"$subtract": ["$$NOW", seconds * 1_000]}
        recent = {"$filter": {"input": {"$ifNull": ["$entries", []]}, "as": "e", "cond": {"$gt": ["$$e.at", start]}}}
        # Asked twice, because an answer got lost, it counts once.
        is_full = {"$or": [{"$gte": [{"$size": "$entries"}, limit]}, {"$in": [name, "$entries.id"]}]}
        more = {"$concatArrays": ["$entries", [{"id": name, "at": "$$NOW"}]]}
        steps: list[Document] = [
            {"$set": {"entries": recent, "expiresAt": _from_now(seconds)}},
            {"$set": {"entries": {"$cond": [is_full, "$entries", more]}}},
        ]
        left = {"entries.id": 1, "left": {"$subtract": [{"$min": "$entries.at"}, start]}}
        found = await self._write(self._attempts, key, steps, left, ATTEMPT_SECONDS_MAX)
        if any(entry["id"] == name for entry in found["entries"]):
            return Entry(name)
        return Entry(None, found["left"] / 1_000)

    async def leave(self, key: str, entry_id: str) -> None:
        """Count an attempt no longer; best effort."""
        with deadline(COUNT_SECONDS_MAX):
            try:
                await self._attempts.update_one({"_id": key}, {"$pull": {"entries": {"id": entry_id}}})
            except PyMongoError:
                return

    async def clear(self, key: str) -> None:
        """Begin anew; best effort."""
        self._numbers.pop(key, None)
        with deadline(COUNT_SECONDS_MAX):
            try:
                await self._attempts.delete_one({"_id": key})
            except PyMongoError:
                return

    async def _write(
        self, collection: Any, key: str, steps: list[Document], projection: Document, seconds_max: float
    ) -> Document:
        if self._clock.monotonic() < self._ask_again_at:
            raise DatabaseBusyError("The counters cannot be had at the moment.")
        options = {"upsert": True, "projection": projection, "return_document": ReturnDocument.AFTER}
        with deadline(seconds_max):
            try:
                try:
                    found: Document = await collection.find_one_and_update({"_id": key}, steps, **options)
                except DuplicateKeyError:
                    # Two first ones met; by now the counter is there.
                    found = await collection.find_one_and_update({"_id": key}, steps, **options)
            except PyMongoError as error:
                self._ask_again_at = self._clock.monotonic() + _PAUSE_SECONDS
                raise DatabaseBusyError("The counters cannot be had at the moment.") from error
        return found


def _from_now(seconds: int) -> Document:
    return {"$add": ["$$NOW", seconds * 1_000]}
