"""Works off what follows conversations: events for the owner's programs, mail, an analysis.

The write that makes one due names it, so no crash loses it; and it is taken off the record only after its handler has
written down what it leads to, so no crash leaves that out either. In between anything may be repeated: a handler leads
to the same, however often it is asked.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from callgenie.conversations.follow_up_store import FollowUp, FollowUpStore
from callgenie.jobs.backoff import Backoff
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import Randomness
from callgenie.voice.ports import ProviderError

_log = structlog.get_logger(__name__)

FOLLOW_UP_FAILED: Final = "follow_up.failed"

# What a handler may take; the lease is longer by what the writes around it need.
HANDLER_SECONDS: Final = 90
LEASE: Final = timedelta(seconds=120)
# A round ends here, so that a stopping server does not wait for a long queue.
BATCH_MAX: Final = 100
# Without an end: what follows a conversation is due until it is done, or until the conversation is deleted.
BACKOFF: Final = Backoff(first=timedelta(seconds=1), factor=2, longest=timedelta(hours=1))

_CLAIM_BYTES: Final = 12


class FollowUpHandler(Protocol):
    """Does what one kind is about."""

    async def follow(self, follow_up: FollowUp) -> None:
        """Write down what it leads to, under ids that follow from the conversation; may be asked again for the same.

        It has 90 seconds. What it raises has it asked again later, with pauses that grow to an hour; one that gives
        up, by `follow_up.attempts` say, returns.
        """
        ...


@dataclass(slots=True)
class FollowUpReport:
    """What one round did."""

    done: int = 0
    postponed: int = 0


class FollowUps:
    """Works off the kinds that it has handlers for, and leaves others to whoever knows them."""

    def __init__(self, store: FollowUpStore, handlers: Mapping[str, FollowUpHandler], randomness: Randomness) -> None:
        self._store = store
        self._handlers = handlers
        self._randomness = randomness

    async def work(self) -> FollowUpReport:
        """Work off what is due; what fails is tried again later and does not keep the others waiting.

        Raises:
            UnavailableError: The database is away.
        """
        report, kinds = FollowUpReport(), tuple(self._handlers)
        for _ in range(BATCH_MAX if kinds else 0):
            claim = self._randomness.token_bytes(_CLAIM_BYTES).hex()
            follow_up = await self._store.claim_of_any_user(kinds, claim, LEASE)
            if follow_up is None:
                break
            await self._work_off(follow_up, report)
        return report

    async def oldest_seconds(self) -> float:
        """Return for how long what waits longest has been waiting, of whatever kind; 0 where nothing follows."""
        return await self._store.oldest_seconds()

    async def _work_off(self, follow_up: FollowUp, report: FollowUpReport) -> None:
        try:
            async with asyncio.timeout(HANDLER_SECONDS):
                await self._handlers[follow_up.kind].follow(follow_up)
        except UnavailableError:
            # The database. The claim runs out by itself.
            raise
        except Exception as error:  # noqa: BLE001 -- whatever is wrong with one, the others are still to be done
            report.postponed += 1
            _tell_failure(follow_up, error)
            await self._store.postpone(follow_up, BACKOFF.by_chance(follow_up.attempts))
        else:
            report.done += 1
            await self._store.finish(follow_up)


def _tell_failure(follow_up: FollowUp, error: Exception) -> None:
    facts = {
        "kind": follow_up.kind,
        "session_id": follow_up.conversation.session_id,
        "attempts": follow_up.attempts,
    }
    if isinstance(error, ProviderError):
        # A vendor's trouble, and our code has nothing to do with it: where it was met tells nobody anything.
        _log.warning(FOLLOW_UP_FAILED, **facts, provider=error.provider, category=error.category)
    elif isinstance(error, TimeoutError):
        _log.warning(FOLLOW_UP_FAILED, **facts, category="timeout")
    else:
        _log.error(FOLLOW_UP_FAILED, **facts, category="unexpected", exc_info=error)
