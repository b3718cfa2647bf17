"""Decides what follows a call: kinds of work that always follow, and events that somebody is subscribed to.

A kind that leads to nothing costs a claim, a read and a write for every call, as most users have no webhook. So the
user's subscriptions are read just before the write that names what follows. A webhook that was made before the call
ended is told of it, since its insertion was acknowledged before that read began.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from callgenie.jobs.periodic import Wakeup
from callgenie.kernel.ids import UserId

# The call is to be summed up.
ANALYSIS: Final = "analysis"

# The same by the hosted model that the owner has chosen. A kind of its own, because few models are asked at a time, and
# calls that are summed up by rules must not wait for them.
MODEL_ANALYSIS: Final = "analysis-by-model"


@dataclass(frozen=True, slots=True)
class FollowUpKinds:
    """What follows a call at each stage.

    Attributes:
        answered: It was answered.
        ended: It is over, however it ended.
        held: It is over, and was answered before.
        analysed: It was summed up.
        events: Those of all these that only lead to something if the user is subscribed to them.
    """

    answered: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    analysed: tuple[str, ...] = ()
    events: frozenset[str] = frozenset()


# A kind that stands here needs a handler in `wiring.follow_ups`.
FOLLOW_UPS: Final = FollowUpKinds(
    answered=("call.started",),
    ended=("call.ended",),
    held=(ANALYSIS,),
    analysed=("call.analyzed",),
    events=frozenset({"call.started", "call.ended", "call.analyzed"}),
)


class EventSubscriptions(Protocol):
    """Knows what users are to be told of; `webhooks.endpoint_store.EndpointStore` does."""

    async def event_types_of(self, user_ids: Collection[UserId]) -> Mapping[UserId, Collection[str]]:
        """Return the types of events that any enabled endpoint of each user is subscribed to."""
        ...


class FollowUpPlan:
    """Names what follows a user's calls. Without subscriptions to ask, every kind is named.

    Attributes:
        named: Ends the pause of this process's workers once something was named here.
    """

    def __init__(self, kinds: FollowUpKinds = FOLLOW_UPS, subscriptions: EventSubscriptions | None = None) -> None:
        self.named = Wakeup()
        self._kinds = kinds
        self._subscriptions = subscriptions

    async def after_answer(self, user_id: UserId) -> tuple[str, ...]:
        """Return what follows the answer of a call of the user's.

        Raises:
            UnavailableError: The database is away.
        """
        return (await self._wanted([user_id], self._kinds.answered))[user_id]

    async def after_end(self, user_id: UserId, *, was_held: bool) -> tuple[str, ...]:
        """Return what follows the end of a call of the user's; `was_held` says that it was answered.

        Raises:
            UnavailableError: The database is away.
        """
        kinds = (*self._kinds.ended, *(self._kinds.held if was_held else ()))
        return (await self._wanted([user_id], kinds))[user_id]

    async def after_analysis(self, user_ids: Collection[UserId]) -> Mapping[UserId, tuple[str, ...]]:
        """Return what follows the analysis of a call of each user's.

        Raises:
            UnavailableError: The database is away.
        """
        return await self._wanted(user_ids, self._kinds.analysed)

    async def _wanted(self, user_ids: Collection[UserId], kinds: Sequence[str]) -> Mapping[UserId, tuple[str, ...]]:
        if self._subscriptions is None or self._kinds.events.isdisjoint(kinds):
            return dict.fromkeys(user_ids, tuple(kinds))
        subscribed = await self._subscriptions.event_types_of(user_ids)
        return {
            user_id: tuple(
                kind for kind in kinds if kind not in self._kinds.events or kind in subscribed.get(user_id, ())
            )
            for user_id in user_ids
        }
