"""A caller who was handed on and met nobody: back with the assistant, counted once, and not sent round in a circle."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.support.fake_link import FakeLink
from tests.support.metering import CALLER
from tests.support.opening_hours import at, weekly
from tests.support.switchboard import NUMBER, Switchboard, another_process, stream_of, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.calls.models import AnsweredCall, Occasion
from callgenie.calls.tools.offered import tools_for
from callgenie.calls.twilio import NOBODY_ANSWERED, TRANSFER_ENDED_PATH
from callgenie.conversations.models import Ending
from callgenie.conversations.rests import rest_id_of
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault
from callgenie.profiles.greetings import NOBODY_REACHED
from callgenie.profiles.models import AfterHours
from callgenie.telephony.simulator.carrier import Dialling, Transferee
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Listen, Play, rehearse
from callgenie.telephony.twilio.twiml import ConnectStream, Verb, read
from callgenie.telephony.twilio.twiml import HangUp as HangUpVerb
from callgenie.voice.ports import ToolCall

COLLEAGUE = "+14155550177"
WANTS_A_PERSON: dict[str, Any] = {
    "texts": ["a person please"],
    "answers": {"person": ToolCall("transfer_call")},
    "transfer_number": COLLEAGUE,
}
REST = rest_id_of(SessionId("CA1"))
FORM = {"CallSid": "CA1", "From": CALLER, "To": NUMBER, "CallStatus": "in-progress", "DialCallStatus": "busy"}
BUSY = Transferee("busy")
HANDED_ON = Ending(CallStatus.COMPLETED, EndedReason.TRANSFERRED)


async def talk(board: Switchboard, *, transferee: Transferee = BUSY, faults: Faults = NO_FAULTS) -> CallReport:
    """Ask for a person, hear what comes of it, and hang up."""
    steps = await rehearse([Listen(), Play(tone(800)), Listen(), Listen(timeout_ms=40_000)])
    dialling = Dialling(CALLER, NUMBER, steps, session_id="CA1", transferee=transferee, faults=faults)
    report = await board.call(dialling)
    assert await board.comes_to_rest()
    return report


async def wants_to_be_handed_on(board: Switchboard) -> AnsweredCall:
    call = await board.office.answered("CA1")
    assert await board.office.desk.request_transfer(call, COLLEAGUE)
    return call


async def handed_on(board: Switchboard) -> AnsweredCall:
    """Take a call as far as its carrier dialling somebody; nobody speaks in it."""
    call = await wants_to_be_handed_on(board)
    await board.office.desk.end(call, reason=EndedReason.TRANSFERRED, fault=Fault.NONE, elapsed_seconds=12)
    return call


async def answer_to(board: Switchboard, **form: str) -> Sequence[Verb]:
    """Report that nobody has answered; return what the carrier is to do next."""
    response = await board.carrier.post(TRANSFER_ENDED_PATH, FORM | form)
    assert response.status_code == 200
    return read(response.text)


async def rests(board: Switchboard) -> int:
    return await board.office.db.conversations.count_documents({"continues": "CA1"})


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed", "canceled"])
def test_a_caller_whom_nobody_answers_is_back_with_the_assistant(mongodb_uri: str, outcome: str) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
            report = await talk(board, transferee=Transferee(outcome))
            first, rest = await board.office.conversation("CA1"), await board.office.conversation(REST)
            turns = await board.turns(REST)
        assert turns == [("assistant", NOBODY_REACHED)]
        assert (stream_of(report).streams, report.announcement) == (2, "")
        assert (first["transfer"]["status"], first["transfer"]["seconds"]) == (outcome, 0)
        assert (first["endedReason"], rest["endedReason"]) == ("transferred", "caller-hangup")
        assert (rest["continues"], rest["phoneNumber"], rest["dialledNumber"]) == ("CA1", CALLER, NUMBER)

    run()


@virtually
async def test_the_call_counts_once_and_the_seconds_of_ringing_not_at_all(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        report = await talk(board, transferee=Transferee("no-answer", rings_ms=24_000), faults=Faults(action_repeats=2))
        first, rest = await board.office.conversation("CA1"), await board.office.conversation(REST)
        usage = await board.usage()
        assert await board.office.reconciliation.reconcile(board.owner) == []
        assert await rests(board) == 1
    assert (first["counted"], rest["counted"]) == (True, False)
    assert usage["calls"] == 1
    assert usage["seconds"] == first["billableSeconds"] + rest["billableSeconds"]
    assert rest["billableSeconds"] >= 3
    assert usage["seconds"] <= stream_of(report).duration_ms / 1_000 - 20


@virtually
async def test_the_plans_last_call_may_come_back(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        for number in range(9):
            await board.dial(session_id=f"CX{number}")
            assert await board.comes_to_rest()
        await talk(board)
        assert (await board.usage())["calls"] == 10
        assert await board.turns(REST) == [("assistant", NOBODY_REACHED)]


@virtually
async def test_without_seconds_left_the_carrier_says_that_nobody_answers(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        await handed_on(board)
        await board.use_up(all_but_seconds=12)
        response = await board.carrier.post(TRANSFER_ENDED_PATH, FORM)
        rest = await board.office.conversation(REST)
        assert (await board.usage())["holds"] == {}
    assert NOBODY_ANSWERED in response.text
    assert (rest["status"], rest["endedReason"], rest["counted"]) == ("rejected", "usage-limit", False)


@virtually
async def test_a_line_that_is_busy_at_once_waits_for_the_end_of_the_call_before(mongodb_uri: str) -> None:
    """The free plan has one line, and nobody has settled the call yet."""
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        call = await wants_to_be_handed_on(board)
        asking = asyncio.create_task(answer_to(board))
        await asyncio.sleep(1.2)
        await board.office.calls.end(call.user_id, call.session_id, HANDED_ON, elapsed_seconds=12)
        (verb,) = await asking
    assert isinstance(verb, ConnectStream)


@virtually
async def test_the_same_report_gets_the_same_answer_until_the_rest_is_over(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board, another_process(board) as other:
        await handed_on(board)
        (verb,) = await answer_to(board)
        assert isinstance(verb, ConnectStream)
        assert [await answer_to(other), await answer_to(board)] == [(verb,), (verb,)]
        socket = await other.open_stream(REST, verb.parameters["token"])
        await asyncio.sleep(3)
        await socket.close()
        assert await other.comes_to_rest()
        verbs = await answer_to(board)
        assert isinstance(verbs[-1], HangUpVerb)
        assert await rests(board) == 1
        assert (await board.usage())["calls"] == 1


@pytest.mark.parametrize("form", [{"CallStatus": "completed"}, {"DialCallStatus": "completed"}])
def test_who_has_hung_up_or_was_answered_does_not_come_back(mongodb_uri: str, form: dict[str, str]) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
            await handed_on(board)
            await answer_to(board, **form)
            assert await rests(board) == 0

    run()


@virtually
async def test_a_late_word_brings_nobody_back_who_was_answered(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        await handed_on(board)
        await answer_to(board, DialCallStatus="completed", DialCallDuration="40")
        assert isinstance((await answer_to(board))[-1], HangUpVerb)
        assert await rests(board) == 0


@virtually
async def test_who_hangs_up_before_the_assistant_is_there_frees_the_line(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        await handed_on(board)
        await answer_to(board)
        assert not await board.is_at_rest()
        await board.carrier.report_status(board.dialling(), "completed")
        rest = await board.office.conversation(REST)
        assert await board.comes_to_rest()
    assert (rest["status"], rest["endedReason"]) == ("abandoned", "caller-hangup")


@virtually
async def test_a_server_that_is_about_to_stop_takes_nobody_back(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        await handed_on(board)
        await board.live.drain(0)
        assert isinstance((await answer_to(board))[-1], HangUpVerb)
        assert await rests(board) == 0


@virtually
async def test_a_call_of_the_day_comes_back_at_night_as_one_of_the_day(mongodb_uri: str) -> None:
    hours: dict[str, Any] = {"hours": weekly(weekdays="09:00-17:30"), "after_hours": AfterHours.REFUSE}
    async with switchboard(mongodb_uri, **WANTS_A_PERSON, **hours, now=at("2026-03-16 17:29")) as board:
        await handed_on(board)
        board.office.clock.time = at("2026-03-16 17:31")
        (verb,) = await answer_to(board)
        rest = await board.office.conversation(REST)
    assert isinstance(verb, ConnectStream)
    assert not rest["afterHours"]


@virtually
async def test_nobody_is_handed_on_twice_in_one_call(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board, FakeLink(can_transfer=True) as link:
        call = await board.office.answered("CA1")
        offered = [
            [tool.spec.name for tool in tools_for(each, link, board.office.desk, board.office.clock)]
            for each in (call, replace(call, occasion=Occasion(is_rest=True)))
        ]
    assert "transfer_call" in offered[0]
    assert offered[1] == [name for name in offered[0] if name != "transfer_call"]
