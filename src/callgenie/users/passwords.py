"""Hashing passwords: slow for whoever stole the database, harmless for whoever is on a call meanwhile."""

import asyncio
import base64
import hashlib
import hmac
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import bcrypt

from callgenie.users.errors import TooManySignInsError

T = TypeVar("T")

# Two threads: as many as the smallest machine we run on has cores, and no more than it can spare.
THREADS: Final = 2
# At a quarter of a second each, the last of these waits about four seconds, which is as long as a person does.
WAITING_MAX: Final = 32
_RETRY_AFTER_SECONDS: Final = 5
# Added to the niceness of the hashing threads, so that on a full machine the calls come first. Measured on two cores:
# two busy recognition threads keep half their speed beside two hashing ones of their own niceness, nearly all of it
# beside these.
_NICENESS: Final = 10

# Marks a hash of ours; what the Node version stored begins with the `$` of bcrypt itself.
_PREFIX: Final = "hmac-sha384:"
_PLAIN: Final = ("$2a$", "$2b$")
# Other bcrypts cut the password here without a word, ours refuses.
_BCRYPT_BYTES_MAX: Final = 72


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found. `outdated` means: right, but stored in a way that we would not choose today."""

    right: bool
    outdated: bool = False


class PasswordHasher:
    """Hashes and checks passwords on two threads of its own, with a short queue in front of them.

    A hash is bcrypt over base64(HMAC-SHA-384(password, pepper)): 64 characters, so bcrypt neither cuts long passwords
    nor stops at a NUL, and a stolen database is worth nothing without the pepper.
    """

    def __init__(self, pepper: str, *, cost: int, threads: int = THREADS, waiting_max: int = WAITING_MAX) -> None:
        self._pepper = pepper.encode("utf-8")
        self._cost = cost
        self._nobody = nobodys_hash(cost)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password", initializer=_step_back)
        self._room = threads + waiting_max

    async def hash(self, password: str) -> str:
        """Return what to store for a password.

        Raises:
            TooManySignInsError: Too many wait already.
        """
        return await self._run(lambda: self._hash(password))

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Tell whether the password belongs to the stored hash; None takes the same time and is always wrong.

        Raises:
            TooManySignInsError: Too many wait already.
        """
        return await self._run(lambda: self._verify(password, stored or self._nobody))

    def close(self) -> None:
        """Let the threads go; what waits is given up."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._room <= 0:
            raise TooManySignInsError(retry_after_seconds=_RETRY_AFTER_SECONDS)
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._room += 1

    def _hash(self, password: str) -> str:
        return _PREFIX + bcrypt.hashpw(self._condensed(password), bcrypt.gensalt(self._cost)).decode("ascii")

    def _verify(self, password: str, stored: str) -> Verdict:
        plain = stored.startswith(_PLAIN)
        inner = stored.removeprefix(_PREFIX)
        secret = _bytes(password)[:_BCRYPT_BYTES_MAX] if plain else self._condensed(password)
        # A C string of the Node version ended at a NUL; such a password never was anybody's.
        right = bcrypt.checkpw(secret, inner.encode("ascii")) and not (plain and b"\0" in secret)
        cost = _cost_of(inner)
        if not right:
            # An older hash is quicker to check. The costs c, c, c+1, ... up to ours add up to exactly ours, so that
            # time does not tell who has been here since before.
            for step in range(cost, self._cost):
                bcrypt.checkpw(secret, _zero_hash(step).encode("ascii"))
        return Verdict(right, outdated=right and (plain or cost < self._cost))

    def _condensed(self, password: str) -> bytes:
        return base64.b64encode(hmac.digest(self._pepper, _bytes(password), hashlib.sha384))


def nobodys_hash(cost: int) -> str:
    """Return a hash that no password is known to lead to: its salt and sum are all zeros."""
    return _PREFIX + _zero_hash(cost)


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _zero_hash(cost: int) -> str:
    return f"$2b${cost:02d}${'.' * 53}"


def _cost_of(stored: str) -> int:
    return int(stored.split("$")[2])


def _step_back() -> None:
    """Make the calling thread yield to others. Only Linux counts niceness by thread; elsewhere it is the process's."""
    if sys.platform == "linux":
        os.nice(_NICENESS)
