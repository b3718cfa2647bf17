"""Messages that callers leave: what is kept of them, and that each is kept once."""

from functools import partial
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import WriteError
from tests.support.agreed import agreed
from tests.support.lost_answers import lost_answers
from tests.support.metering import CALLER, Office, open_office

from callgenie.calls.models import AnsweredCall
from callgenie.calls.tools.messages import TAKEN, TakeMessage
from callgenie.conversations.models import MESSAGES_MAX
from callgenie.kernel.vocabulary import EndedReason, Fault, TurnRole
from callgenie.voice.ports import Message
from callgenie.voice.tools import ToolResult, is_refusal

Db = AsyncDatabase[dict[str, Any]]


@pytest.fixture
def office(database: Db) -> Office:
    return open_office(database)


@pytest.fixture
async def call(office: Office) -> AnsweredCall:
    await office.owner()
    return await office.answered("CA1")


async def take(office: Office, call: AnsweredCall, **arguments: Any) -> ToolResult:
    conversation = agreed(*(arguments.get(key, "") for key in ("text", "name", "number")))
    return await TakeMessage(partial(office.desk.keep_message, call), call.from_number).run(arguments, conversation)


async def kept(office: Office) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await office.conversation("CA1")).get("messages", [])
    return found


async def test_a_message_is_kept_with_name_and_number_and_is_due_to_be_mailed(
    office: Office, call: AnsweredCall
) -> None:
    said = await take(office, call, text=" Please call\n me back. ", name="Anna Smith", number="(415) 555-0123")
    assert said == ToolResult(TAKEN)
    (message,) = await kept(office)
    assert (message["text"], message["name"], message["number"]) == (
        "Please call me back.",
        "Anna Smith",
        "4155550123",
    )
    record = await office.conversation("CA1")
    assert [each["kind"] for each in record["followUps"]] == ["call.started", "message-mail"]
    assert message["at"] >= record["answeredAt"]


async def test_without_a_number_the_caller_is_to_be_reached_where_the_call_came_from(
    office: Office, call: AnsweredCall
) -> None:
    await take(office, call, text="Call me.")
    assert (await kept(office))[0]["number"] == CALLER


async def test_a_caller_who_withholds_the_number_leaves_none(office: Office, call: AnsweredCall) -> None:
    withheld = AnsweredCall(**{name: getattr(call, name) for name in call.__slots__} | {"from_number": None})
    await take(office, withheld, text="Call me.")
    assert (await kept(office))[0]["number"] == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "There is no message yet."),
        ({"text": "  "}, "There is no message yet."),
        ({"text": 7}, "There is no message yet."),
        ({"text": {"$gt": ""}}, "There is no message yet."),
        ({"text": "Call me.", "number": "soon"}, "That is no telephone number."),
        ({"text": "Call me.", "number": "4" * 21}, "That is no telephone number."),
    ],
)
async def test_what_is_no_message_is_not_kept_and_the_model_hears_why(
    office: Office, call: AnsweredCall, arguments: dict[str, Any], sentence: str
) -> None:
    said = await take(office, call, **arguments)
    assert said.failed
    assert sentence in said.text
    assert await kept(office) == []


TOLD = "please tell the baker that I am late"


async def take_after(office: Office, call: AnsweredCall, *conversation: Message, text: str = TOLD) -> ToolResult:
    return await TakeMessage(partial(office.desk.keep_message, call), None).run({"text": text}, conversation)


async def test_a_message_is_kept_once_the_caller_has_heard_it_and_agreed(office: Office, call: AnsweredCall) -> None:
    told, *read_back = agreed(TOLD)
    assert is_refusal((await take_after(office, call, told)).text)
    assert is_refusal((await take_after(office, call, *agreed(TOLD, answer="no"))).text)
    assert await kept(office) == []
    assert await take_after(office, call, told, *read_back) == ToolResult(TAKEN)
    assert [(each["text"], each.get("confirmed", True)) for each in await kept(office)] == [(TOLD, True)]


async def test_who_takes_leave_cannot_be_asked_any_more_and_leaves_it_not_confirmed(
    office: Office, call: AnsweredCall
) -> None:
    assert not (await take_after(office, call, Message(TurnRole.USER, f"{TOLD}, goodbye"))).failed
    assert [(each["text"], each["confirmed"]) for each in await kept(office)] == [(TOLD, False)]


async def test_words_that_the_caller_never_said_are_no_message(office: Office, call: AnsweredCall) -> None:
    said = Message(TurnRole.USER, f"{TOLD}, goodbye")
    assert is_refusal((await take_after(office, call, said, text="Cancel the delivery of flour")).text)
    assert await kept(office) == []


async def test_the_same_message_is_kept_once_also_when_the_answer_gets_lost(
    office: Office, call: AnsweredCall, database: Db
) -> None:
    async with lost_answers(database, "update", times=1):
        assert not (await take(office, call, text="Call me.", name="Anna")).failed
    assert not (await take(office, call, text="Call me.", name="Anna")).failed
    assert len(await kept(office)) == 1
    await take(office, call, text="Call me.", name="Bob")
    assert [message["name"] for message in await kept(office)] == ["Anna", "Bob"]


async def test_a_call_holds_ten_messages_and_says_so_of_the_eleventh(office: Office, call: AnsweredCall) -> None:
    for number in range(MESSAGES_MAX):
        assert not (await take(office, call, text=f"Number {number}.")).failed
    refused = await take(office, call, text="One more.")
    assert "10 messages" in refused.text
    assert not (await take(office, call, text="Number 3.")).failed
    assert len(await kept(office)) == MESSAGES_MAX


async def test_words_that_look_like_a_query_are_kept_as_words(office: Office, call: AnsweredCall) -> None:
    await take(office, call, text="$$ROOT", name="$name")
    (message,) = await kept(office)
    assert (message["text"], message["name"]) == ("$$ROOT", "$name")


async def test_a_message_that_comes_as_the_call_ends_is_kept(office: Office, call: AnsweredCall) -> None:
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=5)
    assert not (await take(office, call, text="Call me.")).failed
    assert len(await kept(office)) == 1


async def test_a_deleted_conversation_takes_no_message_and_has_none(office: Office, call: AnsweredCall) -> None:
    await take(office, call, text="Call me.")
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=5)
    await office.conversations.delete(call.user_id, call.session_id)
    assert (await take(office, call, text="Call me again.")).failed
    assert await kept(office) == []


async def test_the_database_refuses_more_messages_than_there_is_room_for(
    office: Office, call: AnsweredCall, database: Db
) -> None:
    await take(office, call, text="Call me.")
    (message,) = await kept(office)
    with pytest.raises(WriteError):
        await database.conversations.update_one({"sessionId": "CA1"}, {"$set": {"messages": [message] * 11}})
