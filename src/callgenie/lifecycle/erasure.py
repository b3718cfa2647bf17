"""Erasing everything about a user, for good.

What was asked for is written down first, so from then on a crash at any step only means that somebody else goes on:
every step can be repeated, and the periodic round of any process takes those that are left.
"""

import asyncio
from datetime import timedelta
from typing import Final, Protocol

import structlog

from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Conversation, Ending
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, Carrier, EndedReason, Fault
from callgenie.lifecycle.belongings_store import BELONGINGS, BelongingsStore
from callgenie.lifecycle.erasure_log import ErasureLog
from callgenie.lifecycle.erasure_store import ErasureStore, OpenErasure
from callgenie.numbers.service import NumberPool
from callgenie.users.accounts import Accounts
from callgenie.users.attempts import AttemptBudgets
from callgenie.users.models import User

_log = structlog.get_logger(__name__)

ERASURE_REQUESTED: Final = "erasure.requested"
ERASURE_FINISHED: Final = "erasure.finished"
ERASURE_FAILED: Final = "erasure.failed"

# A call that cannot be reached ends with its last granted second, at most a minute after its last heartbeat.
_CALLS_END_WITHIN: Final = timedelta(seconds=90)

# A request or a call that was on its way when all was deleted can leave something behind. The longest, an admission
# stuck in a frozen server, is refused after a minute; what comes before that is found by looking once more.
_LOOK_AGAIN_AFTER: Final = timedelta(seconds=120)

# Hanging up takes a moment; in it the request that asked for the erasure has been answered.
_HANG_UP_LOOKS: Final = 20
_HANG_UP_PAUSE_SECONDS: Final = 0.2

_ERASED: Final = Ending(CallStatus.COMPLETED, EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER)
_ERASED_UNANSWERED: Final = Ending(CallStatus.ABANDONED, EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER)

# Without these nobody gets in any more, with whatever they have in hand.
_DOORS: Final = ("users", "sessions", "apikeys")


class RunningCalls(Protocol):
    """The calls of this process; `calls.live.LiveCalls` is one."""

    def hang_up(self, session_id: SessionId, reason: EndedReason, fault: Fault) -> bool:
        """End one call at once; tell whether it runs here."""
        ...


class Recordings(Protocol):
    """What was recorded; `recordings.removals.Removals` is one."""

    async def erase(self, user_id: UserId) -> int:
        """Delete everything that is kept under the user's keys; return how many recordings that were."""
        ...


class Erasures:
    """Erases users."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        numbers: NumberPool,
        calls: LiveCallStore,
        running: RunningCalls,
        recordings: Recordings,
        belongings: BelongingsStore,
        store: ErasureStore,
        log: ErasureLog,
        clock: Clock,
        attempts: AttemptBudgets | None = None,
    ) -> None:
        self._attempts = attempts
        self._accounts = accounts
        self._numbers = numbers
        self._calls = calls
        self._running = running
        self._recordings = recordings
        self._belongings = belongings
        self._store = store
        self._log = log
        self._clock = clock

    async def request(self, user: User, password: str) -> None:
        """Shut the account for good, and remember that all the rest has to go; `carry_on` takes it away.

        Raises:
            TooManyAttemptsError: The account's password was tried too often.
            InvalidCredentialsError: The password is wrong.
            TooManySignInsError: Too many passwords wait to be checked.
        """
        # Counted like signing in: a session in wrong hands is no way to try passwords.
        attempt = None if self._attempts is None else await self._attempts.take(user.email, None)
        await self._accounts.check_password(user.email, password)
        if self._attempts is not None and attempt is not None:
            await self._attempts.succeeded(attempt)
        await self._store.open(user.id)
        _log.info(ERASURE_REQUESTED, user_id=user.id)
        await self._shut(user.id)

    async def carry_on(self, user_id: UserId) -> None:
        """Hang up the user's calls and delete everything, now; what cannot be done now is left to the rounds."""
        for _ in range(_HANG_UP_LOOKS):
            if await self._calls_are_over(user_id):
                await self._purge(user_id)
                await self._store.mark_purged(user_id)
                return
            await asyncio.sleep(_HANG_UP_PAUSE_SECONDS)

    async def round(self) -> None:
        """Take the next step of every erasure that goes on; one that fails does not keep the others waiting.

        Raises:
            UnavailableError: The database is away.
        """
        for erasure in await self._store.unfinished():
            try:
                await self._proceed(erasure)
            except Exception:  # noqa: BLE001 - whatever it was, the next round tries it again
                _log.exception(ERASURE_FAILED, user_id=erasure.user_id)

    async def _proceed(self, erasure: OpenErasure) -> None:
        user_id = erasure.user_id
        await self._shut(user_id)
        if not await self._calls_are_over(user_id) and erasure.age < _CALLS_END_WITHIN:
            return
        if await self._purge(user_id) > 0 or erasure.since_purge is None:
            await self._store.mark_purged(user_id)
        elif erasure.since_purge > _LOOK_AGAIN_AFTER:
            await self._store.finish(user_id)
            _log.info(ERASURE_FINISHED, user_id=user_id)

    async def _shut(self, user_id: UserId) -> None:
        await self._log.note(user_id, self._clock.now())
        await self._numbers.release(user_id)
        # The address is known as long as the account is there, so what is kept under it goes first.
        await self._belongings.delete_mail_to(user_id)
        for collection in _DOORS:
            await self._belongings.delete(user_id, collection)

    async def _calls_are_over(self, user_id: UserId) -> bool:
        """Hang up what still goes on; return whether nothing did."""
        live = [call for call in await self._calls.find_unsettled(user_id) if call.carrier is not Carrier.API]
        for call in live:
            if not self._running.hang_up(call.session_id, EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER):
                await self._end_elsewhere(call)
        return not live

    async def _end_elsewhere(self, call: Conversation) -> None:
        """End the record of a call that no worker here holds; the one that does sees it at its next heartbeat."""
        if call.status is CallStatus.RINGING:
            await self._calls.dismiss(call.user_id, call.session_id, _ERASED_UNANSWERED, may_hold=False)
        elif call.is_live:
            await self._calls.end(call.user_id, call.session_id, _ERASED, elapsed_seconds=call.heartbeat_seconds)
        await self._calls.mark_settled(call)

    async def _purge(self, user_id: UserId) -> int:
        """Delete all there is; return how many documents that was."""
        # Not a number: it is given back to the pool, and its quarantine is the next owner's protection.
        going = [collection for collection in BELONGINGS if collection != "phonenumbers"]
        deleted = sum([await self._belongings.delete(user_id, collection) for collection in going])
        # The sound after the record: an upload that is on its way finds no conversation any more, and takes it back.
        return deleted + await self._recordings.erase(user_id)
