import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.follow_ups import end, follows, make_due
from tests.support.lost_answers import lost_answers
from tests.support.metering import Office, exchange, open_office

from callgenie.conversations.exchanges import addition_of
from callgenie.conversations.follow_up_plan import FollowUpKinds, FollowUpPlan
from callgenie.conversations.follow_up_store import FollowUp, FollowUpStore
from callgenie.conversations.follow_ups import BACKOFF, BATCH_MAX, FollowUpReport, FollowUps
from callgenie.conversations.recording_store import RecordingStore
from callgenie.jobs.outbox_models import NewMail
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.ids import SessionId, SystemRandomness, UserId
from callgenie.kernel.vocabulary import CallStatus, PlanName
from callgenie.mongo.errors import DatabaseBusyError

Db = AsyncDatabase[dict[str, Any]]
KINDS = FollowUpKinds(answered=("greeted",), ended=("over", "studied"))
ALL = ("greeted", "over", "studied")


class CrashError(BaseException):
    """The worker is gone; nobody catches that."""


@dataclass
class Postman:
    """Puts a mail for each, under an id of its own; can be broken, and can die once it has put it."""

    db: Db
    broken: set[str] = field(default_factory=set)
    dies_at: set[str] = field(default_factory=set)
    away: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    async def follow(self, follow_ups: Sequence[FollowUp]) -> None:
        self.batches.append(len(follow_ups))
        for follow_up in follow_ups:
            conversation = follow_up.conversation
            self.asked.append((conversation.session_id, follow_up.kind))
            if self.away:
                raise DatabaseBusyError("away")
            if {follow_up.kind, conversation.session_id} & self.broken:
                raise RuntimeError("a bug")
            await OutboxStore(self.db).put(NewMail(f"{follow_up.kind}:{conversation.session_id}", "test"))
            if follow_up.kind in self.dies_at:
                raise CrashError


@pytest.fixture
def office(database: Db) -> Office:
    return open_office(database, follow_ups=FollowUpPlan(KINDS))


@pytest.fixture(autouse=True)
async def owner(office: Office) -> UserId:
    return await office.owner(PlanName.BASIC)


@pytest.fixture
def postman(database: Db) -> Postman:
    return Postman(database)


def worker(postman: Postman, kinds: Sequence[str] = ALL) -> FollowUps:
    return FollowUps(FollowUpStore(postman.db), dict.fromkeys(kinds, postman), SystemRandomness())


async def mails(office: Office) -> list[str]:
    return [entry["_id"] async for entry in office.db["outbox"].find().sort("_id")]


async def test_what_follows_a_call_is_named_by_its_answer_and_by_its_end(office: Office) -> None:
    call = await office.answered("CA1")
    assert await follows(office) == ["greeted"]
    await end(office, call)
    assert await follows(office) == ["greeted", "over", "studied"]


async def test_what_follows_is_done_once_in_the_order_in_which_it_became_due(office: Office, postman: Postman) -> None:
    await end(office, await office.answered("CA1"))
    assert await worker(postman).work() == FollowUpReport(done=3)
    assert await worker(postman).work() == FollowUpReport()
    assert postman.asked == [("CA1", "greeted"), ("CA1", "over"), ("CA1", "studied")]
    assert await follows(office) == []
    assert await mails(office) == ["greeted:CA1", "over:CA1", "studied:CA1"]


async def test_naming_it_costs_the_call_no_question_to_the_database_of_its_own(office: Office) -> None:
    async def writes() -> int:
        status = await office.db.command("serverStatus")
        return int(status["opcounters"]["update"]) + int(status["metrics"]["commands"]["findAndModify"]["total"])

    plain = open_office(office.db, office.customers)
    counted = []
    for number, desk in enumerate((plain, office)):
        before = await writes()
        await end(office, await desk.answered(f"CA{number}"))
        counted.append(await writes() - before)
    assert counted[0] == counted[1]


async def test_a_call_nobody_answered_is_followed_by_its_end_alone(office: Office) -> None:
    await office.ring("CA1")
    await office.desk.carrier_reported(SessionId("CA1"), "busy")
    assert await follows(office, "CA1") == ["over", "studied"]
    await office.ring("CA2")
    await office.let_all_leases_run_out()
    await office.sweeper.sweep()
    assert await follows(office, "CA2") == ["over", "studied"]


async def test_a_call_whose_worker_died_is_followed_by_its_end(office: Office) -> None:
    await office.answered("CA1")
    await office.let_all_leases_run_out()
    await office.sweeper.sweep()
    assert await follows(office) == ["greeted", "over", "studied"]


async def test_a_call_that_is_refused_is_followed_by_its_end(office: Office, owner: UserId) -> None:
    office.customers.suspend(owner)
    await office.ring("CA1")
    assert await follows(office) == ["over", "studied"]


async def test_an_answer_whose_acknowledgement_got_lost_is_followed_once(office: Office, postman: Postman) -> None:
    async with lost_answers(office.db, "findAndModify", "update", times=4):
        call = await office.answered("CA1")
    await worker(postman).work()
    # The same worker answers again, as a repetition does whose first attempt took long.
    found = await office.conversation("CA1")
    again = await office.calls.answer(
        call.user_id, call.session_id, answered_by=found["answeredBy"], granted_seconds=60
    )
    assert again is not None
    assert await follows(office) == []
    async with lost_answers(office.db, "findAndModify", "update", times=3):
        await end(office, call)
    assert await follows(office) == ["over", "studied"]


async def test_a_call_held_elsewhere_is_followed_by_what_it_is_known_to_be(office: Office, owner: UserId) -> None:
    await office.conversations.save_exchange(owner, exchange("s-1"))
    assert await follows(office, "s-1") == ["greeted"]
    await office.conversations.save_exchange(owner, exchange("s-1", user_message="And on Sunday?"))
    assert await follows(office, "s-1") == ["greeted"]
    done = exchange("s-1", user_message="Bye", status=CallStatus.COMPLETED, duration=30)
    await office.conversations.save_exchange(owner, done)
    assert await follows(office, "s-1") == ["greeted", "over", "studied"]
    await office.conversations.save_exchange(owner, exchange("s-2", status=CallStatus.FAILED))
    assert await follows(office, "s-2") == ["over", "studied"]
    await office.conversations.save_exchange(owner, exchange("s-3", status=CallStatus.COMPLETED, duration=30))
    assert await follows(office, "s-3") == ["over", "studied"]


async def test_a_completed_call_is_followed_once_it_is_known_what_counts(office: Office, owner: UserId) -> None:
    done, now = exchange("s-1", status=CallStatus.COMPLETED, duration=30), office.clock.now()
    addition = addition_of(done, None, now=now, period_start=(await office.usage.check(owner)).period.start)
    # Whoever wrote this down died before it was settled.
    assert await RecordingStore(office.db, FollowUpPlan(KINDS)).change(owner, done.session_id, 0, addition) is not None
    assert await follows(office, "s-1") == []
    await office.let_all_leases_run_out()
    await office.sweeper.sweep()
    assert (await office.conversation("s-1"))["billableSeconds"] == 30
    assert await follows(office, "s-1") == ["over", "studied"]


async def test_of_many_workers_each_is_done_by_one(office: Office, owner: UserId, postman: Postman) -> None:
    for number in range(10):
        await office.conversations.save_exchange(owner, exchange(f"s-{number}", status=CallStatus.FAILED))
    await asyncio.gather(*(worker(postman).work() for _ in range(6)))
    assert sorted(postman.asked) == sorted((f"s-{number}", kind) for number in range(10) for kind in KINDS.ended)


async def test_of_many_claims_at_once_each_is_one_worker_s_and_counts_once(office: Office, owner: UserId) -> None:
    for number in range(10):
        await office.conversations.save_exchange(owner, exchange(f"s-{number}", status=CallStatus.FAILED))
    store = FollowUpStore(office.db)
    claims = (
        store.claim_of_any_user(("over",), f"worker {number}", timedelta(minutes=2), limit=10) for number in range(8)
    )
    claimed = [follow_up for each in await asyncio.gather(*claims) for follow_up in each]
    assert sorted(follow_up.conversation.session_id for follow_up in claimed) == [f"s-{n}" for n in range(10)]
    assert {follow_up.attempts for follow_up in claimed} == {1}


async def test_what_a_worker_had_claimed_that_died_is_done_by_another(office: Office, postman: Postman) -> None:
    await office.answered("CA1")
    assert await FollowUpStore(office.db).claim_of_any_user(ALL, "the dead one", timedelta(minutes=2))
    assert await worker(postman).work() == FollowUpReport()
    await make_due(office.db)
    assert await worker(postman).work() == FollowUpReport(done=1)
    assert await mails(office) == ["greeted:CA1"]


async def test_a_worker_that_dies_after_its_handler_is_repeated_and_doubles_nothing(
    office: Office, postman: Postman
) -> None:
    await end(office, await office.answered("CA1"))
    postman.dies_at = {"over"}
    with pytest.raises(CrashError):
        await worker(postman).work()
    assert "over" in await follows(office)
    postman.dies_at.clear()
    await make_due(office.db)
    assert (await worker(postman).work()).done > 0
    assert postman.asked.count(("CA1", "over")) == 2
    assert await follows(office) == []
    assert await mails(office) == ["greeted:CA1", "over:CA1", "studied:CA1"]


async def test_what_fails_is_tried_again_later_and_keeps_nothing_else_waiting(office: Office, postman: Postman) -> None:
    await end(office, await office.answered("CA1"))
    postman.broken = {"greeted"}
    report = await worker(postman).work()
    assert (report.done, report.postponed > 0) == (2, True)
    (waiting,) = (await office.conversation("CA1"))["followUps"]
    assert (waiting["kind"], waiting["attempts"], "claim" in waiting) == ("greeted", report.postponed, False)
    pause = waiting["dueAt"] - waiting["askedAt"]
    assert pause > BACKOFF.after(1) * 0.75
    postman.broken.clear()
    await make_due(office.db)
    assert await worker(postman).work() == FollowUpReport(done=1)


async def test_a_fault_of_ours_is_logged_with_where_it_happened(
    office: Office, postman: Postman, capsys: pytest.CaptureFixture[str]
) -> None:
    await office.answered("CA1")
    postman.broken = {"greeted"}
    await worker(postman).work()
    logged = "".join(capsys.readouterr())
    assert "follow_up.failed" in logged
    assert "RuntimeError: a bug" in logged


def test_pauses_grow_to_an_hour() -> None:
    pauses = [BACKOFF.after(attempts) for attempts in range(1, 20)]
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=1), timedelta(hours=1))
    assert pauses == sorted(pauses)
    assert all(timedelta(seconds=3) <= BACKOFF.by_chance(3) <= timedelta(seconds=5) for _ in range(20))


async def test_while_the_database_is_away_nothing_counts_as_failed(office: Office, postman: Postman) -> None:
    await office.answered("CA1")
    postman.away = True
    with pytest.raises(DatabaseBusyError):
        await worker(postman).work()
    assert await follows(office) == ["greeted"]


async def test_a_kind_that_only_a_newer_release_knows_is_left_for_it(office: Office, postman: Postman) -> None:
    await end(office, await office.answered("CA1"))
    assert await worker(postman, ("over",)).work() == FollowUpReport(done=1)
    assert await follows(office) == ["greeted", "studied"]
    assert await worker(postman, ()).work() == FollowUpReport()
    assert await worker(postman).work() == FollowUpReport(done=2)


async def test_what_becomes_due_again_while_it_is_worked_off_is_worked_off_again(
    office: Office, postman: Postman
) -> None:
    call = await office.answered("CA1")
    store = FollowUpStore(office.db)
    (slow,) = await store.claim_of_any_user(ALL, "slow", timedelta(minutes=2))
    await end(office, call)
    # What was named meanwhile does not wait for the slow one.
    assert await worker(postman).work() == FollowUpReport(done=2)
    await make_due(office.db)
    (quick,) = await store.claim_of_any_user(ALL, "quick", timedelta(minutes=2))
    assert await store.finish([slow]) == 0
    assert await store.pass_on([slow], "another") == 0
    assert not await store.postpone(slow, timedelta(seconds=1))
    assert await store.finish([quick]) == 1
    assert await follows(office) == []


async def test_a_claim_whose_acknowledgement_got_lost_loses_nothing(office: Office, postman: Postman) -> None:
    await end(office, await office.answered("CA1"))
    async with lost_answers(office.db, "update", times=2):
        await worker(postman).work()
    await make_due(office.db)
    await worker(postman).work()
    assert await follows(office) == []
    assert await mails(office) == ["greeted:CA1", "over:CA1", "studied:CA1"]


async def test_nothing_follows_a_conversation_that_was_deleted(office: Office, postman: Postman) -> None:
    await end(office, call := await office.answered("CA1"))
    await office.conversations.delete(call.user_id, call.session_id)
    assert await worker(postman).work() == FollowUpReport()
    assert await follows(office) == []


async def test_the_age_of_what_waits_longest_is_known(office: Office, postman: Postman) -> None:
    assert await worker(postman).oldest_seconds() == 0
    await office.answered("CA1")
    earlier = {"$subtract": ["$$each.askedAt", 60_000]}
    aged = {"$map": {"input": "$followUps", "as": "each", "in": {"$mergeObjects": ["$$each", {"askedAt": earlier}]}}}
    await office.db["conversations"].update_one({}, [{"$set": {"followUps": aged}}])
    assert 60 <= await worker(postman).oldest_seconds() < 70


@asynccontextmanager
async def profiled(db: Db) -> AsyncIterator[list[dict[str, Any]]]:
    """Fill the list, at the end of the block, with what the server was asked about conversations."""
    asked: list[dict[str, Any]] = []
    await db.command({"profile": 2})
    try:
        yield asked
        asked += await db["system.profile"].find({"ns": "callgenie.conversations"}).sort("ts").to_list()
    finally:
        await db.command({"profile": 0})
        await db.drop_collection("system.profile")


async def test_looking_for_what_is_due_reads_only_what_waits(office: Office, owner: UserId, postman: Postman) -> None:
    for number in range(20):
        await office.conversations.save_exchange(owner, exchange(f"s-{number}", status=CallStatus.FAILED))
    await worker(postman).work()
    await office.answered("CA1")
    async with profiled(office.db) as asked:
        await worker(postman).work()
    looks = [each for each in asked if "sort" in each.get("command", {})]
    assert [look["docsExamined"] for look in looks] == [1, 0]
    assert all("IXSCAN" in look["planSummary"] for look in looks)


async def test_a_worker_does_not_read_the_backlog_of_kinds_that_are_left_to_others(
    office: Office, owner: UserId, postman: Postman
) -> None:
    for number in range(20):
        await office.conversations.save_exchange(owner, exchange(f"s-{number}", status=CallStatus.FAILED))
    await worker(postman, ("over",)).work()
    await office.answered("CA1")
    async with profiled(office.db) as asked:
        assert await worker(postman, ("over", "greeted")).work() == FollowUpReport(done=1)
    assert sum(each.get("docsExamined", 0) for each in asked if "sort" in each.get("command", {})) == 1


async def test_a_backlog_is_claimed_and_finished_in_batches(office: Office, owner: UserId, postman: Postman) -> None:
    for number in range(BATCH_MAX + 10):
        await office.conversations.save_exchange(owner, exchange(f"s-{number}", status=CallStatus.FAILED))
    async with profiled(office.db) as asked:
        assert await worker(postman, ("over",)).work() == FollowUpReport(done=BATCH_MAX + 10)
    assert postman.batches == [BATCH_MAX, 10]
    # To find, to claim, to read and to finish, twice; and to find nothing any more.
    assert len([each for each in asked if each["op"] in {"query", "command", "update"}]) <= 4 * 2 + 1
    assert await office.db.conversations.count_documents({"followUps.kind": "over"}) == 0


async def test_one_that_fails_is_postponed_alone_and_the_rest_of_its_batch_is_done(
    office: Office, owner: UserId, postman: Postman
) -> None:
    for number in range(5):
        await office.conversations.save_exchange(owner, exchange(f"s-{number}", status=CallStatus.FAILED))
    postman.broken = {"s-2"}
    report = await worker(postman, ("over",)).work()
    assert (report.done, report.postponed > 0) == (4, True)
    assert await mails(office) == ["over:s-0", "over:s-1", "over:s-3", "over:s-4"]
    assert "over" in await follows(office, "s-2")
    postman.broken.clear()
    await make_due(office.db)
    assert await worker(postman, ("over",)).work() == FollowUpReport(done=1)
