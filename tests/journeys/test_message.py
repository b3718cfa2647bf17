"""A caller leaves a message: heard, asked for, read back and mailed with every part real, in virtual time."""

import asyncio
from typing import Any

from tests.support.house import House, house
from tests.support.mail_sink import mail_sink, text_of
from tests.support.virtual_time import virtually
from tests.support.word_errors import word_error_rate

from callgenie.cli.demo.business import BUSINESS
from callgenie.conversations.rests import rest_id_of
from callgenie.kernel.ids import SessionId
from callgenie.telephony.simulator.carrier import Dialling, Transferee
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import AwaitHangUp, Listen, Say, rehearse
from callgenie.voice.providers.embedded import load_embedded_providers

CALLER = "+14155550188"
MESSAGE = "Please tell the baker that I need fresh rolls on Friday morning."
TALK = (
    Listen(),
    Say("I would like to leave a message."),
    Listen(),
    Say(MESSAGE),
    Listen(),
    Say("My name is Anna Smith."),
    Listen(),
    Say("Yes, please."),
    Listen(),
    Say("Yes, that is right."),
    Listen(),
    Say("No, thank you. Goodbye."),
    AwaitHangUp(),
)


async def over(at: House, session_id: str) -> dict[str, Any]:
    """Return a conversation once it is over: a caller who hangs up is gone before the last words are written."""
    for _ in range(100):
        conversation = await at.owner.conversation(session_id)
        if conversation["endedReason"] is not None:
            return conversation
        await asyncio.sleep(0.1)
    raise AssertionError(session_id)


AFTER_THE_TRANSFER = (
    Listen(),
    Say("Can I talk to a person, please?"),
    Listen(),
    Listen(timeout_ms=40_000),
    Say("Yes, please."),
    *TALK[2:],
)


@virtually
async def test_a_message_of_a_caller_whom_nobody_answered_is_in_the_owners_mailbox(mongodb_uri: str) -> None:
    async with mail_sink() as letterbox:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": letterbox.port, "smtp_tls": "none"}
        async with house(mongodb_uri, **mail, email_verification="optional") as at:
            await at.owner.describe_business({**BUSINESS, "transferNumber": "+14155550177", "afterHours": "answer"})
            steps = await rehearse(AFTER_THE_TRANSFER, load_embedded_providers().tts, voice_name="nanotts-en-gb")
            nobody = Transferee("no-answer", rings_ms=30_000)
            call = await at.carrier.call(Dialling(CALLER, at.number, steps, transferee=nobody))
            first = await at.owner.conversation(call.session_id)
            rest = await at.owner.conversation(rest_id_of(SessionId(call.session_id)))
            usage = await at.owner.usage()
            await at.services.follow_ups.work()
            await at.services.delivery.deliver()
        mails = [text_of(each) for each in letterbox.messages if each["Subject"].startswith("Message from")]
    assert (first["endedReason"], first["transfer"]["status"]) == ("transferred", "no-answer")
    assert first["messages"] == []
    (message,) = rest["messages"]
    assert word_error_rate([(MESSAGE, message["text"])]) <= 0.2
    assert (rest["continues"], rest["endedReason"]) == (call.session_id, "assistant-hangup")
    assert len(mails) == 1
    assert message["text"] in mails[0]
    assert usage["calls"]["used"] == 1
    assert usage["seconds"]["used"] == first["billableSeconds"] + rest["billableSeconds"]


@virtually
async def test_a_caller_who_hangs_up_in_the_middle_of_a_message_has_it_in_the_owners_mailbox(mongodb_uri: str) -> None:
    async with mail_sink() as letterbox:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": letterbox.port, "smtp_tls": "none"}
        async with house(mongodb_uri, **mail, email_verification="optional") as at:
            steps = await rehearse(TALK[:4], load_embedded_providers().tts, voice_name="nanotts-en-gb")
            call = await at.carrier.call(Dialling(CALLER, at.number, steps))
            conversation = await over(at, call.session_id)
            for _ in range(2):
                await at.services.follow_ups.work()
                await at.services.delivery.deliver()
        mails = [text_of(each) for each in letterbox.messages if each["Subject"].startswith("Message from")]
    (message,) = conversation["messages"]
    assert word_error_rate([(MESSAGE, message["text"])]) <= 0.2
    assert (message["number"], message["confirmed"], conversation["endedReason"]) == (CALLER, False, "caller-hangup")
    (text,) = mails
    for words in (message["text"], "Not confirmed. The caller hung up", f"Called from: {CALLER}"):
        assert words in text


@virtually
async def test_a_message_is_spoken_kept_and_in_the_owners_mailbox(mongodb_uri: str) -> None:
    async with mail_sink() as letterbox:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": letterbox.port, "smtp_tls": "none"}
        async with house(mongodb_uri, **mail, email_verification="optional") as at:
            steps = await rehearse(TALK, load_embedded_providers().tts, voice_name="nanotts-en-gb")
            call = await at.carrier.call(Dialling(CALLER, at.number, steps))
            conversation = await at.owner.conversation(call.session_id)
            await at.services.follow_ups.work()
            await at.services.delivery.deliver()
        mails = [text_of(each) for each in letterbox.messages if each["Subject"].startswith("Message from")]
    (message,) = conversation["messages"]
    assert word_error_rate([(MESSAGE, message["text"])]) <= 0.2
    assert message["number"] == CALLER
    assert message["name"]
    assert [turn["role"] for turn in conversation["turns"]].count("tool") == 1
    assert (conversation["endedReason"], call.ended_by) == ("assistant-hangup", Ending.ASSISTANT)
    assert len(mails) == 1
    assert message["text"] in mails[0]
    assert f"Called from: {CALLER}" in mails[0]
