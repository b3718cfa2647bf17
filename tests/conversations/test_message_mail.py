"""Messages on their way to the owner: over real SMTP, once each, whenever the process dies."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.mail_sink import Letterbox, address_in, mail_sink, text_of
from tests.support.metering import CALLER
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.calls.models import Admitted, AnsweredCall, IncomingCall
from callgenie.conversations.message_mail import MessageMailHandler
from callgenie.conversations.models import NewMessage
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import Carrier, EndedReason, Fault, TurnRole
from callgenie.mongo.client import Database
from callgenie.numbers.models import NumberWish
from callgenie.voice.message_draft import ASK_MESSAGE
from callgenie.voice.turn import Turn

NUMBER = "+14155550100"
MESSAGE = NewMessage("Please call me back about the cake.", "Anna Smith", "4155550123")


class CrashError(BaseException):
    """The worker is gone; nobody catches that."""


class DyingOutbox(OutboxStore):
    """Puts the mail, and takes the worker down with it."""

    async def put(self, mail: object) -> None:
        await super().put(mail)  # type: ignore[arg-type] # the real one's argument
        raise CrashError


@pytest.fixture
async def letterbox() -> AsyncIterator[Letterbox]:
    async with mail_sink() as box:
        yield box


@pytest.fixture
async def api(connected: Database, database: object, letterbox: Letterbox, tmp_path: Path) -> AsyncIterator[WholeApi]:
    del database  # it is empty now
    mail: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": letterbox.port,
        "smtp_tls": "none",
        "email_verification": "optional",
    }
    async with serving_everything(connected, data_dir=tmp_path, **mail) as served:
        yield served


async def answered(api: WholeApi, *, caller: str | None = CALLER) -> AnsweredCall:
    registered = await api.register(name="Jane Miller")
    token = registered["accessToken"]
    business = {"company": "Bakery", "timezone": "America/New_York"}
    response = await api.call("PATCH", "/api/user/profile", token=token, json={"business": business})
    assert response.status_code == 200, response.text
    await api.whole.numbers.import_numbers([NUMBER])
    await api.whole.numbers.assign(registered["user"]["id"], NumberWish(number=NUMBER))
    rung = await api.whole.desk.ring(IncomingCall(SessionId("CA1"), Carrier.TWILIO, caller, NUMBER))
    assert isinstance(rung, Admitted)
    return await api.whole.desk.answer(SessionId("CA1"), rung.media_token)


async def mails(api: WholeApi, letterbox: Letterbox) -> list[str]:
    """Do what is due; return the messages that arrived, without what registering sent."""
    await api.whole.follow_ups.work()
    await api.whole.delivery.deliver()
    return [text_of(mail) for mail in letterbox.messages if mail["Subject"].startswith("Message from")]


async def test_the_owner_gets_the_message_with_all_that_is_needed_to_call_back(
    api: WholeApi, letterbox: Letterbox
) -> None:
    call = await answered(api)
    await api.whole.desk.keep_message(call, MESSAGE)
    (text,) = await mails(api, letterbox)
    assert "onfirmed" not in text
    for line in (
        "Hello Jane Miller,",
        "Anna Smith has left a message with your assistant:",
        MESSAGE.text,
        "To be reached at: 4155550123",
        f"Called from: {CALLER}",
        "(America/New_York).",
    ):
        assert line in text
    assert letterbox.recipients[-1] == "owner@example.com"
    assert letterbox.messages[-1]["Subject"] == "Message from Anna Smith"


async def test_the_mail_leads_to_the_whole_conversation(api: WholeApi, letterbox: Letterbox) -> None:
    await api.whole.desk.keep_message(await answered(api), MESSAGE)
    (text,) = await mails(api, letterbox)
    token = (await api.log_in()).json()["accessToken"]
    shown = await api.call("GET", address_in(text), token=token)
    assert (shown.status_code, shown.json()["sessionId"]) == (200, "CA1")


async def test_what_callers_say_is_text_in_html_too_and_starts_no_line(api: WholeApi, letterbox: Letterbox) -> None:
    call = await answered(api, caller=None)
    wicked = NewMessage("<b>Pay</b> & go\r\nBcc: x@y.example", '<img src=x onerror="y">\nSubject: Hi', "")
    await api.whole.desk.keep_message(call, wicked)
    (text,) = await mails(api, letterbox)
    mail = letterbox.messages[-1]
    page = text_of(mail, "html")
    assert "<b>" not in page
    assert "<img" not in page
    assert "&lt;b&gt;Pay&lt;/b&gt; &amp; go" in page
    assert "\nBcc" not in text
    assert mail["Bcc"] is None
    assert "Called from: a withheld number" in text


async def test_each_message_of_a_call_is_mailed_once_however_often_the_work_is_done(
    api: WholeApi, letterbox: Letterbox
) -> None:
    call = await answered(api)
    await api.whole.desk.keep_message(call, MESSAGE)
    assert len(await mails(api, letterbox)) == 1
    await api.whole.desk.keep_message(call, MESSAGE)
    await api.whole.desk.keep_message(call, NewMessage("And bring candles."))
    await mails(api, letterbox)
    texts = await mails(api, letterbox)
    assert len(texts) == 2
    assert "candles" in texts[1]


async def test_a_worker_that_dies_once_the_mail_is_put_causes_no_second_one(
    api: WholeApi, letterbox: Letterbox
) -> None:
    call = await answered(api)
    await api.whole.desk.keep_message(call, MESSAGE)
    handler = api.whole.follow_ups._handlers["message-mail"]
    assert isinstance(handler, MessageMailHandler)
    outbox, handler._outbox = handler._outbox, DyingOutbox(api.db)
    with pytest.raises(CrashError):
        await api.whole.follow_ups.work()
    handler._outbox = outbox
    past = {"$subtract": ["$$NOW", 1_000]}
    dead = [
        {
            "$set": {
                "followUpAt": past,
                "followUps": {
                    "$map": {"input": "$followUps", "as": "each", "in": {"$mergeObjects": ["$$each", {"dueAt": past}]}}
                },
            }
        }
    ]
    await api.db.conversations.update_one({"sessionId": "CA1"}, dead)
    assert len(await mails(api, letterbox)) == 1


async def test_a_message_that_is_kept_is_due_in_the_same_write_so_a_crash_after_it_loses_nothing(
    api: WholeApi, letterbox: Letterbox
) -> None:
    call = await answered(api)
    # Nothing but the one write happens; whoever works next, in any process, finds what it named.
    await api.whole.desk.keep_message(call, MESSAGE)
    await api.whole.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=5)
    assert len(await mails(api, letterbox)) == 1


async def test_a_message_that_its_caller_could_not_confirm_says_so(api: WholeApi, letterbox: Letterbox) -> None:
    call = await answered(api)
    for number, (role, words) in enumerate(((TurnRole.ASSISTANT, ASK_MESSAGE), (TurnRole.USER, MESSAGE.text)), 1):
        await api.whole.desk.save_turn(call, number, Turn(role, words, 0, 900), number)
    await api.whole.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=5)
    (text,) = await mails(api, letterbox)
    assert MESSAGE.text in text
    assert "Not confirmed. The caller hung up before this could be read back" in text
    assert f"Called from: {CALLER}" in text
    assert letterbox.messages[-1]["Subject"] == f"Message from {CALLER}, not confirmed"
    token = (await api.log_in()).json()["accessToken"]
    (shown,) = (await api.call("GET", "/api/user/conversations/CA1", token=token)).json()["messages"]
    assert (shown["text"], shown["confirmed"]) == (MESSAGE.text, False)


async def test_a_message_of_somebody_whom_we_called_says_so(api: WholeApi, letterbox: Letterbox) -> None:
    call = await answered(api)
    await api.db.conversations.update_one({"sessionId": "CA1"}, {"$set": {"direction": "outbound"}})
    await api.whole.desk.keep_message(call, MESSAGE)
    (text,) = await mails(api, letterbox)
    assert f"We called: {CALLER}" in text
    assert "Called from" not in text


async def test_of_a_conversation_that_was_deleted_nothing_is_mailed(api: WholeApi, letterbox: Letterbox) -> None:
    call = await answered(api)
    await api.whole.desk.keep_message(call, MESSAGE)
    await api.whole.follow_ups.work()
    await api.whole.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=5)
    await api.whole.conversations.delete(call.user_id, call.session_id)
    assert await mails(api, letterbox) == []


async def test_the_owner_sees_the_message_in_the_conversation_and_in_the_export(api: WholeApi) -> None:
    call = await answered(api)
    await api.whole.desk.keep_message(call, MESSAGE)
    token = (await api.log_in()).json()["accessToken"]
    shown = (await api.call("GET", "/api/user/conversations/CA1", token=token)).json()
    (message,) = shown["messages"]
    assert (message["text"], message["name"], message["number"]) == (MESSAGE.text, MESSAGE.name, MESSAGE.number)
    assert message["confirmed"]
    lines = await api.call("GET", "/api/user/conversations/export?format=jsonl", token=token)
    assert MESSAGE.text in lines.text
