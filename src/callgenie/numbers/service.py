"""The pool: numbers come in, are assigned, and come back after a quarantine."""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Final

from callgenie.kernel.ids import UserId
from callgenie.numbers.errors import (
    NoNumberAvailableError,
    NumberNotAssignedError,
    NumberNotInPoolError,
    NumberTakenError,
)
from callgenie.numbers.models import (
    AssignedNumber,
    ImportReport,
    ListedNumber,
    NumberState,
    NumberWish,
    PooledNumber,
    SkippedLine,
)
from callgenie.numbers.reading import UnreadableNumberError, read_number
from callgenie.numbers.store import NumberStore

# A file may have a million lines; only this many are in memory at once.
_BATCH_LINES: Final = 1_000

# Of a file that is no list of numbers at all, this many complaints are enough.
EXAMPLES_MAX: Final = 1_000
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
        skipped = _Skipped()
        readable = _read(lines, skipped)
        while batch := list(islice(readable, _BATCH_LINES)):
            read += len(batch)
            added += await self._store.add(batch)
        return ImportReport(added, read - added, skipped.count, tuple(skipped.examples))

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

    async def count_free(self) -> int:
        """Return how many numbers can be assigned; where there are very many, a part of them."""
        return await self._store.count_free()

    async def release(self, user_id: UserId) -> None:
        """Take the user's number away and keep it from others for a while; without a number, nothing happens."""
        assigned = await self._store.number_of(user_id)
        if assigned is not None:
            await self._store.release(assigned)

    async def release_whoevers(self, number: str) -> AssignedNumber:
        """Take a number away from whoever has it, as the operator may; return what it was.

        Raises:
            NumberNotInPoolError: There is no such number.
            NumberNotAssignedError: Nobody has it.
        """
        user_id = await self._store.owner_of_any_number(number)
        assigned = None if user_id is None else await self._store.number_of(user_id)
        if assigned is not None and assigned.number == number:
            await self._store.release(assigned)
            return assigned
        if await self._store.is_in_pool(number):
            raise NumberNotAssignedError(number)
        raise NumberNotInPoolError(number)

    def list_everybodys(
        self, *, state: NumberState | None = None, country: str | None = None
    ) -> AsyncIterator[ListedNumber]:
        """Yield the numbers of the pool in their order, those of every user among them."""
        return self._store.list_everybodys(state, country)


class _Skipped:
    def __init__(self) -> None:
        self.count = 0
        self.examples: list[SkippedLine] = []

    def add(self, line: SkippedLine) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(line)


def _read(lines: Iterable[str], skipped: _Skipped) -> Iterator[PooledNumber]:
    for line_number, line in enumerate(lines, start=1):
        text = line.removeprefix("\ufeff").strip()
        if not text or text.startswith("#"):
            continue
        try:
            yield read_number(text)
        except UnreadableNumberError as error:
            skipped.add(SkippedLine(line_number, text[:_SHOWN_CHARS], str(error)))
