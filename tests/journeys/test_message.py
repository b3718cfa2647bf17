"""A caller leaves a message: heard, asked for, read back and mailed with every part real, in virtual time."""

from tests.support.house import house
from tests.support.mail_sink import mail_sink, text_of
from tests.support.virtual_time import virtually
from tests.support.word_errors import word_error_rate

from callgenie.telephony.simulator.carrier import Dialling
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
