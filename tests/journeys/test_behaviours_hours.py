"""Calls after hours, messages and transfers as whole calls: answered by what an owner without any key has, the FAQ."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from tests.support.embedded import embedded
from tests.support.metering import CALLER
from tests.support.opening_hours import at, weekly
from tests.support.switchboard import Switchboard, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.conversations.follow_up_store import FollowUpStore
from callgenie.conversations.follow_ups import FollowUps
from callgenie.conversations.message_mail import MessageMailHandler
from callgenie.conversations.message_store import MESSAGE_MAIL
from callgenie.conversations.rests import rest_id_of
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.ids import SessionId, SystemRandomness
from callgenie.profiles.greetings import NOBODY_REACHED
from callgenie.profiles.models import AfterHours, FaqEntry
from callgenie.telephony.simulator.carrier import Dialling, Transferee
from callgenie.telephony.simulator.report import CallReport, Ending
from callgenie.telephony.simulator.script import Action, AwaitHangUp, Listen, Play, rehearse
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.ports import VoiceProviders

HOURS = weekly(weekdays="09:00-17:30")
SHUT = at("2026-03-16 18:00")
NOON = at("2026-03-16 12:00")
COLLEAGUE = "+14155550177"
FAQ = (FaqEntry("Is there parking?", "You can park behind the house."),)
MESSAGE = "Please tell the baker that I need twelve fresh rolls on Friday"


def answers_from_the_faq(scripted: VoiceProviders) -> VoiceCatalogue:
    return VoiceCatalogue(replace(scripted, model=embedded().model))


@asynccontextmanager
async def bakery(mongodb_uri: str, *said: str, **more: Any) -> AsyncIterator[Switchboard]:
    """Serve an owner whose calls are answered from the FAQ, to a caller who says this, one thing after the other."""
    async with switchboard(mongodb_uri, texts=said, catalogue=answers_from_the_faq, faq=FAQ, hours=HOURS, **more) as it:
        yield it
        assert await it.comes_to_rest()


async def talk(board: Switchboard, utterances: int, **dialling: Any) -> tuple[CallReport, list[tuple[str, str]]]:
    """Call, say so many things, each after having heard us out, and wait for the end of the call."""
    steps = await rehearse([Listen(), *(Play(tone(800)), Listen()) * utterances, AwaitHangUp()])
    report = await board.call(Dialling(CALLER, "+14155550100", steps, session_id="CA1", **dialling))
    return report, await board.turns()


def answers(turns: list[tuple[str, str]]) -> list[str]:
    return [text for role, text in turns if role == "assistant"]


@virtually
async def test_after_hours_a_message_is_taken_step_by_step_kept_and_due_to_be_mailed(mongodb_uri: str) -> None:
    said = ("yes please", MESSAGE, "Anna Smith", "yes please", "yes that is right", "no thank you goodbye")
    async with bakery(mongodb_uri, *said, now=SHUT) as board:
        report, turns = await talk(board, len(said))
        conversation = await board.office.conversation("CA1")
    spoken = answers(turns)
    assert "We are closed at the moment, and open again tomorrow at 9 AM." in spoken[0]
    assert MESSAGE in spoken[4]
    assert spoken[-1].endswith("Goodbye.")
    (message,) = conversation["messages"]
    assert (message["text"], message["name"], message["number"]) == (MESSAGE, "Anna Smith", CALLER)
    assert "message-mail" in [each["kind"] for each in conversation["followUps"]]
    assert (conversation["afterHours"], conversation["endedReason"]) == (True, "assistant-hangup")
    assert report.ended_by is Ending.ASSISTANT


@virtually
async def test_after_hours_a_message_said_at_once_is_taken_and_a_question_answered(mongodb_uri: str) -> None:
    said = (MESSAGE, "Anna Smith", "yes please", "yes", "is there parking?", "thank you goodbye")
    # The owner's own words do not ask for one.
    async with bakery(mongodb_uri, *said, now=SHUT, after_hours_greeting="The oven is cold.") as board:
        _, turns = await talk(board, len(said))
        conversation = await board.office.conversation("CA1")
    assert [message["text"] for message in conversation["messages"]] == [MESSAGE]
    assert "You can park behind the house." in answers(turns)
    assert conversation["endedReason"] == "assistant-hangup"


@virtually
async def test_a_caller_who_hangs_up_in_the_middle_of_a_message_has_left_it(mongodb_uri: str) -> None:
    async with bakery(mongodb_uri, "yes please", MESSAGE, now=SHUT) as board:
        # While the last word is spoken, before the name is asked for.
        conversation, mails = await hung_up(board, Listen(), Play(tone(800)), Listen(), Play(tone(800)))
        turns = await board.turns()
    assert turns[-1] == ("user", MESSAGE)
    (message,) = conversation["messages"]
    assert (message["text"], message["number"], message["confirmed"]) == (MESSAGE, CALLER, False)
    assert conversation["endedReason"] == "caller-hangup"
    assert mails == [message["id"]]


@virtually
async def test_a_caller_who_hangs_up_when_the_name_is_asked_for_has_left_a_message(mongodb_uri: str) -> None:
    async with bakery(mongodb_uri, MESSAGE, "Anna Smith", now=SHUT) as board:
        conversation, mails = await hung_up(board, Listen(), Play(tone(800)), Listen(), Play(tone(800)), Listen())
    (message,) = conversation["messages"]
    told = (message["text"], message["name"], message["number"], message["confirmed"])
    assert told == (MESSAGE, "Anna Smith", CALLER, False)
    assert mails == [message["id"]]


@virtually
async def test_a_caller_who_hangs_up_without_having_said_a_message_has_left_none(mongodb_uri: str) -> None:
    async with bakery(mongodb_uri, "is there parking?", "yes please", now=SHUT) as board:
        conversation, mails = await hung_up(board, Listen(), Play(tone(800)), Listen(), Play(tone(800)), Listen())
    assert "messages" not in conversation
    assert mails == []


async def hung_up(board: Switchboard, *actions: Action) -> tuple[dict[str, Any], list[str]]:
    """Call, hang up, and have done what follows; return the record, and which of its messages are mailed."""
    steps = await rehearse(actions)
    await board.call(Dialling(CALLER, "+14155550100", steps, session_id="CA1"))
    conversation = await board.office.conversation("CA1")
    db = board.office.db
    handlers = {MESSAGE_MAIL: MessageMailHandler(OutboxStore(db))}
    await FollowUps(FollowUpStore(db), handlers, SystemRandomness()).work()
    mails = await db.outbox.find({"kind": "message"}).to_list()
    return conversation, [mail["facts"]["messageId"] for mail in mails]


@pytest.mark.parametrize("wish", list(AfterHours))
def test_on_a_holiday_the_owners_wish_is_done_at_noon(mongodb_uri: str, wish: AfterHours) -> None:
    @virtually
    async def run() -> None:
        holiday = (date(2026, 3, 16),)
        async with switchboard(
            mongodb_uri, texts=["goodbye"], hours=HOURS, holidays=holiday, after_hours=wish, now=NOON
        ) as board:
            report, turns = await talk(board, 1)
            conversation = await board.office.conversation("CA1")
            board.office.clock.time = at("2026-03-17 12:00")
            await board.dial(Listen(), session_id="CA2")
            next_day = await board.office.conversation("CA2")
        said = report.announcement or answers(turns)[0]
        assert ("We are closed at the moment" in said) is (wish is not AfterHours.ANSWER)
        assert ("leave a message" in said) is (wish is AfterHours.MESSAGE)
        assert (report.stream is None) is (wish is AfterHours.REFUSE)
        assert conversation["afterHours"]
        assert conversation["endedReason"] == ("outside-hours" if wish is AfterHours.REFUSE else "assistant-hangup")
        assert not next_day["afterHours"]
        assert next_day["status"] == "completed"

    run()


@virtually
async def test_a_caller_who_asks_for_a_person_is_dialled_through_and_the_record_goes_on(mongodb_uri: str) -> None:
    said = ("is there parking?", "can I talk to a person please")
    async with bakery(mongodb_uri, *said, now=NOON, transfer_number=COLLEAGUE) as board:
        report, turns = await talk(board, 2, transferee=Transferee(seconds=95))
        conversation = await board.office.conversation("CA1")
    assert [(dial.number, dial.outcome, dial.seconds) for dial in report.dials] == [(COLLEAGUE, "completed", 95)]
    assert [text for role, text in turns if role == "user"] == list(said)
    assert conversation["endedReason"] == "transferred"
    assert (conversation["transfer"]["status"], conversation["transfer"]["seconds"]) == ("completed", 95)


@virtually
async def test_a_caller_whom_nobody_answers_comes_back_and_leaves_a_message(mongodb_uri: str) -> None:
    # The recogniser begins anew with each stream, so who comes back asks for a person once more.
    said = ("can I talk to a person?", "yes please", MESSAGE, "Anna Smith", "yes please", "yes", "no goodbye")
    async with bakery(mongodb_uri, *said, now=NOON, transfer_number=COLLEAGUE) as board:
        once = (Play(tone(800)), Listen())
        steps = await rehearse([Listen(), *once, Listen(timeout_ms=40_000), *once * len(said), AwaitHangUp()])
        nobody = Transferee("no-answer", rings_ms=30_000)
        dialling = Dialling(CALLER, "+14155550100", steps, session_id="CA1", transferee=nobody)
        report = await board.call(dialling)
        assert await board.comes_to_rest()
        rest = await board.office.conversation(rest_id_of(SessionId("CA1")))
        turns = await board.turns(rest["sessionId"])
        usage = await board.usage()
    spoken = answers(turns)
    assert spoken[0] == NOBODY_REACHED
    assert "nobody can come to the telephone" in spoken[1]
    (message,) = rest["messages"]
    assert (message["text"], message["name"], message["number"]) == (MESSAGE, "Anna Smith", CALLER)
    assert "message-mail" in [each["kind"] for each in rest["followUps"]]
    assert (rest["continues"], rest["endedReason"], usage["calls"]) == ("CA1", "assistant-hangup", 1)
    assert len(report.dials) == 1


@virtually
async def test_where_nobody_can_be_reached_a_message_is_offered_and_taken(mongodb_uri: str) -> None:
    said = ("can I talk to a person please", "yes please", MESSAGE, "Anna Smith", "yes please", "yes", "no goodbye")
    async with bakery(mongodb_uri, *said, now=NOON) as board:
        report, turns = await talk(board, len(said))
        conversation = await board.office.conversation("CA1")
    assert "nobody can come to the telephone" in answers(turns)[1]
    assert [message["text"] for message in conversation["messages"]] == [MESSAGE]
    assert report.dials == ()
