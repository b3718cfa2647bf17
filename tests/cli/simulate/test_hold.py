"""Scripts against a whole server, in virtual time: what the assistant hums stands for the texts that a test gives."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.support.metering import CALLER
from tests.support.switchboard import NUMBER, Switchboard, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.cli.simulate.judge import SimulatedCallOutcome
from callgenie.cli.simulate.run import ServerAwayError, hold
from callgenie.cli.simulate.scenario import (
    CarrierKind,
    Expectation,
    Heard,
    HungUp,
    Refused,
    Scenario,
    Silence,
    Stage,
    Transferred,
)
from callgenie.cli.simulate.telling import document_of
from callgenie.cli.simulate.words import wanted
from callgenie.telephony.simulator.carrier import SimulatedCarrier
from callgenie.telephony.simulator.exotel import SimulatedExotel
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.script import Action, HangUp, LetSpeak, Pause, Play, rehearse
from callgenie.voice.ports import ToolCall
from callgenie.voice.providers.scripted import Answer, ScriptedSpeechToText

GREETING = "Hello, this is the bakery."
HOURS = "We are open from 9 to 5."
PLACE = "At the corner of Main Street."
FAREWELL = "Thank you for calling. Goodbye."
CARRIERS = [CarrierKind.TWILIO, CarrierKind.EXOTEL]
QUESTION = Play(tone(800), label="a question")


def heard(*texts: str, within_ms: int = 5_000) -> Heard:
    return Heard(tuple(wanted(text) for text in texts), within_ms)


def scenario(
    *steps: Action | Expectation,
    carrier: CarrierKind = CarrierKind.TWILIO,
    faults: Faults = NO_FAULTS,
    to: str = NUMBER,
) -> Scenario:
    stages: list[Stage] = []
    for line, step in enumerate(steps, 1):
        if isinstance(step, Heard | HungUp | Silence | Refused | Transferred):
            stages.append(Stage(line, (step.action(),), step))
        else:
            stages.append(Stage(line, (step,)))
    return Scenario(to, CALLER, carrier, "", tuple(stages), faults)


async def held(
    board: Switchboard, script: Scenario, texts: Sequence[str] = (GREETING, HOURS, PLACE)
) -> SimulatedCallOutcome:
    dial = board.exotel.call if script.carrier is CarrierKind.EXOTEL else board.carrier.call
    told: list[tuple[int, str, str]] = []
    steps = await rehearse(script.actions)
    outcome = await hold(script, steps, dial, ScriptedSpeechToText(texts), lambda *line: told.append(line))
    assert [text for _, who, text in told if who == "assistant"] == [line.text for line in outcome.lines]
    return outcome


def failures(outcome: SimulatedCallOutcome) -> list[tuple[int, str]]:
    return [(verdict.line, verdict.found) for verdict in outcome.verdicts if not verdict.passed]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_call_that_goes_as_expected_passes(mongodb_uri: str, carrier: CarrierKind) -> None:
    @virtually
    async def run() -> None:
        steps = (heard("hello", "bakery"), QUESTION, heard("from nine to five"), QUESTION, heard("corner"))
        async with switchboard(mongodb_uri) as board:
            script = scenario(*steps, QUESTION, HungUp(20_000), carrier=carrier)
            outcome = await held(board, script, (GREETING, HOURS, PLACE, FAREWELL))
        assert failures(outcome) == []
        assert outcome.passed
        document: dict[str, Any] = document_of([outcome])
        assert document["passed"]
        assert [line["text"] for line in document["calls"][0]["heard"]] == [GREETING, HOURS, PLACE, FAREWELL]
        assert len([said for said in document["calls"][0]["said"] if said["latencyMs"] is not None]) == 3

    run()


@virtually
async def test_words_that_were_not_said_fail_and_the_call_goes_on(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        script = scenario(heard("good evening"), QUESTION, heard("closed"), QUESTION, heard("corner"), HangUp())
        outcome = await held(board, script)
    assert failures(outcome) == [(1, GREETING), (3, HOURS)]
    assert not outcome.passed


@virtually
async def test_an_answer_that_came_during_a_pause_is_not_missed(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        script = scenario(Pause(9_000), heard("hello"), QUESTION, Pause(9_000), heard("nine"), HangUp())
        assert failures(await held(board, script)) == []


@virtually
async def test_an_interrupted_sentence_is_not_taken_for_the_answer(mongodb_uri: str) -> None:
    long = "We are open from nine to five on weekdays, and on Saturdays from ten to two, but never on holidays."
    async with switchboard(mongodb_uri, answers={"open": long, "where": PLACE}) as board:
        script = scenario(heard("hello"), QUESTION, LetSpeak(1_000), Play(tone(1_600)), heard("corner"), HangUp())
        outcome = await held(board, script, (GREETING, "We are open from", PLACE))
    assert failures(outcome) == []


@virtually
async def test_silence_and_a_hang_up_that_does_not_come_are_judged(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        quiet = await held(board, scenario(heard("hello"), Silence(3_000), HangUp()))
        loud = await held(board, scenario(Silence(3_000), HungUp(2_000)))
    assert failures(quiet) == []
    assert [line for line, _ in failures(loud)] == [1, 2]
    assert failures(loud)[0][1] == GREETING
    assert failures(loud)[1][1].startswith("the caller ended the call")


@virtually
async def test_what_comes_too_late_was_not_heard(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        outcome = await held(board, scenario(heard("hello"), heard("more", within_ms=1_000), HangUp()))
    assert failures(outcome) == [(2, "nothing within 1 s")]


@virtually
async def test_after_a_socket_that_died_the_rest_fails(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        faults = Faults(dies_after_ms=4_000, line_dies=True)
        outcome = await held(board, scenario(heard("hello"), QUESTION, heard("nine"), HungUp(9_000), faults=faults))
    assert [line for line, _ in failures(outcome)] == [3, 4]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_refusal_passes_where_it_is_expected_and_fails_where_not(mongodb_uri: str, carrier: CarrierKind) -> None:
    @virtually
    async def run() -> None:
        words = "The number you have dialled is not in service. Please check it. Goodbye."
        refused = Refused((wanted("not in service"),), 20_000)
        elsewhere = "+14155550199"
        async with switchboard(mongodb_uri) as board:
            as_expected = await held(board, scenario(refused, carrier=carrier, to=elsewhere), (words,))
            for_another_reason = await held(
                board, scenario(Refused((wanted("busy"),), 20_000), carrier=carrier, to=elsewhere), (words,)
            )
            unexpected = await held(board, scenario(heard("hello"), carrier=carrier, to=elsewhere), (words,))
            taken = await held(board, scenario(refused, carrier=carrier))
        assert as_expected.passed
        assert failures(for_another_reason) == [(1, words)]
        assert not unexpected.passed
        assert not taken.passed

    run()


@virtually
async def test_a_transfer_is_judged_by_the_number_that_the_carrier_is_told_to_dial(mongodb_uri: str) -> None:
    answers: dict[str, Answer] = {"open": ToolCall("transfer_call")}
    texts = ["put me through to somebody who knows when you are open"]
    async with switchboard(mongodb_uri, texts=texts, answers=answers, transfer_number="+14155550177") as board:
        for number, passed in (("+14155550177", True), ("+14155550178", False)):
            outcome = await held(board, scenario(heard("hello"), QUESTION, Transferred(number, 20_000)))
            assert outcome.passed is passed, outcome.verdicts
    assert failures(outcome) == [(3, "transferred to +14155550177")]


@virtually
async def test_a_webhook_that_is_refused_is_a_problem_with_a_hint(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, auth_token="another", exotel_secret=None) as board:
        for carrier, hint in ((CarrierKind.TWILIO, "--auth-token"), (CarrierKind.EXOTEL, "refused with 403")):
            outcome = await held(board, scenario(HangUp(), carrier=carrier))
            assert not outcome.passed
            assert hint in outcome.problem


@pytest.mark.parametrize("carrier_of", [SimulatedCarrier, SimulatedExotel])
def test_without_a_server_the_call_cannot_be_placed(
    carrier_of: Callable[[str, str], SimulatedCarrier | SimulatedExotel],
) -> None:
    @virtually
    async def run() -> None:
        async with carrier_of("http://127.0.0.1:9", "a secret") as carrier:
            with pytest.raises(ServerAwayError, match="Is the server running"):
                await hold(scenario(HangUp()), (), carrier.call, ScriptedSpeechToText(()), lambda *_: None)

    run()


async def test_a_server_that_goes_away_before_it_answers_the_socket_is_a_problem_with_a_hint() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with SimulatedExotel(f"http://127.0.0.1:{port}", "a secret") as carrier:
            script = scenario(HangUp(), carrier=CarrierKind.EXOTEL)
            outcome = await hold(script, (), carrier.call, ScriptedSpeechToText(()), lambda *_: None)
    assert not outcome.passed
    assert outcome.problem.startswith("The server went away")


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_carrier_that_falls_silent_hears_no_more_of_its_caller_and_is_hung_up_on(
    mongodb_uri: str, carrier: CarrierKind
) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri) as board:
            faults = Faults(goes_silent_after_ms=4_000)
            steps = (heard("hello"), Pause(3_000), QUESTION, heard("nine"), HungUp(20_000))
            outcome = await held(board, scenario(*steps, carrier=carrier, faults=faults))
            ended = await board.office.conversation(outcome.report.session_id)
        assert [line for line, _ in failures(outcome)] == [4]
        assert (ended["endedReason"], ended["fault"]) == ("carrier-stream-lost", "provider")

    run()


@pytest.mark.parametrize(("carrier", "failed"), [(CarrierKind.TWILIO, []), (CarrierKind.EXOTEL, [4, 6])])
def test_a_socket_that_dies_is_replaced_by_twilio_and_the_end_of_a_call_from_exotel(
    mongodb_uri: str, carrier: CarrierKind, failed: list[int]
) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri, texts=["open", "goodbye"]) as board:
            faults = Faults(dies_after_ms=4_000)
            steps = (heard("hello"), Pause(3_000), QUESTION, heard("nine"), QUESTION, HungUp(20_000))
            outcome = await held(board, scenario(*steps, carrier=carrier, faults=faults), (GREETING, HOURS, FAREWELL))
        assert [line for line, _ in failures(outcome)] == failed

    run()
