"""A message whose caller is gone before it is taken: kept in the very write that ends the call, whoever ends it."""

import asyncio
from functools import partial
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.agreed import agreed
from tests.support.lost_answers import lost_answers
from tests.support.metering import CALLER, Office, open_office

from callgenie.calls.models import OWNER_HANG_UP, AnsweredCall
from callgenie.calls.tools.messages import TakeMessage
from callgenie.conversations.models import MESSAGES_MAX
from callgenie.kernel.vocabulary import EndedReason, Fault, TurnRole
from callgenie.profiles.models import AfterHours
from callgenie.voice.message_draft import ASK_MESSAGE, ASK_NAME
from callgenie.voice.tools import ToolResult
from callgenie.voice.turn import Turn

Db = AsyncDatabase[dict[str, Any]]
CAKE = "Please tell the baker that the cake is for Friday"
TOLD = (f"- {ASK_MESSAGE}", CAKE, f"- {ASK_NAME}", "Anna Smith")
HUNG_UP = (EndedReason.CALLER_HANGUP, Fault.NONE)


async def taken(office: Office, call: AnsweredCall, **arguments: str) -> ToolResult:
    conversation = agreed(arguments["text"], arguments.get("name", ""))
    return await TakeMessage(partial(office.desk.keep_message, call), call.from_number).run(arguments, conversation)


@pytest.fixture
def office(database: Db) -> Office:
    return open_office(database)


@pytest.fixture
async def call(office: Office) -> AnsweredCall:
    await office.owner()
    return await office.answered("CA1")


async def say(office: Office, call: AnsweredCall, *lines: str) -> None:
    for number, line in enumerate(lines, 1):
        role = TurnRole.ASSISTANT if line.startswith("-") else TurnRole.USER
        await office.desk.save_turn(call, number, Turn(role, line.lstrip("- "), 0, 900), number)


async def end(office: Office, call: AnsweredCall, reason: EndedReason, fault: Fault) -> None:
    await office.desk.end(call, reason=reason, fault=fault, elapsed_seconds=9)


async def kept(office: Office) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await office.conversation("CA1")).get("messages", [])
    return found


async def following(office: Office) -> list[str]:
    return [each["kind"] for each in (await office.conversation("CA1"))["followUps"]]


@pytest.mark.parametrize(
    "ending",
    [
        HUNG_UP,
        (EndedReason.CARRIER_STREAM_LOST, Fault.PROVIDER),
        (EndedReason.SILENCE_TIMEOUT, Fault.CALLER),
        (EndedReason.MAX_DURATION, Fault.NONE),
        (EndedReason.SERVER_SHUTDOWN, Fault.PLATFORM),
        OWNER_HANG_UP,
    ],
)
async def test_a_call_that_ends_in_the_middle_of_a_message_keeps_it_and_has_it_mailed(
    office: Office, call: AnsweredCall, ending: tuple[EndedReason, Fault]
) -> None:
    await say(office, call, *TOLD)
    await end(office, call, *ending)
    (message,) = await kept(office)
    told = (message["text"], message["name"], message["number"], message["confirmed"])
    assert told == (CAKE, "Anna Smith", CALLER, False)
    assert (await following(office)).count("message-mail") == 1
    assert "call.ended" in await following(office)


async def test_who_was_heard_out_and_said_goodbye_to_leaves_nothing_more(office: Office, call: AnsweredCall) -> None:
    await say(office, call, *TOLD)
    await end(office, call, EndedReason.ASSISTANT_HANGUP, Fault.NONE)
    assert await kept(office) == []


async def test_a_call_in_which_nothing_of_a_message_was_said_keeps_none(office: Office, call: AnsweredCall) -> None:
    await say(office, call, "- Hello, how can I help you?", "when are you open", "- From nine to five.")
    await end(office, call, *HUNG_UP)
    assert await kept(office) == []
    assert "message-mail" not in await following(office)


async def test_a_message_is_left_once_however_often_the_call_is_ended(
    office: Office, call: AnsweredCall, database: Db
) -> None:
    await say(office, call, *TOLD)
    async with lost_answers(database, "findAndModify", times=1):
        await end(office, call, *HUNG_UP)
    await end(office, call, *HUNG_UP)
    await office.let_all_leases_run_out()
    await office.sweeper.sweep()
    assert len(await kept(office)) == 1


async def test_a_message_is_left_once_when_its_worker_died_in_the_middle_of_the_call(
    office: Office, call: AnsweredCall
) -> None:
    await say(office, call, *TOLD)
    await office.let_all_leases_run_out()
    others = [open_office(office.db, office.customers) for _ in range(3)]
    await asyncio.gather(*(other.sweeper.sweep() for other in others))
    (message,) = await kept(office)
    assert (message["text"], message["confirmed"]) == (CAKE, False)
    assert (await following(office)).count("message-mail") == 1
    # The worker was only slow: it comes back, and what it says is no news.
    await say(office, call, *TOLD, "- What number can we reach you on?", "415 555 0123")
    await end(office, call, *HUNG_UP)
    assert len(await kept(office)) == 1


async def test_a_message_that_was_taken_although_nobody_heard_so_is_left_no_second_time(
    office: Office, call: AnsweredCall
) -> None:
    await say(office, call, *TOLD)
    assert not (await taken(office, call, text=CAKE, name="Anna Smith")).failed
    await office.let_all_leases_run_out()
    await office.sweeper.sweep()
    (message,) = await kept(office)
    assert "confirmed" not in message


async def test_a_call_that_holds_all_the_messages_it_can_ends_all_the_same(office: Office, call: AnsweredCall) -> None:
    for number in range(MESSAGES_MAX):
        await taken(office, call, text=f"Number {number}.")
    await say(office, call, *TOLD)
    await end(office, call, *HUNG_UP)
    assert len(await kept(office)) == MESSAGES_MAX
    assert (await office.conversation("CA1"))["status"] == "completed"


@pytest.mark.parametrize("wish", [AfterHours.MESSAGE, AfterHours.ANSWER])
async def test_what_is_said_to_the_owners_own_after_hours_words_is_a_message_where_they_ask_for_one(
    office: Office, wish: AfterHours
) -> None:
    owner = await office.owner()
    call = await office.answered("CA1")
    await office.db.conversations.update_one({"sessionId": "CA1"}, {"$set": {"afterHours": True}})
    office.customers.change_business(owner, after_hours=wish)
    await say(office, call, "- The oven is cold.", "the cake is wrong")
    await end(office, call, *HUNG_UP)
    assert len(await kept(office)) == (wish is AfterHours.MESSAGE)
