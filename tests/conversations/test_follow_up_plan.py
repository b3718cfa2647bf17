"""What is named after a call: work that always follows, and events that somebody is subscribed to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pytest
from tests.support.follow_ups import end, follows
from tests.support.metering import Office, exchange, open_office

from callgenie.conversations.follow_up_plan import FollowUpKinds, FollowUpPlan
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, PlanName


@pytest.fixture(autouse=True)
async def owner(office: Office) -> UserId:
    return await office.owner(PlanName.BASIC)


@dataclass
class Subscriptions:
    """Says of every user the same."""

    types: set[str]
    asked: int = 0

    async def event_types_of(self, user_ids: Collection[UserId]) -> Mapping[UserId, Collection[str]]:
        self.asked += 1
        return dict.fromkeys(user_ids, self.types)


EVENTS = FollowUpKinds(answered=("greeted",), ended=("over",), held=("studied",), events=frozenset({"greeted", "over"}))


def office_of(office: Office, subscriptions: Subscriptions, kinds: FollowUpKinds = EVENTS) -> Office:
    """Return the same office as it is where some kinds are events."""
    return open_office(office.db, office.customers, follow_ups=FollowUpPlan(kinds, subscriptions))


async def test_an_event_is_named_for_those_only_who_are_subscribed_to_it(office: Office) -> None:
    subscriptions = Subscriptions({"over"})
    office = office_of(office, subscriptions)
    call = await office.answered("CA1")
    assert await follows(office) == []
    await end(office, call)
    assert await follows(office) == ["over", "studied"]
    subscriptions.types = set()
    await end(office, await office.answered("CA2"))
    assert await follows(office, "CA2") == ["studied"]


async def test_who_subscribes_before_the_end_of_a_call_is_told_of_it(office: Office) -> None:
    subscriptions = Subscriptions(set())
    office = office_of(office, subscriptions)
    call = await office.answered("CA1")
    subscriptions.types = {"over"}
    await end(office, call)
    assert "over" in await follows(office)


async def test_nothing_is_to_be_summed_up_of_a_call_that_was_not_held(office: Office, owner: UserId) -> None:
    office = office_of(office, Subscriptions({"over"}))
    await office.ring("CA1")
    await office.desk.carrier_reported(SessionId("CA1"), "busy")
    assert await follows(office, "CA1") == ["over"]
    await office.conversations.save_exchange(owner, exchange("s-1", status=CallStatus.FAILED))
    assert await follows(office, "s-1") == ["over"]
    await office.conversations.save_exchange(owner, exchange("s-2", status=CallStatus.COMPLETED, duration=30))
    assert await follows(office, "s-2") == ["over", "studied"]
    office.customers.suspend(owner)
    await office.ring("CA2")
    assert await follows(office, "CA2") == ["over"]


async def test_what_is_named_wakes_the_workers_of_this_process_and_nothing_does_not(
    office: Office, owner: UserId
) -> None:
    subscriptions = Subscriptions(set())
    plan = FollowUpPlan(replace(EVENTS, held=()), subscriptions)
    office = open_office(office.db, office.customers, follow_ups=plan)
    await end(office, await office.answered("CA1"))
    assert plan.named.count == 0
    subscriptions.types = {"greeted", "over"}
    call = await office.answered("CA2")
    assert plan.named.count == 1
    await end(office, call)
    assert plan.named.count == 2
    await office.conversations.save_exchange(owner, exchange("s-1", status=CallStatus.COMPLETED, duration=3))
    assert plan.named.count == 3
