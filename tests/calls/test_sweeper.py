import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from structlog.testing import capture_logs
from tests.support.metered_calls import metered, soon
from tests.support.metering import Office, exchange, incoming, open_office

from callgenie.billing.models import Granted, Standing
from callgenie.billing.plans import PLANS
from callgenie.calls.models import Admitted, AnsweredCall
from callgenie.calls.sweeper import SweepReport
from callgenie.conversations.documents import conversation_of
from callgenie.conversations.exchanges import addition_of
from callgenie.conversations.models import Conversation, Ending, NewCall
from callgenie.conversations.recording_store import RecordingStore
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, Carrier, EndedReason, Fault, PlanName, TurnRole
from callgenie.voice.turn import Turn

Db = AsyncDatabase[dict[str, Any]]
ONE = SessionId("CA1")
HUNG_UP = Ending(CallStatus.COMPLETED, EndedReason.CALLER_HANGUP, Fault.CALLER)


@pytest.fixture
def office(database: Db) -> Office:
    return open_office(database)


async def everything(db: Db) -> list[Any]:
    return [await db[name].find({}).sort("_id", 1).to_list() for name in ("conversations", "usage")]


async def crash_and_sweep(office: Office, workers: int = 3) -> None:
    """Nobody takes the next step for a long time; then several workers sweep at once, and once more."""
    await office.let_all_leases_run_out()
    others = [open_office(office.db, office.customers) for _ in range(workers)]
    await asyncio.gather(*(other.sweeper.sweep() for other in others))
    left = await everything(office.db)
    assert await office.sweeper.sweep() == SweepReport()
    assert await everything(office.db) == left
    assert await office.reconciliation.reconcile() == []
    assert await office.db.usage.count_documents({"holds": {"$ne": {}}}) == 0
    assert await office.db.conversations.count_documents({"leaseUntil": {"$exists": True}}) == 0


# Each crashes right after one of the protocol's steps, by not doing what follows.


async def after_opening(office: Office, user: UserId) -> None:
    period = (await office.usage.check(user)).period
    await office.calls.open(user, NewCall(ONE, Carrier.TWILIO, None, "+14155550100"), period.start)


async def after_admission(office: Office, _user: UserId) -> None:
    assert isinstance(await office.desk.ring(incoming(ONE)), Admitted)


async def after_the_answer(office: Office, _user: UserId) -> None:
    await office.answered(ONE)


async def after_a_turn(office: Office, _user: UserId) -> None:
    call = await office.answered(ONE)
    await office.desk.save_turn(call, 1, Turn(TurnRole.USER, "Hello", 0, 900), 7.2)


async def after_an_extension_that_the_record_does_not_know(office: Office, _user: UserId) -> None:
    call = await office.answered(ONE)
    await office.desk.beat(call, 20)
    await office.ledger.extend(call.metered, PLANS[PlanName.FREE], total_seconds=100)


async def after_the_end(office: Office, user: UserId) -> None:
    await office.answered(ONE)
    assert await office.calls.end(user, ONE, HUNG_UP, elapsed_seconds=33) is not None


async def after_the_settlement(office: Office, user: UserId) -> None:
    call = await office.answered(ONE)
    await office.calls.end(user, ONE, HUNG_UP, elapsed_seconds=33)
    await office.ledger.settle(call.metered, billable_seconds=33, counted=True)


async def after_the_caller_gave_up(office: Office, user: UserId) -> None:
    await office.desk.ring(incoming(ONE))
    given_up = Ending(CallStatus.ABANDONED, EndedReason.CALLER_HANGUP, Fault.CALLER)
    await office.calls.dismiss(user, ONE, given_up, may_hold=True)


CRASHES: list[tuple[Callable[[Office, UserId], Awaitable[None]], tuple[str, str], Standing]] = [
    (after_opening, ("abandoned", "lease-expired"), Standing()),
    (after_admission, ("abandoned", "lease-expired"), Standing()),
    (after_the_caller_gave_up, ("abandoned", "caller-hangup"), Standing()),
    (after_the_answer, ("completed", "lease-expired"), Standing(calls=1, seconds=0)),
    (after_a_turn, ("completed", "lease-expired"), Standing(calls=1, seconds=8)),
    (
        after_an_extension_that_the_record_does_not_know,
        ("completed", "lease-expired"),
        Standing(calls=1, seconds=20),
    ),
    (after_the_end, ("completed", "caller-hangup"), Standing(calls=1, seconds=33)),
    (after_the_settlement, ("completed", "caller-hangup"), Standing(calls=1, seconds=33)),
]


@pytest.mark.parametrize(("crash", "outcome", "used"), CRASHES, ids=lambda value: getattr(value, "__name__", ""))
async def test_a_crash_after_any_step_leaves_nothing_held_and_nothing_counted_twice(
    office: Office,
    crash: Callable[[Office, UserId], Awaitable[None]],
    outcome: tuple[str, str],
    used: Standing,
) -> None:
    user = await office.owner()
    await crash(office, user)
    await crash_and_sweep(office)
    record = await office.conversation(ONE)
    assert (record["status"], record["endedReason"]) == outcome
    assert (await office.usage.check(user)).standing == used


async def test_a_lost_worker_ends_its_call_at_the_last_heartbeat(office: Office) -> None:
    await office.owner()
    call = await office.answered(ONE)
    await office.desk.save_turn(call, 1, Turn(TurnRole.USER, "Hello", 0, 900), 7.2)
    await office.desk.beat(call, 19.6)
    await office.let_all_leases_run_out()
    assert await office.sweeper.sweep() == SweepReport(ended=1)
    record = await office.conversation(ONE)
    assert (record["duration"], record["billableSeconds"], record["fault"]) == (20, 20, "platform")
    assert record["endedAt"] == call.answered_at + timedelta(seconds=20)
    assert [turn["text"] for turn in record["turns"]] == ["Hello"]


async def test_a_call_whose_worker_lives_is_left_alone(office: Office) -> None:
    await office.owner(PlanName.BASIC)
    await office.answered("CA1")
    await office.ring("CA2")
    before = await everything(office.db)
    assert await office.sweeper.sweep() == SweepReport()
    assert await everything(office.db) == before


async def test_a_hold_stays_as_long_as_its_conversation_is_alive(office: Office) -> None:
    user = await office.owner()
    call = await office.answered(ONE)
    await office.let_all_leases_run_out()
    # The worker is between its two renewals: the record's is done, the ledger's is not.
    await office.calls.beat(user, ONE, elapsed_seconds=20, granted_seconds=60)
    assert await office.sweeper.sweep() == SweepReport()
    assert await office.ledger.hold_of(call.metered) is not None
    assert not (await office.desk.beat(call, 21)).ended


async def test_a_worker_that_renews_between_the_sweepers_look_and_its_write_keeps_its_call(office: Office) -> None:
    user = await office.owner()
    call = await office.answered(ONE)
    await office.let_all_leases_run_out()
    [overdue] = await office.calls.find_overdue_of_any_user(10)
    assert not (await office.desk.beat(call, 20)).ended
    assert await office.calls.expire(overdue.conversation()) is None
    assert (await office.conversation(ONE))["status"] == "in-progress"
    assert (await office.usage.check(user)).standing.live_calls == 1


async def test_a_worker_that_wakes_up_after_the_sweep_is_told_to_hang_up(office: Office) -> None:
    await office.owner()
    call = await office.answered(ONE)
    await office.desk.beat(call, 20)
    await crash_and_sweep(office)
    assert (await office.desk.beat(call, 90)).ended
    ended = await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=95)
    assert (ended.reason, ended.billable_seconds) == (EndedReason.LEASE_EXPIRED, 20)
    assert await office.ledger.standing(call.user_id, call.period_start) == Standing(calls=1, seconds=20)


async def test_a_call_that_rang_too_long_cannot_be_answered_even_before_the_sweep(office: Office) -> None:
    await office.owner()
    await office.ring(ONE)
    await office.let_all_leases_run_out()
    assert (
        await office.calls.answer((await record_of(office)).user_id, ONE, answered_by="x", granted_seconds=60) is None
    )


async def test_a_hold_that_belongs_to_nothing_is_freed_and_not_counted(office: Office) -> None:
    user = await office.owner()
    period = (await office.usage.check(user)).period
    orphan = metered(user, "erased", period.start)
    assert isinstance(await office.ledger.admit(orphan, PLANS[PlanName.FREE], admit_by=soon()), Granted)
    await office.let_all_leases_run_out()
    assert await office.sweeper.sweep() == SweepReport(freed=1)
    assert (await office.usage.check(user)).standing == Standing()


async def test_a_hold_that_came_back_after_the_settlement_is_freed_and_not_counted_again(office: Office) -> None:
    user = await office.owner()
    call = await office.answered(ONE)
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=30)
    # What `gone` and the deadline keep out, should both ever fail.
    await office.db.usage.update_many({}, {"$set": {"gone": []}})
    await office.ledger.admit(call.metered, PLANS[PlanName.FREE], admit_by=soon())
    await office.let_all_leases_run_out()
    assert await office.sweeper.sweep() == SweepReport(freed=1)
    assert (await office.usage.check(user)).standing == Standing(calls=1, seconds=30)


async def test_ending_a_settled_call_again_counts_no_hold_that_came_back(office: Office) -> None:
    user = await office.owner()
    call = await office.answered(ONE)
    for _ in range(2):
        await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=30)
        await office.db.usage.update_many({}, {"$set": {"gone": []}})
        await office.ledger.admit(call.metered, PLANS[PlanName.FREE], admit_by=soon())
    standing = (await office.usage.check(user)).standing
    assert (standing.calls, standing.seconds) == (1, 30)


async def test_a_sweep_looks_at_what_is_overdue_and_not_at_the_history(office: Office) -> None:
    user = await office.owner(PlanName.PREMIUM)
    for number in range(30):
        await office.conversations.save_exchange(
            user, exchange(f"old-{number}", duration=1, status=CallStatus.COMPLETED)
        )
    await office.answered(ONE)
    await office.let_all_leases_run_out()
    await office.db.command({"profile": 2})
    try:
        assert (await office.sweeper.sweep()).ended == 1
    finally:
        await office.db.command({"profile": 0})
    looks = await office.db["system.profile"].find({"op": {"$in": ["query", "command"]}}).to_list()
    await office.db.drop_collection("system.profile")
    searches = [look for look in looks if "filter" in look["command"] or "pipeline" in look["command"]]
    assert len(searches) >= 2
    assert max(look.get("docsExamined", 0) for look in searches) == 1


async def test_one_record_that_cannot_be_read_does_not_stop_the_others(office: Office) -> None:
    await office.owner(PlanName.BASIC)
    for name in ("CA1", "CA2"):
        await office.answered(name)
    broken = UserId(str(ObjectId()))
    await office.calls.open(broken, NewCall(SessionId("x"), Carrier.API, None, None), soon())
    await office.let_all_leases_run_out()
    report = await office.sweeper.sweep()
    assert (report.ended, report.failed) == (2, 1)


async def test_a_record_of_a_kind_that_only_a_newer_release_knows_stops_no_sweep(office: Office) -> None:
    await office.owner(PlanName.BASIC)
    for name in ("CA1", "CA2"):
        await office.answered(name)
    await office.let_all_leases_run_out()
    newer = await office.conversation("CA1") | {"_id": ObjectId(), "sessionId": "N1", "carrier": "pigeon"}
    await office.db.conversations.insert_one(newer, bypass_document_validation=True)
    with capture_logs() as logs:
        report = await office.sweeper.sweep()
    assert (report.ended, report.failed) == (2, 1)
    assert [line["session_id"] for line in logs if line["event"] == "sweep.failed"] == ["N1"]
    assert (await office.conversation("N1"))["status"] == "in-progress"


async def record_of(office: Office) -> Conversation:
    return conversation_of(await office.conversation(ONE))


# A conversation from elsewhere goes through the same steps in one go; it too can be cut off between any two.


async def written(office: Office, user: UserId) -> Conversation:
    now = office.clock.now()
    terms = await office.customers.terms.of(user)
    done = exchange(ONE, duration=30, status=CallStatus.COMPLETED)
    addition = addition_of(done, None, now=now, period_start=terms.period_at(now).start)
    conversation = await RecordingStore(office.db).change(user, ONE, 0, addition)
    assert conversation is not None
    return conversation


async def held(office: Office, user: UserId) -> Conversation:
    conversation = await written(office, user)
    plan = PLANS[PlanName.FREE]
    await office.ledger.admit_recorded(conversation.metered, plan, duration=30, admit_by=soon())
    return conversation


async def billed(office: Office, user: UserId) -> Conversation:
    conversation = await held(office, user)
    bill = await RecordingStore(office.db).bill(conversation, billable_seconds=30, overage_seconds=0, counted=True)
    assert bill is not None
    return bill


async def settled(office: Office, user: UserId) -> Conversation:
    conversation = await billed(office, user)
    await office.ledger.settle(conversation.metered, billable_seconds=30, counted=True)
    return conversation


@pytest.mark.parametrize("cut", [written, held, billed, settled], ids=lambda step: step.__name__)
async def test_a_recorded_call_that_was_cut_off_is_finished_by_the_sweeper(
    office: Office, cut: Callable[[Office, UserId], Awaitable[Conversation]]
) -> None:
    user = await office.owner()
    await cut(office, user)
    await crash_and_sweep(office)
    record = await office.conversation(ONE)
    assert (record["status"], record["billableSeconds"], record["overageSeconds"]) == ("completed", 30, 0)
    assert (await office.usage.check(user)).standing == Standing(calls=1, seconds=30)


@pytest.mark.parametrize("cut", [written, held, billed, settled], ids=lambda step: step.__name__)
async def test_a_recorded_call_that_was_cut_off_is_finished_by_asking_again(
    office: Office, cut: Callable[[Office, UserId], Awaitable[Conversation]]
) -> None:
    user = await office.owner()
    await cut(office, user)
    done = exchange(ONE, duration=30, status=CallStatus.COMPLETED)
    saved = await asyncio.gather(*(office.conversations.save_exchange(user, done) for _ in range(3)))
    assert {(each.created, each.conversation.billable_seconds) for each in saved} == {(False, 30)}
    assert (await office.usage.check(user)).standing == Standing(calls=1, seconds=30)
    await crash_and_sweep(office)
    assert (await office.usage.check(user)).standing == Standing(calls=1, seconds=30)


async def test_what_counts_of_a_recorded_call_is_said_once(office: Office) -> None:
    user = await office.owner()
    conversation = await billed(office, user)
    again = await RecordingStore(office.db).bill(conversation, billable_seconds=1, overage_seconds=29, counted=False)
    assert again is None
    assert (await office.conversation(ONE))["billableSeconds"] == 30


async def test_many_calls_of_many_workers_that_die_at_once_are_all_swept(office: Office) -> None:
    user = await office.owner(PlanName.ENTERPRISE)
    calls: list[AnsweredCall] = await asyncio.gather(*(office.answered(f"CA{number}") for number in range(20)))
    await asyncio.gather(*(office.desk.beat(call, 20) for call in calls))
    await crash_and_sweep(office, workers=5)
    assert (await office.usage.check(user)).standing == Standing(calls=20, seconds=400)
