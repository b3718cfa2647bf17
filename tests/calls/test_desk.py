import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.lost_answers import lost_answers
from tests.support.metering import CALLER, Office, exchange, incoming, open_office

from callgenie.billing.models import Standing
from callgenie.calls.errors import CallNotWaitingError
from callgenie.calls.models import Admitted, AnsweredCall, Beat, Refused
from callgenie.calls.sentences import SENTENCES, sentence_for
from callgenie.conversations.models import TURN_CHARS_MAX
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault, Outcome, PlanName, TurnRole
from callgenie.voice.turn import Turn, TurnLatency

Db = AsyncDatabase[dict[str, Any]]
OTHER = "+14155550101"


@pytest.fixture
def office(database: Db) -> Office:
    return open_office(database)


async def end(
    office: Office, call: AnsweredCall, seconds: float, reason: EndedReason = EndedReason.CALLER_HANGUP
) -> Any:
    return await office.desk.end(call, reason=reason, fault=Fault.CALLER, elapsed_seconds=seconds)


async def standing(office: Office, call: AnsweredCall) -> Standing:
    return await office.ledger.standing(call.user_id, call.period_start)


async def test_a_call_is_admitted_answered_extended_and_settled(office: Office) -> None:
    user = await office.owner()
    call = await office.answered("CA1")
    assert (call.user_id, call.from_number, call.to_number) == (user, CALLER, "+14155550100")
    assert (call.granted_seconds, call.profile.business.company) == (60, "Bakery")
    assert await office.desk.beat(call, 19.3) == Beat(80, more_refused=False, ended=False)
    ended = await end(office, call, 33.01)
    assert (ended.status, ended.reason, ended.duration, ended.billable_seconds, ended.settled) == (
        CallStatus.COMPLETED,
        EndedReason.CALLER_HANGUP,
        34,
        34,
        True,
    )
    assert await standing(office, call) == Standing(calls=1, seconds=34)
    record = await office.conversation("CA1")
    assert (record["status"], record["endedReason"], record["fault"]) == ("completed", "caller-hangup", "caller")
    assert (record["billableSeconds"], record["overageSeconds"], record["counted"]) == (34, 0, True)
    assert "leaseUntil" not in record
    assert await office.reconciliation.reconcile() == []


async def test_a_repeated_webhook_gets_the_same_answer(office: Office) -> None:
    user = await office.owner(PlanName.BASIC)
    answers = await asyncio.gather(*(office.ring("CA1") for _ in range(10)))
    assert len(set(answers)) == 1
    assert isinstance(answers[0], Admitted)
    await office.desk.answer(answers[0].session_id, answers[0].media_token)
    assert await office.ring("CA1") == answers[0]
    assert await office.db.conversations.count_documents({}) == 1
    assert (await office.usage.check(user)).standing.live_calls == 1


async def test_a_call_to_nobodys_number_is_refused_and_recorded_nowhere(office: Office) -> None:
    refused = await office.ring("CA1", number="+14155550177")
    assert refused == Refused(EndedReason.NUMBER_UNASSIGNED, SENTENCES[EndedReason.NUMBER_UNASSIGNED])
    assert await office.db.conversations.count_documents({}) == 0
    assert await office.db.usage.count_documents({}) == 0


@pytest.mark.parametrize(
    ("bar", "reason"),
    [("suspend", EndedReason.ACCOUNT_SUSPENDED), ("cancel", EndedReason.SUBSCRIPTION_INACTIVE)],
)
async def test_a_barred_account_is_refused_and_the_call_recorded(office: Office, bar: str, reason: EndedReason) -> None:
    user = await office.owner()
    getattr(office.customers, bar)(user)
    refused = await office.ring("CA1")
    assert refused == Refused(reason, sentence_for(reason))
    assert await office.ring("CA1") == refused
    record = await office.conversation("CA1")
    assert (str(record["userId"]), record["status"], record["endedReason"]) == (user, "rejected", reason)
    assert (record["billableSeconds"], record["counted"], record["fault"]) == (0, False, "customer")
    assert await office.db.usage.count_documents({}) == 0


async def test_a_second_call_on_a_one_call_plan_is_refused_and_never_counted(office: Office) -> None:
    await office.owner()
    first = await office.answered("CA1")
    refused = await office.ring("CA2")
    assert isinstance(refused, Refused)
    assert refused.reason is EndedReason.CONCURRENCY_LIMIT
    await end(office, first, 10)
    assert await office.ring("CA2") == refused
    assert isinstance(await office.ring("CA3"), Admitted)
    assert (await standing(office, first)).calls == 1


async def test_a_used_up_plan_refuses_with_the_usage_limit(office: Office) -> None:
    user = await office.owner()
    await office.conversations.save_exchange(user, exchange(status=CallStatus.COMPLETED, duration=1_800))
    refused = await office.ring("CA1")
    assert isinstance(refused, Refused)
    assert refused.reason is EndedReason.USAGE_LIMIT


async def test_a_token_opens_its_call_once(office: Office) -> None:
    await office.owner(PlanName.BASIC)
    admitted = await office.ring("CA1")
    assert isinstance(admitted, Admitted)
    results = await asyncio.gather(
        *(office.desk.answer(admitted.session_id, admitted.media_token) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, AnsweredCall) for result in results) == 1
    assert sum(isinstance(result, CallNotWaitingError) for result in results) == 9


@pytest.mark.parametrize("token", ["", "x", "é", "\ud800", "A" * 43])
async def test_a_wrong_token_opens_nothing(office: Office, token: str) -> None:
    await office.owner()
    await office.ring("CA1")
    with pytest.raises(CallNotWaitingError):
        await office.desk.answer(SessionId("CA1"), token)
    assert (await office.conversation("CA1"))["status"] == "ringing"


async def test_a_token_opens_no_other_call(office: Office) -> None:
    await office.owner(PlanName.BASIC)
    first, second = await office.ring("CA1"), await office.ring("CA2")
    assert isinstance(first, Admitted)
    assert isinstance(second, Admitted)
    assert len(first.media_token) == 43
    with pytest.raises(CallNotWaitingError):
        await office.desk.answer(first.session_id, second.media_token)


async def test_a_call_that_was_recorded_elsewhere_cannot_be_answered(office: Office) -> None:
    user = await office.owner()
    await office.conversations.save_exchange(user, exchange("CA1"))
    refused = await office.ring("CA1")
    assert isinstance(refused, Refused)
    assert refused.reason is EndedReason.INTERNAL_ERROR
    assert (await office.conversation("CA1"))["carrier"] == "api"


async def test_whoever_answers_first_wins_even_when_the_answer_gets_lost(office: Office) -> None:
    await office.owner()
    admitted = await office.ring("CA1")
    assert isinstance(admitted, Admitted)
    async with lost_answers(office.db, "findAndModify", times=2):
        call = await office.desk.answer(admitted.session_id, admitted.media_token)
    answered_at = (await office.conversation("CA1"))["answeredAt"]
    assert call.answered_at == answered_at
    with pytest.raises(CallNotWaitingError):
        await office.desk.answer(admitted.session_id, admitted.media_token)


async def test_every_step_can_lose_its_answer_and_nothing_counts_twice(office: Office) -> None:
    await office.owner()
    async with lost_answers(office.db, "findAndModify", "update", times=3):
        call = await office.answered("CA1")
    async with lost_answers(office.db, "findAndModify", "update", times=3):
        await office.desk.beat(call, 20)
    async with lost_answers(office.db, "findAndModify", "update", times=3):
        await office.desk.save_turn(call, 1, said("Hello"), 21)
    async with lost_answers(office.db, "findAndModify", "update", times=3):
        ended = await end(office, call, 30)
    assert (ended.reason, ended.billable_seconds) == (EndedReason.CALLER_HANGUP, 30)
    assert await standing(office, call) == Standing(calls=1, seconds=30)
    assert (await office.conversation("CA1"))["turnCount"] == 1
    assert await office.reconciliation.reconcile() == []


async def test_ending_twice_reads_what_the_first_made_of_it(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    first = await end(office, call, 12.5)
    second = await end(office, call, 55, EndedReason.INTERNAL_ERROR)
    assert first == second
    assert (first.reason, first.billable_seconds) == (EndedReason.CALLER_HANGUP, 13)
    assert await standing(office, call) == Standing(calls=1, seconds=13)


async def test_ten_workers_that_end_one_call_settle_it_once(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    ended = await asyncio.gather(*(end(office, call, 10 + number) for number in range(10)))
    assert len({each.billable_seconds for each in ended}) == 1
    assert await standing(office, call) == Standing(calls=1, seconds=ended[0].billable_seconds)


async def test_nobody_is_billed_more_than_was_granted(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    ended = await end(office, call, 90)
    assert (ended.duration, ended.billable_seconds) == (90, 60)
    assert await standing(office, call) == Standing(calls=1, seconds=60)


async def test_an_answered_call_counts_even_without_a_second(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    await end(office, call, 0)
    assert await standing(office, call) == Standing(calls=1, seconds=0)


async def test_the_plan_ends_a_call_in_its_middle(office: Office) -> None:
    user = await office.owner()
    await office.conversations.save_exchange(user, exchange(status=CallStatus.COMPLETED, duration=1_725))
    call = await office.answered("CA1")
    beat = await office.desk.beat(call, 20)
    assert beat == Beat(75, more_refused=True, ended=False, reason=EndedReason.USAGE_LIMIT)
    assert (await office.desk.beat(call, 40)).granted_seconds == 75
    await end(office, call, 75, EndedReason.USAGE_LIMIT)
    assert (await standing(office, call)).seconds == 1_800


async def test_a_bigger_plan_in_the_middle_of_a_call_lets_it_go_on(office: Office) -> None:
    user = await office.owner()
    await office.conversations.save_exchange(user, exchange(status=CallStatus.COMPLETED, duration=1_740))
    call = await office.answered("CA1")
    assert (await office.desk.beat(call, 20)).more_refused
    office.customers.change_plan(user, PlanName.BASIC)
    assert await office.desk.beat(call, 40) == Beat(100, more_refused=False, ended=False)
    office.customers.change_plan(user, PlanName.FREE)
    assert await office.desk.beat(call, 60) == Beat(100, more_refused=True, ended=False, reason=EndedReason.USAGE_LIMIT)


async def test_a_suspension_in_the_middle_of_a_call_grants_nothing_more(office: Office) -> None:
    user = await office.owner()
    call = await office.answered("CA1")
    office.customers.suspend(user)
    assert await office.desk.beat(call, 20) == Beat(
        60, more_refused=True, ended=False, reason=EndedReason.ACCOUNT_SUSPENDED
    )


async def test_an_unlimited_plan_ends_a_call_only_at_the_longest_a_call_may_be(database: Db) -> None:
    office = open_office(database, max_call_seconds=120)
    await office.owner(PlanName.ENTERPRISE)
    call = await office.answered("CA1")
    assert await office.desk.beat(call, 40) == Beat(100, more_refused=False, ended=False)
    assert await office.desk.beat(call, 60) == Beat(
        120, more_refused=True, ended=False, reason=EndedReason.MAX_DURATION
    )
    assert call.limits.max_seconds == 120


async def test_a_beat_learns_that_somebody_else_ended_the_call(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    await end(office, call, 5)
    assert (await office.desk.beat(call, 20)).ended
    assert await standing(office, call) == Standing(calls=1, seconds=5)


def said(text: str, role: TurnRole = TurnRole.USER, **more: Any) -> Turn:
    return Turn(role, text, started_ms=1_000, ended_ms=2_000, **more)


async def test_turns_are_kept_as_they_are_spoken_each_once(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    answer = said(
        "We open at", TurnRole.ASSISTANT, interrupted=True, generated_text="We open at nine.",
        latency=TurnLatency(eou_delay_ms=500, server_e2e_ms=640), outcome=Outcome.HOURS,
    )  # fmt: skip
    await asyncio.gather(*(office.desk.save_turn(call, 1, said("$when do you open?"), 3.2) for _ in range(5)))
    await office.desk.save_turn(call, 3, said("Goodbye"), 9)
    await office.desk.save_turn(call, 2, answer, 6)
    await office.desk.save_turn(call, 2, said("something else"), 7)
    record = await office.conversation("CA1")
    assert [(turn["number"], turn["text"]) for turn in record["turns"]] == [
        (1, "$when do you open?"),
        (2, "We open at"),
        (3, "Goodbye"),
    ]
    assert (record["turnCount"], record["heartbeatSeconds"]) == (3, 9)
    second = record["turns"][1]
    assert (second["interrupted"], second["generatedText"]) == (True, "We open at nine.")
    assert second["latency"] == {"eouDelay": 500, "serverE2e": 640}
    assert second["outcome"] == "hours"
    assert "outcome" not in record["turns"][0]
    assert second["at"] == call.answered_at + timedelta(seconds=1)


async def test_a_very_long_turn_loses_its_end_and_not_the_call(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    await office.desk.save_turn(call, 1, said("x" * 9_000), 1)
    turn = (await office.conversation("CA1"))["turns"][0]
    assert (len(turn["text"]), turn["shortened"]) == (TURN_CHARS_MAX, True)


async def test_the_last_words_are_kept_after_the_call_has_ended(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    await end(office, call, 5)
    await office.desk.save_turn(call, 1, said("Bye"), 5)
    assert (await office.conversation("CA1"))["turns"][0]["text"] == "Bye"


async def test_no_conversation_has_more_than_two_thousand_turns(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    await office.db.conversations.update_one({}, {"$set": {"turnCount": 2_000}})
    await office.desk.save_turn(call, 2_001, said("one too many"), 5)
    assert (await office.conversation("CA1"))["turns"] == []


async def test_a_call_that_is_not_answered_frees_its_hold_and_counts_nothing(office: Office) -> None:
    user = await office.owner()
    admitted = await office.ring("CA1")
    assert isinstance(admitted, Admitted)
    await asyncio.gather(*(office.desk.carrier_reported(SessionId("CA1"), "no-answer") for _ in range(3)))
    record = await office.conversation("CA1")
    assert (record["status"], record["endedReason"], record["carrierStatus"]) == (
        "abandoned",
        "caller-hangup",
        "no-answer",
    )
    assert (await office.usage.check(user)).standing == Standing()
    with pytest.raises(CallNotWaitingError):
        await office.desk.answer(admitted.session_id, admitted.media_token)
    again = await office.ring("CA1")
    assert isinstance(again, Refused)
    assert isinstance(await office.ring("CA2"), Admitted)


async def test_the_carriers_words_only_go_forward(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    words = ["in-progress", "ringing", "queued", "nonsense", "completed", "failed", "in-progress"]
    seen = []
    for word in words:
        await office.desk.carrier_reported(SessionId("CA1"), word)
        seen.append((await office.conversation("CA1"))["carrierStatus"])
    assert seen == ["in-progress"] * 4 + ["completed"] * 3
    assert (await office.conversation("CA1"))["status"] == "in-progress"
    await end(office, call, 3, EndedReason.ASSISTANT_HANGUP)
    await office.desk.carrier_reported(SessionId("CA1"), "completed")
    assert (await office.conversation("CA1"))["endedReason"] == "assistant-hangup"


async def test_a_report_about_an_unknown_call_is_passed_over(office: Office) -> None:
    await office.desk.carrier_reported(SessionId("nobody's"), "completed")
    assert await office.db.conversations.count_documents({}) == 0


async def test_a_call_stays_in_the_period_in_which_it_was_admitted(office: Office) -> None:
    user = await office.owner()
    boundary = (await office.usage.check(user)).period.end
    office.clock.time = boundary - timedelta(seconds=1)
    call = await office.answered("CA1")
    office.clock.time = boundary + timedelta(seconds=1)
    assert (await office.desk.beat(call, 20)).granted_seconds == 80
    assert await office.ring("CA1") == await office.ring("CA1")
    await end(office, call, 40)
    assert call.period_start < boundary
    assert await standing(office, call) == Standing(calls=1, seconds=40)
    assert (await office.usage.check(user)).standing == Standing()
    assert await office.reconciliation.reconcile() == []


async def test_a_webhook_repeated_after_the_period_ended_holds_nothing_in_the_next(office: Office) -> None:
    user = await office.owner()
    boundary = (await office.usage.check(user)).period.end
    office.clock.time = boundary - timedelta(seconds=1)
    first = await office.ring("CA1")
    office.clock.time = boundary + timedelta(seconds=1)
    assert await office.ring("CA1") == first
    assert [len(period.holds) for period in await office.ledger.periods(user)] == [1]
    assert (await office.usage.check(user)).standing == Standing()


async def test_fifty_callers_at_once_get_as_many_lines_as_the_plan_has(office: Office) -> None:
    user = await office.owner(PlanName.BASIC)
    answers = await asyncio.gather(*(office.desk.ring(incoming(f"CA{number}")) for number in range(50)))
    assert sum(isinstance(answer, Admitted) for answer in answers) == 3
    assert (await office.usage.check(user)).standing.live_calls == 3
    rejected = await office.db.conversations.count_documents({"status": "rejected", "endedReason": "concurrency-limit"})
    assert rejected == 47


async def test_one_session_id_under_two_users_is_two_calls(office: Office) -> None:
    first, second = await office.owner(), await office.owner(number=OTHER)
    await office.ring("same")
    await office.ring("same", number=OTHER)
    owners = {str(found["userId"]) async for found in office.db.conversations.find({})}
    assert owners == {first, second}
