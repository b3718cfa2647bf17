import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.lost_answers import lost_answers
from tests.support.metered_calls import new_user

from callgenie.numbers.errors import (
    NoNumberAvailableError,
    NumberNotAssignedError,
    NumberNotInPoolError,
    NumberTakenError,
)
from callgenie.numbers.models import AssignedNumber, ImportReport, NumberState, NumberWish, SkippedLine
from callgenie.numbers.service import EXAMPLES_MAX, NumberPool

Db = AsyncDatabase[dict[str, Any]]
ANY = NumberWish()


def american(count: int, area_code: str = "415") -> list[str]:
    return [f"+1{area_code}555{number:04}" for number in range(count)]


async def test_an_import_says_what_became_of_each_line(pool: NumberPool, database: Db) -> None:
    lines = ["\ufeff+14155550100\r\n", "", "# ours", "+1 415 555 0100", "+442079460000\n", "nonsense", "14155550101"]
    assert await pool.import_numbers(lines) == ImportReport(
        added=2,
        already_there=1,
        skipped=2,
        examples=(
            SkippedLine(6, "nonsense", "does not start with + and a country code"),
            SkippedLine(7, "14155550101", "does not start with + and a country code"),
        ),
    )
    stored = await database.phonenumbers.find({}).sort("_id", 1).to_list()
    assert stored == [
        {"_id": "+14155550100", "state": "free", "country": "US", "areaCode": "415"},
        {"_id": "+442079460000", "state": "free", "country": "GB", "areaCode": "20"},
    ]


async def test_an_import_can_be_repeated_and_leaves_assigned_numbers_alone(pool: NumberPool) -> None:
    user = new_user()
    await pool.import_numbers(american(3))
    before = await pool.assign(user, ANY)
    assert await pool.import_numbers(american(4)) == ImportReport(added=1, already_there=3)
    assert await pool.number_of(user) == before


async def test_a_large_import_is_read_in_pieces(pool: NumberPool, database: Db) -> None:
    read = 0

    def lines() -> Any:
        nonlocal read
        for number in range(2_500):
            read += 1
            yield f"+1415{2_000_000 + number}"

    assert await pool.import_numbers(lines()) == ImportReport(added=2_500)
    assert await database.phonenumbers.count_documents({}) == read == 2_500


async def test_a_file_that_is_no_list_of_numbers_does_not_fill_the_memory(pool: NumberPool) -> None:
    report = await pool.import_numbers(f"line {number} {'x' * 100}" for number in range(3_000))
    assert (report.added, report.skipped, len(report.examples)) == (0, 3_000, EXAMPLES_MAX)
    assert max(len(skipped.text) for skipped in report.examples) <= 40


async def test_a_user_gets_a_number_and_keeps_it(pool: NumberPool) -> None:
    user = new_user()
    await pool.import_numbers(american(2))
    assigned = await pool.assign(user, ANY)
    assert assigned.user_id == user
    assert [await pool.assign(user, wish) for wish in (ANY, NumberWish(number="+14155550001"))] == [assigned] * 2
    assert await pool.number_of(user) == assigned
    assert await pool.owner_of(assigned.number) == user


async def test_a_wish_is_granted_or_refused_but_never_bent(pool: NumberPool) -> None:
    await pool.import_numbers(["+14155550100", "+12125550100", "+442079460000"])
    british = await pool.assign(new_user(), NumberWish(country="GB"))
    local = await pool.assign(new_user(), NumberWish(country="US", area_code="212"))
    exact = await pool.assign(new_user(), NumberWish(number="+14155550100"))
    assert [number.number for number in (british, local, exact)] == ["+442079460000", "+12125550100", "+14155550100"]
    for wish, error in (
        (NumberWish(country="GB"), NoNumberAvailableError),
        (NumberWish(country="US", area_code="999"), NoNumberAvailableError),
        (NumberWish(number="+14155550100"), NumberTakenError),
        (NumberWish(number="+14155559999"), NoNumberAvailableError),
        (ANY, NoNumberAvailableError),
    ):
        with pytest.raises(error):
            await pool.assign(new_user(), wish)


async def test_two_hundred_users_who_race_for_a_hundred_numbers_get_one_each(pool: NumberPool, database: Db) -> None:
    await pool.import_numbers(american(100))
    users = [new_user() for _ in range(200)]
    answers = await asyncio.gather(*(pool.assign(user, ANY) for user in users), return_exceptions=True)
    assigned = [answer for answer in answers if isinstance(answer, AssignedNumber)]
    assert len(assigned) == 100
    assert sum(isinstance(answer, NoNumberAvailableError) for answer in answers) == 100
    assert max(Counter(each.number for each in assigned).values()) == 1
    assert max(Counter(each.user_id for each in assigned).values()) == 1
    assert await database.phonenumbers.count_documents({"state": "assigned"}) == 100


async def test_one_user_who_asks_twenty_times_at_once_gets_one_number(pool: NumberPool, database: Db) -> None:
    user = new_user()
    await pool.import_numbers(american(50))
    answers = await asyncio.gather(*(pool.assign(user, ANY) for _ in range(20)))
    assert len(set(answers)) == 1
    assert await database.phonenumbers.count_documents({"state": "assigned"}) == 1


async def test_twenty_users_who_want_the_same_number_leave_one_happy(pool: NumberPool) -> None:
    await pool.import_numbers(american(5))
    wish = NumberWish(number="+14155550003")
    answers = await asyncio.gather(*(pool.assign(new_user(), wish) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, AssignedNumber) for answer in answers) == 1
    assert sum(isinstance(answer, NumberTakenError) for answer in answers) == 19


async def test_an_assignment_whose_answer_got_lost_is_found_again(pool: NumberPool, database: Db) -> None:
    user = new_user()
    await pool.import_numbers(american(5))
    async with lost_answers(database, "findAndModify"):
        assigned = await pool.assign(user, ANY)
    assert await pool.number_of(user) == assigned
    assert await database.phonenumbers.count_documents({"state": "assigned"}) == 1


async def test_a_released_number_is_nobodys_for_thirty_days(pool: NumberPool, database: Db) -> None:
    user = new_user()
    await pool.import_numbers(american(1))
    number = (await pool.assign(user, ANY)).number
    await pool.release(user)
    await pool.release(user)
    assert (await pool.number_of(user), await pool.owner_of(number)) == (None, None)
    stored = await database.phonenumbers.find_one({})
    assert stored is not None
    assert abs(stored["quarantineUntil"] - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    with pytest.raises(NoNumberAvailableError):
        await pool.assign(user, ANY)
    with pytest.raises(NumberTakenError):
        await pool.assign(user, NumberWish(number=number))


async def test_after_the_quarantine_a_number_is_there_for_everybody(pool: NumberPool, database: Db) -> None:
    await pool.import_numbers(american(1))
    first = new_user()
    await pool.assign(first, ANY)
    await pool.release(first)
    await database.phonenumbers.update_one({}, {"$set": {"quarantineUntil": datetime.now(UTC) - timedelta(seconds=1)}})
    second = new_user()
    assigned = await pool.assign(second, ANY)
    assert await pool.owner_of(assigned.number) == second
    assert "quarantineUntil" not in (await database.phonenumbers.find_one({}) or {})


async def test_a_release_that_was_stuck_does_not_end_a_later_assignment(pool: NumberPool, database: Db) -> None:
    user = new_user()
    await pool.import_numbers(american(1))
    earlier = await pool.assign(user, ANY)
    await database.phonenumbers.update_one({}, [{"$set": {"assignedAt": {"$add": ["$assignedAt", 1]}}}])
    await pool._store.release(earlier)
    assert await pool.owner_of(earlier.number) == user


async def test_routing_a_call_reads_one_index_entry(pool: NumberPool, database: Db) -> None:
    await pool.import_numbers(american(50))
    number = (await pool.assign(new_user(), ANY)).number
    plan = await database.phonenumbers.find({"_id": number, "state": "assigned"}).explain()
    assert plan["queryPlanner"]["winningPlan"]["inputStage"]["stage"] in {"IDHACK", "IXSCAN"}
    assert plan["executionStats"]["totalDocsExamined"] == 1


async def test_the_operator_takes_a_number_back_and_it_rests(pool: NumberPool) -> None:
    user = new_user()
    await pool.import_numbers(american(2))
    mine = await pool.assign(user, ANY)
    assert await pool.release_whoevers(mine.number) == mine
    assert await pool.number_of(user) is None
    with pytest.raises(NumberTakenError):
        await pool.assign(new_user(), NumberWish(number=mine.number))
    with pytest.raises(NumberNotAssignedError):
        await pool.release_whoevers(mine.number)
    with pytest.raises(NumberNotInPoolError):
        await pool.release_whoevers("+14155559999")


async def test_the_list_shows_each_number_as_it_stands_now(pool: NumberPool, database: Db) -> None:
    user = new_user()
    await pool.import_numbers([*american(3), "+442079460000"])
    await pool.assign(user, NumberWish(number="+14155550000"))
    for number in ("+14155550001", "+14155550002"):
        await pool.assign(new_user(), NumberWish(number=number))
        await pool.release_whoevers(number)
    over = {"$set": {"quarantineUntil": datetime.now(UTC) - timedelta(seconds=1)}}
    await database.phonenumbers.update_one({"_id": "+14155550002"}, over)
    listed = [number async for number in pool.list_everybodys()]
    assert [(number.number, number.state.value) for number in listed] == [
        ("+14155550000", "assigned"),
        ("+14155550001", "quarantine"),
        ("+14155550002", "free"),
        ("+442079460000", "free"),
    ]
    assert (listed[0].user_id, listed[0].country, listed[0].area_code) == (user, "US", "415")
    assert [number.free_from is None for number in listed] == [True, False, True, True]
    free = pool.list_everybodys(state=NumberState.FREE, country="US")
    assert [number.number async for number in free] == ["+14155550002"]
