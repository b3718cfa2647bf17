"""The pool: numbers come in, are assigned, and come back after a quarantine."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from callgenie.kernel.ids import UserId
from callgenie.numbers.errors import NoNumberAvailableError, NumberTakenError
from callgenie.numbers.models import AssignedNumber, ImportReport, NumberWish, PooledNumber, SkippedLine
from callgenie.numbers.reading import UnreadableNumberError, read_number
from callgenie.numbers.store import NumberStore

# A file may have a million lines; only this many are in memory at once.
_BATCH_LINES: Final = 1_000

# Of a file that is no list of numbers at all, this many complaints are enough.
SKIPPED_MAX: Final = 1_000
_SHOWN_CHARS: Final = 40


class NumberPool:
    """Assigns each user at most one number, and each number to at most one user."""

    def __init__(self, store: NumberStore) -> None:
        self._store = store

    async def import_numbers(self, lines: Iterable[str]) -> ImportReport:
        """Put numbers into the pool, one a line; empty lines and those that begin with # are passed over.

        Numbers that are in the pool stay as they are, so an import can be repeated.
        """
        added = read = 0
        skipped: list[SkippedLine] = []
        readable = _read(lines, skipped)
        while batch := list(islice(readable, _BATCH_LINES)):
            read += len(batch)
            added += await self._store.add(batch)
        return ImportReport(added, read - added, tuple(skipped))

    async def assign(self, user_id: UserId, wish: NumberWish) -> AssignedNumber:
        """Give the user a number from the pool, or the one they already have.

        Raises:
            NumberTakenError: The wished number is somebody's, or was until lately.
            NoNumberAvailableError: Nothing in the pool fits the wish.
        """
        assigned = (
            await self._store.number_of(user_id)
            or await self._store.take(user_id, wish)
            # Taking failed. Where another request of the same user was faster, this finds its number.
            or await self._store.number_of(user_id)
        )
        if assigned is not None:
            return assigned
        if wish.number is not None and await self._store.is_in_pool(wish.number):
            raise NumberTakenError
        raise NoNumberAvailableError

    async def number_of(self, user_id: UserId) -> AssignedNumber | None:
        """Return the user's number, or None."""
        return await self._store.number_of(user_id)

    async def owner_of(self, dialled: str) -> UserId | None:
        """Return whose number was dialled, or None: the routing of calls."""
        return await self._store.owner_of_any_number(dialled)

    async def release(self, user_id: UserId) -> None:
        """Take the user's number away and keep it from others for a while; without a number, nothing happens."""
        assigned = await self._store.number_of(user_id)
        if assigned is not None:
            await self._store.release(assigned)


def _read(lines: Iterable[str], skipped: list[SkippedLine]) -> Iterator[PooledNumber]:
    for line_number, line in enumerate(lines, start=1):
        text = line.removeprefix("\ufeff").strip()
        if not text or text.startswith("#"):
            continue
        try:
            yield read_number(text)
        except UnreadableNumberError as error:
            if len(skipped) < SKIPPED_MAX:
                skipped.append(SkippedLine(line_number, text[:_SHOWN_CHARS], str(error)))
