"""How often a password may be tried: counted before it is hashed, in the account and at the address it comes from."""

import hashlib
import math
from dataclasses import dataclass
from typing import Final

from callgenie.kernel.counting import Counters, Entry
from callgenie.kernel.errors import TooManyRequestsError, UnavailableError


@dataclass(frozen=True, slots=True)
class Budget:
    """So many attempts in any so many seconds; `alone` while each process counts for itself."""

    name: str
    limit: int
    seconds: int
    alone: int


ACCOUNT: Final = Budget("sign-in-account", limit=5, seconds=300, alone=2)
ADDRESS: Final = Budget("sign-in-address", limit=10, seconds=60, alone=3)


class TooManyAttemptsError(TooManyRequestsError):
    """The password of this account, or from this address, was tried too often."""

    code = "too_many_attempts"

    def __init__(self, budget: Budget, retry_after_seconds: int) -> None:
        super().__init__(
            policy=budget.name,
            limit=budget.limit,
            window_seconds=budget.seconds,
            retry_after_seconds=retry_after_seconds,
        )
        self.detail = (
            f"Too many attempts to sign in. Try again in {retry_after_seconds} seconds, or reset the password."
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted."""

    email: str
    counters: Counters
    address: str | None
    entry_id: str | None


class AttemptBudgets:
    """Counts attempts to sign in. Only those that fail go on counting."""

    def __init__(self, shared: Counters, local: Counters) -> None:
        self._shared = shared
        self._local = local

    async def take(self, email: str, address: str | None) -> Attempt:
        """Count an attempt on the account under a canonical address, known or not, from a network address.

        Raises:
            TooManyAttemptsError: There were too many already.
        """
        try:
            return await _take(self._shared, email, address, alone=False)
        except UnavailableError:
            return await _take(self._local, email, address, alone=True)

    async def succeeded(self, attempt: Attempt) -> None:
        """Forget the account's attempts, and this one of the address."""
        await attempt.counters.clear(_key(ACCOUNT, attempt.email))
        if attempt.address is not None and attempt.entry_id is not None:
            await attempt.counters.leave(_key(ADDRESS, attempt.address), attempt.entry_id)

    async def forget(self, email: str) -> None:
        """Forget the account's attempts: its password is another one now."""
        for counters in (self._shared, self._local):
            await counters.clear(_key(ACCOUNT, email))


async def _take(counters: Counters, email: str, address: str | None, *, alone: bool) -> Attempt:
    # The address first: whoever has used that up must not lock others out of their accounts as well.
    entry_id = None
    if address is not None:
        entry_id = (await _enter(counters, ADDRESS, address, alone=alone)).id
    await _enter(counters, ACCOUNT, email, alone=alone)
    return Attempt(email, counters, address, entry_id)


async def _enter(counters: Counters, budget: Budget, who: str, *, alone: bool) -> Entry:
    limit = budget.alone if alone else budget.limit
    entry = await counters.enter(_key(budget, who), limit=limit, seconds=budget.seconds)
    if entry.id is None:
        raise TooManyAttemptsError(budget, max(1, math.ceil(entry.retry_after_seconds)))
    return entry


def _key(budget: Budget, who: str) -> str:
    # Hashed: what is kept says nothing of whose it is.
    return f"{budget.name}/{hashlib.sha256(who.encode()).hexdigest()[:32]}"
