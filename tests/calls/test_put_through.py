"""Putting a caller through: dialled once, and noted as it was. `test_coming_back` has whom nobody answers."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.metering import CALLER
from tests.support.switchboard import NUMBER, Switchboard, another_process, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.calls.twilio import STREAM_ENDED_PATH, TRANSFER_ENDED_PATH, TRANSFER_RINGS_SECONDS
from callgenie.telephony.simulator.carrier import Dialling, Transferee
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import AwaitHangUp, Listen, Play, rehearse
from callgenie.telephony.twilio.twiml import Dial, read
from callgenie.telephony.twilio.twiml import HangUp as HangUpVerb
from callgenie.voice.ports import ToolCall

COLLEAGUE = "+14155550177"
WANTS_A_PERSON: dict[str, Any] = {
    "texts": ["a person please"],
    "answers": {"person": ToolCall("transfer_call")},
    "transfer_number": COLLEAGUE,
}
FORM = {"CallSid": "CA1", "From": CALLER, "To": NUMBER, "CallStatus": "in-progress"}


async def ask_for_a_transfer(board: Switchboard, session_id: str = "CA1") -> None:
    """Write what the assistant's tool writes, for calls in which nobody speaks."""
    wish = {"to": COLLEAGUE, "status": "requested", "requestedAt": datetime.now(UTC)}
    await board.office.db.conversations.update_one({"sessionId": session_id}, {"$set": {"transfer": wish}})


async def transferred(
    board: Switchboard, transferee: Transferee, *, caller: str = CALLER, faults: Faults = NO_FAULTS
) -> tuple[CallReport, dict[str, Any]]:
    """Hold a call that ends with a transfer; return the carrier's report and what was noted of it."""
    steps = await rehearse([Listen(), Play(tone(800)), AwaitHangUp()])
    dialling = Dialling(caller, NUMBER, steps, transferee=transferee, session_id="CA1", faults=faults)
    report = await board.call(dialling)
    conversation = await board.office.conversation("CA1")
    assert await board.comes_to_rest()
    return report, conversation


@virtually
async def test_a_caller_is_put_through_and_the_record_says_how_long_they_talked(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        report, conversation = await transferred(board, Transferee(seconds=95))
    assert [(dial.number, dial.caller_id, dial.outcome) for dial in report.dials] == [(COLLEAGUE, CALLER, "completed")]
    assert conversation["endedReason"] == "transferred"
    assert (conversation["transfer"]["status"], conversation["transfer"]["seconds"]) == ("completed", 95)
    assert conversation["transfer"]["dialledAt"] < conversation["transfer"]["endedAt"]
    # The assistant's part is what counts.
    assert conversation["billableSeconds"] < 20
    assert report.announcement == ""


@virtually
async def test_nobody_is_rung_for_longer_than_the_limit(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        _, conversation = await transferred(board, Transferee(rings_ms=(TRANSFER_RINGS_SECONDS + 1) * 1_000))
    assert conversation["transfer"]["status"] == "no-answer"


@virtually
async def test_a_withheld_number_is_shown_as_ours(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        report, _ = await transferred(board, Transferee(), caller="Anonymous")
    assert report.dials[0].caller_id == NUMBER


@virtually
async def test_questions_and_outcomes_that_come_twice_dial_and_note_once(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, **WANTS_A_PERSON) as board:
        report, before = await transferred(board, Transferee(seconds=40), faults=Faults(action_repeats=2))
        late = {**FORM, "DialCallStatus": "busy"}
        answer = await board.carrier.post(TRANSFER_ENDED_PATH, late)
        assert answer.status_code == 200
        again = await board.carrier.post(STREAM_ENDED_PATH + "?stream=1", FORM)
        assert read(again.text) == (HangUpVerb(),)
        assert await board.office.conversation("CA1") == before
    assert len(report.dials) == 1
    assert before["transfer"]["status"] == "completed"


@virtually
async def test_another_process_puts_through_as_well(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, another_process(board) as other:
        socket = await board.open_stream("CA1", await board.token())
        await asyncio.sleep(1)
        await ask_for_a_transfer(board)
        await socket.close()
        [verb] = read((await other.carrier.post(STREAM_ENDED_PATH + "?stream=1", FORM)).text)
        assert isinstance(verb, Dial)
        assert (verb.number, verb.timeout_seconds) == (COLLEAGUE, TRANSFER_RINGS_SECONDS)
        assert verb.action == board.services.public_url + TRANSFER_ENDED_PATH


@pytest.mark.parametrize(
    ("status", "duration", "noted"),
    [("answered", "7", ("answered", 7)), ("nonsense", "x", ("failed", 0)), ("completed", "1e9", ("completed", 0))],
)
def test_an_outcome_is_read_with_care(mongodb_uri: str, status: str, duration: str, noted: tuple[str, int]) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri) as board:
            await board.token()
            await ask_for_a_transfer(board)
            form = {**FORM, "DialCallStatus": status, "DialCallDuration": duration}
            assert (await board.carrier.post(TRANSFER_ENDED_PATH, form)).status_code == 200
            transfer = (await board.office.conversation("CA1"))["transfer"]
        assert (transfer["status"], transfer["seconds"]) == noted

    run()


@virtually
async def test_with_the_database_away_a_caller_whom_nobody_answered_is_told_so_all_the_same(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, board.database_away():
        answer = await board.carrier.post(TRANSFER_ENDED_PATH, {**FORM, "DialCallStatus": "busy"})
    assert answer.status_code == 200
    assert "nobody could take your call" in answer.text


@virtually
async def test_an_outcome_of_a_call_that_nobody_knows_is_taken(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        before = await board.everything()
        answer = await board.carrier.post(TRANSFER_ENDED_PATH, {**FORM, "DialCallStatus": "busy"})
        assert answer.status_code == 200
        assert await board.everything() == before
