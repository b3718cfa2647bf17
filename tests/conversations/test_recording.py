import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.lost_answers import lost_answers
from tests.support.metering import Office, exchange

from callgenie.billing.models import RefusalReason, Standing
from callgenie.conversations.errors import ConversationFullError, InvalidExchangeError, SessionConflictError
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault, PlanName

DONE = CallStatus.COMPLETED


async def texts(office: Office, session_id: str = "s-1") -> list[str]:
    return [turn["text"] for turn in (await office.conversation(session_id))["turns"]]


async def test_an_exchange_makes_a_conversation_and_the_next_is_added(office: Office) -> None:
    user = office.customers.add()
    first = await office.conversations.save_exchange(user, exchange(metrics={"transcriptionTime": 120}))
    second = await office.conversations.save_exchange(
        user, exchange(user_message="When do you open?", ai_response="$At nine.", metrics={"responseTime": 0.5})
    )
    assert (first.created, second.created) == (True, False)
    assert (first.conversation.turn_count, second.conversation.turn_count) == (2, 4)
    record = await office.conversation("s-1")
    assert [(turn["number"], turn["role"], turn["text"]) for turn in record["turns"]] == [
        (1, "user", "Hello"),
        (2, "assistant", "Hi, how can I help?"),
        (3, "user", "When do you open?"),
        (4, "assistant", "$At nine."),
    ]
    assert record["metrics"] == {"transcriptionTime": 120, "responseTime": 0.5}
    assert (record["status"], record["carrier"], "leaseUntil" in record) == ("in-progress", "api", False)
    assert await office.db.usage.count_documents({}) == 0


async def test_a_completed_call_is_settled_once_and_the_answer_says_what_is_left(office: Office) -> None:
    user = office.customers.add()
    saved = await office.conversations.save_exchange(user, exchange(duration=30, status=DONE))
    assert (saved.conversation.billable_seconds, saved.conversation.overage_seconds) == (30, 0)
    assert (saved.conversation.counted, saved.usage.standing) == (True, Standing(calls=1, seconds=30))
    changes: list[dict[str, Any]] = [{}, {"duration": 31}, {"exchange_id": "another"}, {"status": None}]
    for changed in changes:
        fields: dict[str, Any] = {"duration": 30, "status": DONE} | changed
        again = await office.conversations.save_exchange(user, exchange(**fields))
        assert again.usage.standing == Standing(calls=1, seconds=30)
    record = await office.conversation("s-1")
    assert (record["duration"], record["billableSeconds"], "leaseUntil" in record) == (30, 30, False)
    assert record["endedAt"] - record["startedAt"] == timedelta(seconds=30)
    assert await office.reconciliation.reconcile() == []


async def test_what_does_not_fit_the_plan_is_kept_as_overage(office: Office) -> None:
    user = office.customers.add()
    await office.conversations.save_exchange(user, exchange("a", duration=1_790, status=DONE))
    over = await office.conversations.save_exchange(user, exchange("b", duration=25, status=DONE))
    assert (over.conversation.billable_seconds, over.conversation.overage_seconds) == (10, 15)
    assert over.usage.reason is RefusalReason.MINUTE_LIMIT_REACHED
    beyond = await office.conversations.save_exchange(user, exchange("c", duration=25, status=DONE))
    assert (beyond.conversation.billable_seconds, beyond.conversation.overage_seconds) == (0, 25)
    assert beyond.usage.standing == Standing(calls=3, seconds=1_800)
    assert await office.reconciliation.reconcile() == []


async def test_a_call_beyond_the_call_limit_is_kept_and_not_counted(office: Office) -> None:
    user = office.customers.add()
    saved = [
        await office.conversations.save_exchange(user, exchange(f"s-{number}", duration=1, status=DONE))
        for number in range(12)
    ]
    assert [each.conversation.counted for each in saved] == [True] * 10 + [False] * 2
    assert saved[-1].usage.standing.calls == 10
    assert saved[-1].usage.reason is RefusalReason.CALL_LIMIT_REACHED
    assert await office.db.conversations.count_documents({}) == 12
    assert await office.reconciliation.reconcile() == []


async def test_recorded_calls_do_not_take_the_line_of_a_live_one(office: Office) -> None:
    user = await office.owner()
    await office.answered("CA1")
    saved = await office.conversations.save_exchange(user, exchange(duration=5, status=DONE))
    assert (saved.conversation.billable_seconds, saved.conversation.counted) == (5, True)
    assert (saved.usage.standing.live_calls, saved.usage.standing.calls) == (1, 1)


async def test_an_unlimited_plan_takes_everything(office: Office) -> None:
    user = office.customers.add(PlanName.ENTERPRISE)
    saved = await office.conversations.save_exchange(user, exchange(duration=86_400, status=DONE))
    assert (saved.conversation.billable_seconds, saved.conversation.overage_seconds) == (86_400, 0)
    assert saved.usage.allowed


async def test_twenty_requests_at_once_record_one_exchange_and_settle_one_call(office: Office) -> None:
    user = office.customers.add()
    done = exchange(duration=30, status=DONE)
    saved = await asyncio.gather(*(office.conversations.save_exchange(user, done) for _ in range(20)))
    assert sum(each.created for each in saved) == 1
    assert await texts(office) == ["Hello", "Hi, how can I help?"]
    assert (await office.usage.check(user)).standing == Standing(calls=1, seconds=30)


async def test_twenty_different_exchanges_at_once_are_all_kept(office: Office) -> None:
    user = office.customers.add()
    await asyncio.gather(
        *(
            office.conversations.save_exchange(user, exchange(exchange_id=f"e-{n}", user_message=f"{n}"))
            for n in range(20)
        )
    )
    record = await office.conversation("s-1")
    assert [turn["number"] for turn in record["turns"]] == list(range(1, 41))
    assert {turn["text"] for turn in record["turns"][::2]} == {str(number) for number in range(20)}
    assert sorted(record["exchangeIds"]) == sorted(f"e-{number}" for number in range(20))


async def test_the_same_exchange_id_is_recorded_once_whatever_it_says(office: Office) -> None:
    user = office.customers.add()
    for message in ("first", "second", "first"):
        await office.conversations.save_exchange(user, exchange(exchange_id="e.$1", user_message=message))
    assert await texts(office) == ["first", "Hi, how can I help?"]


async def test_without_an_id_a_repetition_is_dropped_and_the_same_words_later_are_not(office: Office) -> None:
    user = office.customers.add()
    for message in ("yes", "yes", "no", "no", "yes"):
        await office.conversations.save_exchange(user, exchange(user_message=message))
    assert (await texts(office))[::2] == ["yes", "no", "yes"]


@pytest.mark.parametrize("lost", [1, 4])
async def test_answers_that_get_lost_double_nothing(office: Office, lost: int) -> None:
    user = office.customers.add()
    async with lost_answers(office.db, "findAndModify", "update", times=lost):
        await office.conversations.save_exchange(user, exchange(duration=30, status=DONE))
    assert len(await texts(office)) == 2
    assert (await office.usage.check(user)).standing == Standing(calls=1, seconds=30)
    assert await office.reconciliation.reconcile() == []


async def test_a_call_that_is_completed_later_is_settled_then(office: Office) -> None:
    user = office.customers.add()
    await office.conversations.save_exchange(user, exchange(duration=10))
    assert (await office.usage.check(user)).standing == Standing()
    unknown = await office.conversations.save_exchange(user, exchange("s-2", status=DONE))
    assert (unknown.conversation.billable_seconds, unknown.usage.standing) == (None, Standing())
    await office.conversations.save_exchange(user, exchange("s-2", duration=7))
    completed = await office.conversations.save_exchange(user, exchange(status=DONE))
    assert completed.conversation.billable_seconds == 10
    assert completed.usage.standing == Standing(calls=2, seconds=17)


@pytest.mark.parametrize("status", [CallStatus.FAILED, CallStatus.ABANDONED])
async def test_a_call_that_came_to_nothing_is_kept_and_never_counted(office: Office, status: CallStatus) -> None:
    user = office.customers.add()
    await office.conversations.save_exchange(user, exchange(duration=30, status=status))
    after = await office.conversations.save_exchange(user, exchange(duration=30, status=DONE))
    assert (after.conversation.status, after.conversation.billable_seconds) == (status, None)
    assert after.usage.standing == Standing()


async def test_a_completed_call_takes_further_words_and_stays_completed(office: Office) -> None:
    user = office.customers.add()
    await office.conversations.save_exchange(user, exchange(duration=30, status=DONE))
    later = await office.conversations.save_exchange(
        user, exchange(user_message="PS", status=CallStatus.IN_PROGRESS, duration=50)
    )
    assert (later.conversation.status, later.conversation.duration, later.conversation.turn_count) == (DONE, 30, 4)


async def test_a_call_counts_in_the_period_in_which_it_was_answered(office: Office) -> None:
    user = office.customers.add()
    present = (await office.usage.check(user)).period
    earlier = present.start - timedelta(milliseconds=1)
    for name, moment in (("before", earlier), ("first", present.start)):
        await office.conversations.save_exchange(user, exchange(name, duration=30, status=DONE, started_at=moment))
    assert (await office.usage.check(user)).standing == Standing(calls=1, seconds=30)
    office.clock.time = earlier
    assert (await office.usage.check(user)).standing == Standing(calls=1, seconds=30)
    assert (await office.conversation("before"))["startedAt"] == earlier
    assert await office.reconciliation.reconcile() == []


async def test_calls_from_before_the_anchor_share_the_first_period(office: Office) -> None:
    user = office.customers.add(anchor=office.clock.now() - timedelta(days=3))
    for number, day in enumerate((datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 2, 1, tzinfo=UTC))):
        saved = await office.conversations.save_exchange(
            user, exchange(f"s-{number}", duration=1_000, status=DONE, started_at=day)
        )
        assert saved.conversation.started_at == day
    assert (saved.conversation.billable_seconds, saved.conversation.overage_seconds) == (800, 200)
    assert saved.usage.standing == Standing(calls=2, seconds=1_800)
    assert await office.db.usage.count_documents({}) == 1
    assert await office.reconciliation.reconcile() == []


async def test_a_call_delivered_late_takes_what_its_own_period_has_left(office: Office) -> None:
    user = office.customers.add()
    earlier = (await office.usage.check(user)).period.start - timedelta(days=1)
    for name, billable in (("a", 1_000), ("b", 800), ("c", 0)):
        saved = await office.conversations.save_exchange(
            user, exchange(name, duration=1_000, status=DONE, started_at=earlier)
        )
        assert (saved.conversation.billable_seconds, saved.usage.standing) == (billable, Standing())


async def test_a_call_of_which_only_the_duration_is_said_ended_when_that_was_said(office: Office) -> None:
    user = office.customers.add()
    said_at = _in_milliseconds(office.clock.now())
    saved = await office.conversations.save_exchange(user, exchange(duration=5_000))
    began = said_at - timedelta(seconds=5_000)
    assert (saved.conversation.started_at, saved.conversation.answered_at) == (began, began)
    office.clock.time += timedelta(hours=1)
    later = await office.conversations.save_exchange(user, exchange(user_message="Bye", duration=5_060, status=DONE))
    assert later.conversation.started_at == began
    assert later.conversation.ended_at == began + timedelta(seconds=5_060)


async def test_a_call_that_lasted_across_a_periods_start_counts_where_it_began(office: Office) -> None:
    user = office.customers.add()
    office.clock.time = (await office.usage.check(user)).period.start + timedelta(seconds=10)
    saved = await office.conversations.save_exchange(user, exchange(duration=30, status=DONE))
    assert (saved.conversation.billable_seconds, saved.usage.standing) == (30, Standing())


async def test_a_call_that_is_over_has_not_ended_later_than_now(office: Office) -> None:
    user = office.customers.add()
    await office.conversations.save_exchange(user, exchange())
    office.clock.time += timedelta(seconds=20)
    saved = await office.conversations.save_exchange(user, exchange(duration=30, status=DONE))
    assert saved.conversation.ended_at == _in_milliseconds(office.clock.now())
    ahead = office.clock.now() + timedelta(seconds=60)
    saved = await office.conversations.save_exchange(user, exchange("s-2", duration=30, status=DONE, started_at=ahead))
    assert saved.conversation.ended_at == saved.conversation.started_at


def _in_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


async def test_a_session_id_stands_for_one_call(office: Office) -> None:
    user = await office.owner()
    await office.conversations.save_exchange(user, exchange())
    with pytest.raises(SessionConflictError):
        await office.conversations.save_exchange(user, exchange(phone_number="+14155550998"))
    call = await office.answered("CA1")
    with pytest.raises(SessionConflictError):
        await office.conversations.save_exchange(user, exchange("CA1"))
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=1)
    other = await office.conversations.save_exchange(office.customers.add(), exchange(phone_number="+14155550998"))
    assert other.created


async def test_a_full_conversation_takes_no_more(office: Office) -> None:
    user = office.customers.add()
    await office.conversations.save_exchange(user, exchange())
    await office.db.conversations.update_one({}, {"$set": {"turnCount": 1_999}})
    with pytest.raises(ConversationFullError):
        await office.conversations.save_exchange(user, exchange(user_message="one", ai_response="too many"))
    assert len(await texts(office)) == 2


async def test_a_side_that_said_nothing_makes_no_turn(office: Office) -> None:
    user = office.customers.add()
    await office.conversations.save_exchange(user, exchange(user_message=""))
    assert await texts(office) == ["Hi, how can I help?"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("session_id", ""),
        ("session_id", "x" * 201),
        ("phone_number", "4155550100"),
        ("user_message", "x" * 8_001),
        ("ai_response", "x" * 8_001),
        ("duration", -1),
        ("duration", 86_401),
        ("status", CallStatus.RINGING),
        ("exchange_id", ""),
        ("started_at", datetime(2026, 3, 1)),  # noqa: DTZ001 -- a time without a zone is the point
        ("started_at", datetime(1999, 1, 1, tzinfo=UTC)),
        ("started_at", datetime.now(UTC) + timedelta(days=1)),
    ],
)
async def test_what_makes_no_sense_is_refused_and_named(office: Office, field: str, value: Any) -> None:
    given = exchange()
    with pytest.raises(InvalidExchangeError) as refused:
        await office.conversations.save_exchange(
            office.customers.add(), type(given)(**({name: getattr(given, name) for name in FIELDS} | {field: value}))
        )
    assert [fault.field.lower() for fault in refused.value.faults] == [field.replace("_", "")]
    assert await office.db.conversations.count_documents({}) == 0


FIELDS = ("session_id", "phone_number", "user_message", "ai_response")
