"""Bounds on request bodies: of each one, and of all that one process holds at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from callgenie.http.fair_share import FairShare

# Long enough for a FAQ of 200 entries at their longest.
BODY_BYTES_MAX: Final = 1_048_576
# A carrier's thirty fields, or a password and a token. Who sends them is known only once they are there.
FORM_BYTES_MAX: Final = 64 * 1024
_FORMS: Final = ("/api/telephony/", "/reset-password", "/verify-email")

# The part of everything that is for senders we do not know.
_STRANGERS: Final = 4


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bounds on bodies.

    Attributes:
        bytes_max: Of one body.
        seconds_max: From the beginning of a body to its end. A full megabyte then needs 70 kbit/s.
        grace_seconds: In which a body may be as slow as it will.
        bytes_per_second_min: How much has to have come for each second after that. The slowest mobile networks carry
            five times as much.
        held_bytes_max: Of all bodies in this process that are unfinished, or whose request is not answered yet. A
            quarter is for senders we do not know.
        unfinished_max: Unfinished bodies in this process, of which a quarter is for senders we do not know. Each is a
            connection and a task, some 30 KB.
    """

    bytes_max: int = BODY_BYTES_MAX
    seconds_max: float = 120.0
    grace_seconds: float = 10.0
    bytes_per_second_min: int = 1_024
    held_bytes_max: int = 32 * 1024 * 1024
    unfinished_max: int = 4_096

    def bytes_max_at(self, path: str) -> int:
        """Return the length of the longest body at an address."""
        return min(FORM_BYTES_MAX, self.bytes_max) if path.startswith(_FORMS) else self.bytes_max

    def seconds_for(self, size: int) -> float:
        """Return the seconds, from the beginning, within which more has to follow the first `size` bytes."""
        return min(self.seconds_max, self.grace_seconds + size / self.bytes_per_second_min)


class BodyBudget:
    """The bodies that this process holds, shared fairly by their senders."""

    def __init__(self, limits: BodyLimits) -> None:
        self.limits = limits
        held, unfinished = limits.held_bytes_max // _STRANGERS, limits.unfinished_max // _STRANGERS
        self._strangers = FairShare(held), FairShare(unfinished)
        self._users = FairShare(limits.held_bytes_max - held), FairShare(limits.unfinished_max - unfinished)

    @contextmanager
    def share_of(self, user: str | None, address: str) -> Iterator["BodyShare"]:
        """Yield what one body takes of the budget, and release it after the block; `user` is None for strangers."""
        share = BodyShare(user or address, *(self._strangers if user is None else self._users))
        try:
            yield share
        finally:
            share.release()


class BodyShare:
    """One body's part of the budget."""

    def __init__(self, sender: str, held: FairShare, unfinished: FairShare) -> None:
        self._sender = sender
        self._held = held
        self._unfinished = unfinished
        self._bytes = 0
        self._is_unfinished = False

    def begin(self) -> bool:
        """Count the body as unfinished; return False where there are too many."""
        self._is_unfinished = self._unfinished.take(self._sender, 1)
        return self._is_unfinished

    def hold(self, size: int) -> bool:
        """Count further bytes as held; return False where there are too many."""
        if not self._held.take(self._sender, size):
            return False
        self._bytes += size
        return True

    def finish(self) -> None:
        """Count the body as unfinished no longer; its bytes stay held."""
        self._unfinished.give_back(self._sender, int(self._is_unfinished))
        self._is_unfinished = False

    def release(self) -> None:
        """Return everything."""
        self.finish()
        self._held.give_back(self._sender, self._bytes)
        self._bytes = 0
