"""Works off what follows conversations: events for the owner's programs, mail, an analysis.

The write that makes one due names it, so no crash loses it; and it is taken off the record only after its handler has
written down what it leads to, so no crash leaves that out either. In between anything may be repeated: a handler leads
to the same, however often it is asked.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
# So many conversations are claimed at once, which bounds what is in memory and what a crash has repeated. At fifty the
# claim's share of the work is a twentieth.
BATCH_MAX: Final = 50
# A round ends after so many claims, so that a stopping server does not wait for a long queue.
CLAIMS_MAX: Final = 20
# Without an end: what follows a conversation is due until it is done, or until the conversation is deleted.
BACKOFF: Final = Backoff(first=timedelta(seconds=1), factor=2, longest=timedelta(hours=1))

_CLAIM_BYTES: Final = 12


class FollowUpHandler(Protocol):
    """Does what one kind is about."""

    async def follow(self, follow_ups: Sequence[FollowUp]) -> None:
        """Write down what they lead to, under ids that follow from the conversation; may be asked again for the same.

        It has 90 seconds. What it raises for several has it asked again for each alone. What it raises for one has it
        asked again later, with pauses that grow to an hour; a handler that gives one up, by `attempts` say, returns.
        """
        ...


@dataclass(slots=True)
class FollowUpReport:
    """What one round did."""

    done: int = 0
    postponed: int = 0


class FollowUps:
    """Works off the kinds that it has handlers for, and leaves others to whoever knows them.

    `batch_max` conversations are claimed at once; the kinds among them are worked off side by side.
    """

    def __init__(
        self,
        store: FollowUpStore,
        handlers: Mapping[str, FollowUpHandler],
        randomness: Randomness,
        *,
        batch_max: int = BATCH_MAX,
    ) -> None:
        self._store = store
        self._handlers = handlers
        self._randomness = randomness
        self._batch_max = batch_max

    async def work(self) -> FollowUpReport:
        """Work off what is due; what fails is tried again later and does not keep the others waiting.

        Raises:
            UnavailableError: The database is away.
        """
        report, kinds = FollowUpReport(), tuple(self._handlers)
        for _ in range(CLAIMS_MAX if kinds else 0):
            claim = self._randomness.token_bytes(_CLAIM_BYTES).hex()
            claimed = await self._store.claim_of_any_user(kinds, claim, LEASE, limit=self._batch_max)
            if not claimed:
                break
            await self._work_off_side_by_side(claimed, report)
        return report

    async def oldest_seconds(self) -> float:
        """Return for how long what waits longest has been waiting, of whatever kind; 0 where nothing follows."""
        return await self._store.oldest_seconds()

    async def _work_off_side_by_side(self, claimed: Sequence[FollowUp], report: FollowUpReport) -> None:
        batches: defaultdict[str, list[FollowUp]] = defaultdict(list)
        for follow_up in claimed:
            batches[follow_up.kind].append(follow_up)
        working = (self._work_off(batch, report) for batch in batches.values())
        # One that fails does not cancel the others, which would have to be done again.
        for failure in await asyncio.gather(*working, return_exceptions=True):
            if failure is not None:
                raise failure

    async def _work_off(self, batch: Sequence[FollowUp], report: FollowUpReport) -> None:
        """Work off follow-ups of one kind and claim."""
        try:
            async with asyncio.timeout(HANDLER_SECONDS):
                await self._handlers[batch[0].kind].follow(batch)
        except UnavailableError:
            # The database. The claim runs out by itself.
            raise
        except Exception as error:  # noqa: BLE001 -- whatever is wrong with one, the others are still to be done
            if len(batch) > 1:
                for follow_up in batch:
                    await self._work_off([follow_up], report)
                return
            (follow_up,) = batch
            report.postponed += 1
            _tell_failure(follow_up, error)
            await self._store.postpone(follow_up, BACKOFF.by_chance(follow_up.attempts))
        else:
            finished = await self._store.finish(batch)
            report.done += finished


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
