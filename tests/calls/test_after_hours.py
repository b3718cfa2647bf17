"""Calls outside the opening hours: greeted as such, and answered, or refused, as their owner wants it."""

from datetime import date
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.metering import Office, incoming, open_office
from tests.support.opening_hours import at, weekly
from tests.support.switchboard import switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.calls.models import Admitted, Refused
from callgenie.calls.scripts import script_for
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import EndedReason, PlanName, TurnRole
from callgenie.profiles.greetings import after_hours_greeting_of
from callgenie.profiles.models import AfterHours, Business, Preferences
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import AwaitHangUp, HangUp, Listen, Play
from callgenie.voice.message_draft import ASK_MESSAGE
from callgenie.voice.message_taking import next_step
from callgenie.voice.ports import Knowledge, Message, TextDelta, ToolSpec

HOURS = weekly(weekdays="09:00-17:30")
SHUT = at("2026-03-16 18:00")
OPEN = at("2026-03-16 12:00")
CLOSED_GREETING = (
    "Thank you for calling Bakery. We are closed at the moment, and open again tomorrow at 9 AM. "
    "This is SAATHI, the automated assistant. Would you like to leave a message?"
)
TALK = (Listen(), Play(tone(800)), Listen(), Play(tone(800)), Listen(), Play(tone(800)), AwaitHangUp())


@pytest.fixture
def office(database: AsyncDatabase[dict[str, Any]]) -> Office:
    return open_office(database)


@virtually
async def test_a_call_after_hours_hears_so_and_is_answered_and_counted(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, hours=HOURS, now=SHUT) as board:
        report = await board.dial(*TALK)
        conversation = await board.office.conversation("CA1")
        turns = await board.turns()
        assert await board.comes_to_rest()
    assert turns[0] == ("assistant", CLOSED_GREETING)
    assert ("assistant", "We are open from nine to five.") in turns
    assert report.ended_by is Ending.ASSISTANT
    assert (conversation["status"], conversation["endedReason"]) == ("completed", "assistant-hangup")
    assert (conversation["afterHours"], conversation["counted"]) == (True, True)
    assert conversation["billableSeconds"] > 0


@virtually
async def test_the_owners_own_words_are_spoken_after_hours_and_only_then(mongodb_uri: str) -> None:
    own = "The oven is cold. Tell me what you need."
    async with switchboard(mongodb_uri, hours=HOURS, now=SHUT, after_hours_greeting=own) as board:
        await board.dial(Listen(), HangUp())
        board.office.clock.time = at("2026-03-17 09:00")
        await board.dial(Listen(), HangUp(), session_id="CA2")
        first, second = await board.turns(), await board.turns("CA2")
        flags = [(await board.office.conversation(call))["afterHours"] for call in ("CA1", "CA2")]
    assert first[0] == ("assistant", own)
    assert second[0][1].startswith("Thank you for calling Bakery. This is SAATHI")
    assert flags == [True, False]


@virtually
async def test_an_owner_may_have_calls_answered_at_any_hour(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, hours=HOURS, now=SHUT, after_hours=AfterHours.ANSWER) as board:
        await board.dial(Listen(), HangUp())
        turns = await board.turns()
        assert (await board.office.conversation("CA1"))["afterHours"] is True
    assert turns[0][1].startswith("Thank you for calling Bakery. This is SAATHI")


@virtually
async def test_an_owner_may_refuse_calls_after_hours_and_they_hear_why_and_never_count(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, hours=HOURS, now=SHUT, after_hours=AfterHours.REFUSE) as board:
        report = await board.dial(*TALK)
        again = await board.dial(*TALK)
        conversation = await board.office.conversation("CA1")
        usage = await board.office.db.usage.find().to_list()
    assert report.stream is None
    assert report.announcement == again.announcement
    assert report.announcement == (
        "Thank you for calling Bakery. We are closed at the moment, and open again tomorrow at 9 AM. Goodbye."
    )
    assert (conversation["status"], conversation["endedReason"], conversation["fault"]) == (
        "rejected",
        "outside-hours",
        "customer",
    )
    assert (conversation["counted"], conversation["billableSeconds"], conversation["turns"]) == (False, 0, [])
    assert usage == []


@virtually
async def test_a_refusal_is_spoken_in_the_owners_own_words(mongodb_uri: str) -> None:
    own = "We sleep. Call again at nine."
    async with switchboard(
        mongodb_uri, hours=HOURS, now=SHUT, after_hours=AfterHours.REFUSE, after_hours_greeting=own
    ) as board:
        assert (await board.dial()).announcement == own
        board.office.clock.time = OPEN
        assert (await board.dial(Listen(), HangUp(), session_id="CA2")).stream is not None


@pytest.mark.parametrize(
    ("moment", "changes", "is_after_hours"),
    [
        ("2026-03-16 17:29:59", {}, False),
        ("2026-03-16 17:30:00", {}, True),
        ("2026-03-16 12:00:00", {"holidays": (date(2026, 3, 16),)}, True),
        ("2026-03-16 03:00:00", {"hours": {}}, False),
        ("2026-03-16 03:00:00", {"hours": {}, "holidays": (date(2026, 3, 16),)}, False),
        ("2026-03-16 12:00:00", {"hours": weekly(mon="", tue="")}, True),
        # Half past midnight in the night of the 20th, which the bar calls Friday's.
        ("2026-03-21 00:30:00", {"hours": weekly(fri="20:00-24:00", sat="00:00-02:00")}, False),
        # New York: 9 o'clock is 14:00 UTC until the clocks change on 8 March, and 13:00 UTC from then on.
        ("2026-03-06 13:30:00", {"timezone": "America/New_York"}, True),
        ("2026-03-09 13:30:00", {"timezone": "America/New_York"}, False),
        ("2028-02-29 12:00:00", {"holidays": (date(2028, 2, 29),)}, True),
    ],
)
async def test_whether_it_is_after_hours_is_judged_when_the_call_rings(
    office: Office,
    moment: str,
    changes: dict[str, Any],
    is_after_hours: bool,  # noqa: FBT001 - a row of the table
) -> None:
    owner = await office.owner()
    office.customers.change_business(owner, **{"hours": HOURS, "after_hours": AfterHours.REFUSE} | changes)
    office.clock.time = at(moment)
    answer = await office.ring("CA1")
    assert isinstance(answer, Refused if is_after_hours else Admitted)
    assert (await office.conversation("CA1"))["afterHours"] is is_after_hours


async def test_a_call_that_rings_as_the_door_is_locked_is_greeted_as_it_was_let_in(office: Office) -> None:
    owner = await office.owner()
    office.customers.change_business(owner, hours=HOURS, after_hours=AfterHours.REFUSE)
    office.clock.time = at("2026-03-16 17:29:59")
    admitted = await office.ring("CA1")
    office.clock.time = at("2026-03-16 17:30:01")
    assert await office.ring("CA1") == admitted
    assert isinstance(admitted, Admitted)
    call = await office.desk.answer(admitted.session_id, admitted.media_token)
    script = script_for(call, office.clock.now())
    assert "closed" not in script.greeting
    assert not script.knowledge.after_hours


async def test_a_repeated_webhook_after_the_door_was_opened_is_refused_as_before(office: Office) -> None:
    owner = await office.owner()
    office.customers.change_business(owner, hours=HOURS, after_hours=AfterHours.REFUSE)
    office.clock.time = at("2026-03-16 08:59:59")
    assert isinstance(await office.ring("CA1"), Refused)
    office.clock.time = at("2026-03-16 09:00:01")
    again = await office.ring("CA1")
    assert isinstance(again, Refused)
    assert again.reason is EndedReason.OUTSIDE_HOURS
    assert "just opening" in again.sentence
    assert isinstance(await office.ring("CA2"), Admitted)


async def test_a_suspended_account_is_not_called_closed(office: Office) -> None:
    owner = await office.owner()
    office.customers.change_business(owner, hours=HOURS, after_hours=AfterHours.REFUSE)
    office.customers.suspend(owner)
    office.clock.time = SHUT
    refused = await office.ring("CA1")
    assert isinstance(refused, Refused)
    assert refused.reason is EndedReason.ACCOUNT_SUSPENDED


async def test_calls_refused_after_hours_take_no_line_from_those_that_are_answered(office: Office) -> None:
    owner = await office.owner(PlanName.FREE)
    office.customers.change_business(owner, hours=HOURS, after_hours=AfterHours.REFUSE)
    office.clock.time = SHUT
    for number in range(5):
        assert isinstance(await office.desk.ring(incoming(f"CA{number}")), Refused)
    office.clock.time = OPEN
    assert isinstance(await office.ring("CA9"), Admitted)


async def test_the_script_says_what_time_it_is_and_how_things_stand(office: Office) -> None:
    owner = await office.owner()
    office.customers.change_business(owner, hours=HOURS, timezone="Europe/Berlin")
    office.clock.time = SHUT
    call = await office.answered("CA1")
    assert call.session_id == SessionId("CA1")
    knowledge = script_for(call, office.clock.now()).knowledge
    assert knowledge.local_time == "Monday, March 16, 2026, 7 PM"
    assert knowledge.opening_state == "We are closed at the moment, and open again tomorrow at 9 AM."
    assert knowledge.after_hours


def test_a_yes_to_the_greeting_begins_a_message() -> None:
    shop = Business(company="Bakery", hours=HOURS)
    greeting = after_hours_greeting_of(shop, Preferences(), SHUT)
    known = Knowledge("SAATHI", "Bakery", after_hours=True, tools=(ToolSpec("take_message", "", {}),))
    talk = [Message(TurnRole.ASSISTANT, greeting), Message(TurnRole.USER, "Yes, please.")]
    step = next_step(talk, known)
    assert step is not None
    assert any(isinstance(delta, TextDelta) and ASK_MESSAGE in delta.text for delta in step)
