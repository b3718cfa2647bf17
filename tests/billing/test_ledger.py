import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.lost_answers import lost_answers
from tests.support.metered_calls import PERIOD, metered, new_user, past, seconds_of, soon, usage_document

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Granted, Hold, RefusalReason, Refused, Standing
from callgenie.billing.plans import PLANS
from callgenie.kernel.vocabulary import PlanName

Db = AsyncDatabase[dict[str, Any]]
FREE, BASIC, ENTERPRISE = PLANS[PlanName.FREE], PLANS[PlanName.BASIC], PLANS[PlanName.ENTERPRISE]


async def test_an_admission_holds_a_minute_and_one_call(ledger: UsageLedger) -> None:
    call = metered(new_user())
    assert await ledger.admit(call, FREE, admit_by=soon()) == Granted(Hold(60))
    assert await ledger.standing(call.user_id, PERIOD) == Standing(held_calls=1, held_seconds=60, live_calls=1)
    assert await ledger.hold_of(call) == Hold(60)


async def test_the_same_admission_again_finds_its_hold(ledger: UsageLedger) -> None:
    call = metered(new_user())
    answers = [await ledger.admit(call, FREE, admit_by=soon()) for _ in range(3)]
    assert answers == [Granted(Hold(60))] * 3
    assert (await ledger.standing(call.user_id, PERIOD)).held_seconds == 60


async def test_fewer_seconds_than_a_minute_are_held_when_no_more_are_left(ledger: UsageLedger) -> None:
    user = new_user()
    await use(ledger, user, 1_790)
    assert seconds_of(await ledger.admit(metered(user), FREE, admit_by=soon())) == 10


async def test_a_full_plan_refuses_one_more_call_and_says_why(ledger: UsageLedger) -> None:
    talkative, frequent, busy = new_user(), new_user(), new_user()
    await use(ledger, talkative, 1_800)
    for number in range(10):
        await use(ledger, frequent, 1, name=f"old-{number}")
    await ledger.admit(metered(busy, "first"), FREE, admit_by=soon())
    reasons = [await ledger.admit(metered(user), FREE, admit_by=soon()) for user in (talkative, frequent, busy)]
    assert reasons == [
        Refused(RefusalReason.MINUTE_LIMIT_REACHED),
        Refused(RefusalReason.CALL_LIMIT_REACHED),
        Refused(RefusalReason.CONCURRENCY_LIMIT_REACHED),
    ]


async def test_calls_in_progress_count_against_the_call_limit(ledger: UsageLedger) -> None:
    user, plan = new_user(), replace(BASIC, calls=2)
    answers = [await ledger.admit(metered(user, f"CA{number}"), plan, admit_by=soon()) for number in range(3)]
    assert answers == [Granted(Hold(60)), Granted(Hold(60)), Refused(RefusalReason.CALL_LIMIT_REACHED)]


async def test_an_unlimited_plan_limits_only_calls_at_the_same_time(ledger: UsageLedger) -> None:
    user = new_user()
    await use(ledger, user, 10_000_000, plan=ENTERPRISE)
    answers = [await ledger.admit(metered(user, f"CA{number}"), ENTERPRISE, admit_by=soon()) for number in range(51)]
    assert answers == [Granted(Hold(60))] * 50 + [Refused(RefusalReason.CONCURRENCY_LIMIT_REACHED)]
    extended = await ledger.extend(metered(user, "CA0"), ENTERPRISE, total_seconds=50_000)
    assert extended == Hold(50_000)


async def test_a_settlement_counts_once_however_often_it_comes(ledger: UsageLedger) -> None:
    call = metered(new_user())
    await ledger.admit(call, FREE, admit_by=soon())
    await asyncio.gather(*(ledger.settle(call, billable_seconds=42, counted=True) for _ in range(20)))
    await ledger.settle(call, billable_seconds=42, counted=True)
    assert await ledger.standing(call.user_id, PERIOD) == Standing(calls=1, seconds=42)


@pytest.mark.parametrize("lost", [1, 3])
async def test_answers_that_get_lost_change_nothing(database: Db, ledger: UsageLedger, lost: int) -> None:
    call = metered(new_user())
    async with lost_answers(database, "findAndModify", times=lost):
        assert await ledger.admit(call, FREE, admit_by=soon()) == Granted(Hold(60))
    async with lost_answers(database, "findAndModify", times=lost):
        assert await ledger.extend(call, FREE, total_seconds=80) == Hold(80)
    async with lost_answers(database, "findAndModify", times=lost):
        await ledger.settle(call, billable_seconds=70, counted=True)
    assert await ledger.standing(call.user_id, PERIOD) == Standing(calls=1, seconds=70)


async def test_a_settlement_never_takes_more_than_was_held(ledger: UsageLedger) -> None:
    call = metered(new_user())
    await ledger.admit(call, FREE, admit_by=soon())
    await ledger.settle(call, billable_seconds=3_000, counted=True)
    assert (await ledger.standing(call.user_id, PERIOD)).seconds == 60


async def test_letting_go_counts_nothing(ledger: UsageLedger) -> None:
    call = metered(new_user())
    await ledger.admit(call, FREE, admit_by=soon())
    await ledger.settle(call, billable_seconds=0, counted=False)
    assert await ledger.standing(call.user_id, PERIOD) == Standing()


async def test_an_extension_is_absolute_and_never_shrinks_a_hold(ledger: UsageLedger) -> None:
    call = metered(new_user())
    await ledger.admit(call, FREE, admit_by=soon())
    held = [await ledger.extend(call, FREE, total_seconds=total) for total in (80, 80, 100, 80, 0)]
    assert held == [Hold(80), Hold(80), Hold(100), Hold(100), Hold(100)]


async def test_an_extension_takes_what_is_left_and_no_more(ledger: UsageLedger) -> None:
    user = new_user()
    await use(ledger, user, 1_735)
    await ledger.admit(metered(user), FREE, admit_by=soon())
    assert await ledger.extend(metered(user), FREE, total_seconds=80) == Hold(65)
    assert await ledger.extend(metered(user), FREE, total_seconds=100) == Hold(65)
    standing = await ledger.standing(user, PERIOD)
    assert standing.seconds + standing.held_seconds == 1_800


async def test_without_a_hold_there_is_nothing_to_extend(ledger: UsageLedger) -> None:
    call = metered(new_user())
    assert await ledger.extend(call, FREE, total_seconds=80) is None
    await ledger.admit(call, FREE, admit_by=soon())
    await ledger.settle(call, billable_seconds=5, counted=True)
    assert await ledger.extend(call, FREE, total_seconds=80) is None
    assert await ledger.standing(call.user_id, PERIOD) == Standing(calls=1, seconds=5)


async def test_an_extension_renews_the_lease(database: Db, ledger: UsageLedger) -> None:
    call = metered(new_user())
    await ledger.admit(call, FREE, admit_by=soon())
    before = (await usage_document(database, call))["nextExpiryAt"]
    await asyncio.sleep(0.02)
    await ledger.extend(call, FREE, total_seconds=60)
    after = await usage_document(database, call)
    assert after["nextExpiryAt"] == after["holds"][call.hold_key]["expiresAt"] > before


async def test_a_smaller_plan_takes_effect_at_the_next_step_and_breaks_no_promise(ledger: UsageLedger) -> None:
    user = new_user()
    await use(ledger, user, 1_900, plan=BASIC)
    await ledger.admit(metered(user), BASIC, admit_by=soon())
    assert await ledger.extend(metered(user), FREE, total_seconds=80) == Hold(60)
    assert await ledger.admit(metered(user, "CA2"), FREE, admit_by=soon()) == Refused(
        RefusalReason.MINUTE_LIMIT_REACHED
    )
    assert await ledger.extend(metered(user), BASIC, total_seconds=80) == Hold(80)


async def test_an_admission_that_comes_after_the_settlement_is_refused(ledger: UsageLedger) -> None:
    call = metered(new_user())
    await ledger.admit(call, FREE, admit_by=soon())
    await ledger.settle(call, billable_seconds=30, counted=True)
    assert await ledger.admit(call, FREE, admit_by=soon()) == Refused(RefusalReason.ALREADY_SETTLED)
    assert await ledger.standing(call.user_id, PERIOD) == Standing(calls=1, seconds=30)


async def test_an_admission_that_comes_after_the_call_was_let_go_is_refused(ledger: UsageLedger) -> None:
    call = metered(new_user())
    await ledger.settle(call, billable_seconds=0, counted=False)
    assert await ledger.admit(call, FREE, admit_by=soon()) == Refused(RefusalReason.ALREADY_SETTLED)


async def test_an_admission_after_its_deadline_is_refused(database: Db, ledger: UsageLedger) -> None:
    call = metered(new_user())
    await ledger.admit(call, FREE, admit_by=soon())
    await ledger.settle(call, billable_seconds=30, counted=True)
    await forget_the_past(database)
    assert await ledger.admit(call, FREE, admit_by=past()) == Refused(RefusalReason.TOO_LATE)
    assert await ledger.standing(call.user_id, PERIOD) == Standing(calls=1, seconds=30)


async def test_what_is_gone_is_forgotten_after_a_minute(database: Db, ledger: UsageLedger) -> None:
    user = new_user()
    for number in range(5):
        await use(ledger, user, 1, name=f"old-{number}")
    assert len((await usage_document(database, metered(user)))["gone"]) == 5
    await database.usage.update_many(
        {}, [{"$set": {"gone.at": {"$subtract": ["$$NOW", timedelta(seconds=61) // timedelta(milliseconds=1)]}}}]
    )
    await ledger.admit(metered(user), FREE, admit_by=soon())
    assert (await usage_document(database, metered(user)))["gone"] == []


async def test_a_session_id_may_hold_anything(database: Db, ledger: UsageLedger) -> None:
    user = new_user()
    names = ["a.b", "$set", "holds.x", "", "ü/🎧", "x" * 1_000, "$$NOW", "0"]
    for name in names:
        assert seconds_of(await ledger.admit(metered(user, name), ENTERPRISE, admit_by=soon())) == 60
    document = await usage_document(database, metered(user))
    assert {hold["sessionId"] for hold in document["holds"].values()} == set(names)


async def test_each_period_has_limits_of_its_own(ledger: UsageLedger) -> None:
    user = new_user()
    await use(ledger, user, 1_800)
    following = metered(user, "next", PERIOD + timedelta(days=28))
    assert seconds_of(await ledger.admit(following, FREE, admit_by=soon())) == 60
    await ledger.settle(following, billable_seconds=10, counted=True)
    assert await ledger.standing(user, PERIOD) == Standing(calls=1, seconds=1_800)
    assert await ledger.standing(user, following.period_start) == Standing(calls=1, seconds=10)


async def test_a_recorded_call_takes_what_fits_and_no_place_among_calls_in_progress(ledger: UsageLedger) -> None:
    user = new_user()
    await use(ledger, user, 1_780)
    held = await ledger.admit_recorded(metered(user, "api"), FREE, duration=50, admit_by=soon())
    assert held == Granted(Hold(20, calls=1, live=False))
    assert await ledger.admit_recorded(metered(user, "api"), FREE, duration=50, admit_by=soon()) == held
    over = await ledger.admit_recorded(metered(user, "api-2"), FREE, duration=50, admit_by=soon())
    assert over == Granted(Hold(0, calls=1, live=False))
    assert (await ledger.standing(user, PERIOD)).live_calls == 0


async def test_a_recorded_call_beyond_the_call_limit_is_not_counted(ledger: UsageLedger) -> None:
    user, plan = new_user(), replace(BASIC, calls=1)
    first = await ledger.admit_recorded(metered(user, "1"), plan, duration=5, admit_by=soon())
    second = await ledger.admit_recorded(metered(user, "2"), plan, duration=5, admit_by=soon())
    assert (first, second) == (Granted(Hold(5, 1, live=False)), Granted(Hold(5, 0, live=False)))


async def test_holds_are_found_once_their_lease_has_run_out(database: Db, ledger: UsageLedger) -> None:
    user = new_user()
    for name in ("alive", "dead.$1", "dead.$2"):
        await ledger.admit(metered(user, name), ENTERPRISE, admit_by=soon())
    assert await ledger.find_expired_of_any_user(10) == []
    document = await usage_document(database, metered(user))
    for hold in document["holds"].values():
        if hold["sessionId"] != "alive":
            hold["expiresAt"] = past()
    document["nextExpiryAt"] = past()
    await database.usage.replace_one({"_id": document["_id"]}, document)
    found = await ledger.find_expired_of_any_user(10)
    assert {call.session_id for call in found} == {"dead.$1", "dead.$2"}
    assert {(call.user_id, call.period_start) for call in found} == {(user, PERIOD)}
    assert len(await ledger.find_expired_of_any_user(1)) == 1


async def use(ledger: UsageLedger, user: Any, seconds: int, *, name: str = "earlier", plan: Any = FREE) -> None:
    """Use up seconds by a call that was."""
    generous = replace(plan, concurrent=100)
    call = metered(user, name)
    await ledger.admit(call, generous, admit_by=soon())
    await ledger.extend(call, generous, total_seconds=seconds)
    await ledger.settle(call, billable_seconds=seconds, counted=True)


async def forget_the_past(database: Db) -> None:
    await database.usage.update_many({}, {"$set": {"gone": []}})
