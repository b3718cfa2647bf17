"""Looks all the time, a little at a time, whether ledger and record agree."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from callgenie.conversations.reconciliation import Mismatch, Reconciliation
from callgenie.kernel.ids import UserId

LEDGER_MISMATCH: Final = "usage.ledger_mismatch"

# A round asks for one user's sums after the other, in at most a second or so; then others are looked at.
USERS_A_ROUND: Final = 50
# A difference of time, while a call begins or ends, is gone by then.
_AGAIN_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


class Census(Protocol):
    """Knows who there is."""

    async def ids_of_any_users(self, *, after: UserId | None, limit: int) -> Sequence[UserId]:
        """Return the next users in the order of their ids."""
        ...


class LedgerWatch:
    """Knows of how many differences there are, as far as it has come."""

    def __init__(
        self, reconciliation: Reconciliation, census: Census, *, again_seconds: float = _AGAIN_SECONDS
    ) -> None:
        self._reconciliation = reconciliation
        self._census = census
        self._again_seconds = again_seconds
        self._after: UserId | None = None
        self._found: dict[UserId, int] = {}

    @property
    def mismatches(self) -> int:
        """How many differences there were when their users were looked at last."""
        return sum(self._found.values())

    async def look(self) -> None:
        """Look at the next users, and again at those with whom something was wrong."""
        users = await self._census.ids_of_any_users(after=self._after, limit=USERS_A_ROUND)
        self._after = users[-1] if len(users) == USERS_A_ROUND else None
        for user_id in {*users, *list(self._found)[:USERS_A_ROUND]}:
            differences = await self._lasting(user_id)
            if differences:
                self._found[user_id] = len(differences)
                _log.error(LEDGER_MISMATCH, user_id=user_id, what=sorted(each.what for each in differences))
            else:
                self._found.pop(user_id, None)

    async def _lasting(self, user_id: UserId) -> set[Mismatch]:
        first = set(await self._reconciliation.reconcile(user_id))
        if not first:
            return first
        await asyncio.sleep(self._again_seconds)
        return first & set(await self._reconciliation.reconcile(user_id))
