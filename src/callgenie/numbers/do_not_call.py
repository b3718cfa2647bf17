"""The numbers that a user's assistant must not call."""

from dataclasses import dataclass
from typing import Final

from callgenie.http.pages import LIMIT_DEFAULT, CursorSigner, Page
from callgenie.kernel.errors import ConflictError, NotFoundError
from callgenie.kernel.ids import UserId
from callgenie.numbers.do_not_call_store import DoNotCallStore, ListedNumber

# More than a small business calls in years; it bounds what one user can make us keep.
NUMBERS_MAX: Final = 10_000


class NumberNotListedError(NotFoundError):
    """The number is not on the list."""

    code = "number_not_listed"

    def __init__(self) -> None:
        super().__init__("This number is not on the do-not-call list.")


class DoNotCallListFullError(ConflictError):
    """The list has as many numbers as it may have."""

    code = "do_not_call_list_full"

    def __init__(self) -> None:
        super().__init__(f"The do-not-call list has {NUMBERS_MAX} numbers, and takes no more.")


@dataclass(frozen=True, slots=True)
class Added:
    """A number on the list, and whether it was put there just now."""

    number: ListedNumber
    created: bool


class DoNotCallList:
    """One list for each user."""

    def __init__(self, store: DoNotCallStore, cursors: CursorSigner) -> None:
        self._store = store
        self._cursors = cursors

    async def add(self, user_id: UserId, phone_number: str, note: str | None = None) -> Added:
        """Put a number on the list; again: it stays as it is.

        Raises:
            DoNotCallListFullError: There is no room.
        """
        found = await self._store.get(user_id, phone_number)
        if found is not None:
            return Added(found, created=False)
        if await self._store.count(user_id, NUMBERS_MAX) >= NUMBERS_MAX:
            raise DoNotCallListFullError
        return Added(await self._store.add(user_id, phone_number, note), created=True)

    async def remove(self, user_id: UserId, phone_number: str) -> None:
        """Take a number off the list.

        Raises:
            NumberNotListedError: It is not on it.
        """
        if not await self._store.remove(user_id, phone_number):
            raise NumberNotListedError

    async def holds(self, user_id: UserId, phone_number: str) -> bool:
        """Tell whether a number must not be called."""
        return await self._store.get(user_id, phone_number) is not None

    async def page(
        self, user_id: UserId, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT
    ) -> Page[ListedNumber]:
        """Return numbers in their own order.

        Raises:
            InvalidCursorError: The cursor was not made for this user's list.
        """
        bound_to = {"list": "do-not-call", "user": user_id}
        after = None if cursor is None else str(self._cursors.open(cursor, bound_to)[0])
        found = await self._store.page(user_id, after=after, limit=limit + 1)
        shown = found[:limit]
        if len(found) == len(shown):
            return Page(shown)
        return Page(shown, self._cursors.seal([shown[-1].phone_number], bound_to))
