"""What the assistant remembers: the caller's last talks with the same owner, as long as both sides may want it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.metering import CALLER, Office, exchange, open_office
from tests.support.switchboard import Switchboard, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.calls.memory import CONVERSATIONS_MAX, MEMORY_CHARS_MAX, REMEMBERED_DAYS, CallerMemory, recollection_of
from callgenie.conversations.caller_store import CallerStore
from callgenie.conversations.models import Analysis, AnalysisState, Conversation, RecordedTurn
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, Carrier, Direction, EndedReason, Fault, PlanName, TurnRole
from callgenie.profiles.models import Business
from callgenie.telephony.simulator.script import HangUp, Listen, Play
from callgenie.voice.script import Recollection
from callgenie.voice.turn import Turn

Db = AsyncDatabase[dict[str, Any]]
TEXTS = ("i need a cake for saturday", "what do you know")
ANSWERS = {"cake": "Which one?", "know": "I know this: {memory}"}
TALK = (Listen(), Play(tone(800)), Listen(), Play(tone(800)), Listen(quiet_ms=2_000), HangUp())
OTHER_CALLER = "+14155550998"


async def known_at_the_second_call(board: Switchboard, **dialled: Any) -> str:
    """Have a talk, then another one, and return what the assistant knew of the first in the second."""
    await board.dial(*TALK, session_id="CA1", **dialled)
    await board.dial(*TALK, session_id="CA2", **dialled)
    return (await board.turns("CA2"))[-1][1].removeprefix("I know this:").strip()


@virtually
async def test_a_caller_who_calls_again_is_remembered(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=TEXTS, answers=ANSWERS) as board:
        known = await known_at_the_second_call(board)
        first = await board.turns("CA1")
    assert first[-1] == ("assistant", "I know this:")
    assert 'The caller said: "i need a cake for saturday"' in known


@virtually
async def test_a_withheld_number_is_nobodys(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=TEXTS, answers=ANSWERS) as board:
        assert await known_at_the_second_call(board, from_number="anonymous") == ""


@virtually
async def test_an_owner_who_does_not_want_callers_remembered_has_none(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=TEXTS, answers=ANSWERS, remembers_callers=False) as board:
        assert await known_at_the_second_call(board) == ""


@virtually
async def test_another_caller_hears_nothing_of_it(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=TEXTS, answers=ANSWERS) as board:
        await board.dial(*TALK, session_id="CA1")
        await board.dial(*TALK, session_id="CA2", from_number=OTHER_CALLER)
        assert (await board.turns("CA2"))[-1] == ("assistant", "I know this:")


@virtually
async def test_while_the_record_cannot_be_read_the_call_goes_on_without(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=TEXTS, answers=ANSWERS) as board:
        await board.dial(*TALK, session_id="CA1")
        newer = {"$set": {"analysis": {"state": "of a newer release"}}}
        await board.office.db.conversations.update_one({"sessionId": "CA1"}, newer, bypass_document_validation=True)
        await board.dial(*TALK, session_id="CA2")
        assert (await board.turns("CA2"))[-1] == ("assistant", "I know this:")
        assert (await board.office.conversation("CA2"))["endedReason"] == "caller-hangup"


# What is read


@pytest.fixture
def office(database: Db) -> Office:
    return open_office(database)


async def record(office: Office, owner: UserId, session_id: str, *, days_ago: float = 0, **more: Any) -> None:
    """Record a call that was held elsewhere; calls are remembered wherever they were held."""
    started_at = office.clock.now() - timedelta(days=days_ago)
    fields = {"status": CallStatus.COMPLETED, "duration": 10, "started_at": started_at, "user_message": session_id}
    await office.conversations.save_exchange(owner, exchange(session_id, **fields | more))


async def recall(office: Office) -> Recollection:
    call = await office.answered("CA9")
    return await CallerMemory(CallerStore(office.db)).recall(call, office.clock.now())


async def test_only_the_last_talks_of_the_last_months_are_remembered_newest_first(office: Office) -> None:
    owner = await office.owner(PlanName.BASIC)
    for number in range(CONVERSATIONS_MAX + 2):
        await record(office, owner, f"talk {number}", days_ago=10 - number)
    found = await recall(office)
    lines = found.memory.splitlines()
    assert [line.split('"')[1] for line in lines] == ["talk 4", "talk 3", "talk 2"]


async def test_what_is_too_long_ago_is_forgotten(office: Office) -> None:
    owner = await office.owner(PlanName.BASIC)
    await record(office, owner, "long ago", days_ago=REMEMBERED_DAYS + 0.1)
    assert await recall(office) == Recollection()
    await record(office, owner, "not so long ago", days_ago=REMEMBERED_DAYS - 0.1)
    assert "not so long ago" in (await recall_again(office)).memory


async def recall_again(office: Office) -> Recollection:
    await office.db.conversations.delete_one({"sessionId": "CA9"})
    await office.db.usage.delete_many({})
    return await recall(office)


async def test_another_owners_talks_with_the_same_caller_are_not_remembered(office: Office) -> None:
    await office.owner(PlanName.BASIC)
    other = await office.owner(PlanName.BASIC, number="+14155550101")
    await record(office, other, "secret of the other")
    assert await recall(office) == Recollection()


async def test_what_was_said_after_a_transfer_that_met_nobody_is_remembered_too(office: Office) -> None:
    await office.owner(PlanName.BASIC)
    await office.desk.end(
        await office.answered("CA1"), reason=EndedReason.TRANSFERRED, fault=Fault.NONE, elapsed_seconds=9
    )
    rest = await office.come_back("CA1")
    await office.desk.save_turn(rest, 1, Turn(TurnRole.USER, "then a message", 0, 900), 1)
    await office.desk.end(rest, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=5)
    assert "then a message" in (await recall(office)).memory


async def test_a_deleted_talk_is_forgotten(office: Office) -> None:
    owner = await office.owner(PlanName.BASIC)
    await record(office, owner, "kept")
    await record(office, owner, "deleted")
    await office.conversations.delete(owner, SessionId("deleted"))
    found = await recall(office)
    assert "kept" in found.memory
    assert "deleted" not in found.memory


async def test_calls_that_nobody_answered_are_nothing_to_remember(office: Office) -> None:
    owner = await office.owner(PlanName.BASIC)
    office.customers.suspend(owner)
    await office.ring("CA1")
    office.customers.unsuspend(owner)
    assert await recall(office) == Recollection()


async def test_remembering_is_one_read_by_an_index(office: Office) -> None:
    owner = await office.owner(PlanName.BASIC)
    for number in range(20):
        await record(office, owner, f"talk {number}", days_ago=number)
        await record(office, owner, f"of others {number}", days_ago=number, phone_number=OTHER_CALLER)
    call = await office.answered("CA9")
    await office.db.command({"profile": 2})
    try:
        await CallerMemory(CallerStore(office.db)).recall(call, office.clock.now())
        reads = await office.db["system.profile"].find({"command.find": "conversations"}).to_list()
    finally:
        await office.db.command({"profile": 0})
        await office.db.drop_collection("system.profile")
    assert [read["planSummary"] for read in reads] == ["IXSCAN { userId: 1, phoneNumber: 1, startedAt: -1, _id: -1 }"]
    assert [read.get("hasSortStage", False) for read in reads] == [False]
    assert reads[0]["docsExamined"] <= CONVERSATIONS_MAX + 1  # the call that goes on is the newest


# How it is told

NOW = datetime(2026, 3, 16, 9, 30, tzinfo=UTC)
TALKED = Conversation(
    id="1",
    user_id=UserId("u"),
    session_id=SessionId("s"),
    carrier=Carrier.TWILIO,
    direction=Direction.INBOUND,
    status=CallStatus.COMPLETED,
    started_at=NOW,
    period_start=NOW,
    phone_number=CALLER,
)


def test_a_talk_that_was_summed_up_is_remembered_by_its_summary() -> None:
    analysis = Analysis(AnalysisState.DONE, "Asked for cakes.", "Anna", "a cake for Saturday", "gpt", NOW)
    turns = (RecordedTurn(1, TurnRole.USER, "I need a cake", NOW),)
    found = recollection_of([replace(TALKED, analysis=analysis, turns=turns)], Business(timezone="Asia/Kolkata"))
    assert found == Recollection(
        "Anna", "Monday, March 16, 2026, 3 PM: Asked for cakes. The caller wanted: a cake for Saturday"
    )


def test_however_much_was_said_little_is_remembered_and_on_one_line_each() -> None:
    turns = tuple(RecordedTurn(at, TurnRole.USER, "word\n" * 2_000, NOW) for at in range(1, 9))
    found = recollection_of([replace(TALKED, turns=turns)] * CONVERSATIONS_MAX, Business())
    assert len(found.memory) <= MEMORY_CHARS_MAX
    assert len(found.memory.splitlines()) == CONVERSATIONS_MAX
    assert "…" in found.memory


def test_the_newest_name_is_the_callers() -> None:
    def named(name: str | None) -> Conversation:
        return replace(TALKED, analysis=Analysis(AnalysisState.DONE, "x", name, None, "rules", NOW))

    found = recollection_of([named(None), named("Ann"), named("Anna")], Business())
    assert found.caller_name == "Ann"
