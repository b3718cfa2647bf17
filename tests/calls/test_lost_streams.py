"""A call outlives its media socket, for two seconds; then it ends, once."""

import asyncio
from typing import Any

import pytest
from tests.support.switchboard import (
    NUMBER,
    Switchboard,
    another_process,
    close_code_of,
    stream_of,
    switchboard,
    tone,
)
from tests.support.twilio_api import Trouble, twilio_server
from tests.support.virtual_time import virtually

from callgenie.calls.media_streams import STREAMS_MAX
from callgenie.calls.twilio import STREAM_ENDED_PATH
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import Action, AwaitHangUp, HangUp, Listen, Pause, Play
from callgenie.telephony.twilio.rest import TwilioApi
from callgenie.telephony.twilio.twiml import ConnectStream, Say, Verb, read
from callgenie.telephony.twilio.twiml import HangUp as HangUpVerb

FORM = {"CallSid": "CA1", "From": "+14155550999", "To": NUMBER, "CallStatus": "in-progress"}
ASKS_LATER: tuple[Action, ...] = (Pause(9_000), Play(tone(800)), Listen(), Play(tone(800)), Listen(), HangUp())


async def asked(board: Switchboard, stream: str = "1", session_id: str = "CA1") -> Verb:
    """Ask, as the carrier does when a stream has ended, what comes next."""
    answer = await board.carrier.post(f"{STREAM_ENDED_PATH}?stream={stream}", {**FORM, "CallSid": session_id})
    assert answer.status_code == 200
    return read(answer.text)[0]


async def next_stream(board: Switchboard, stream: str = "1") -> dict[str, str]:
    verb = await asked(board, stream)
    assert isinstance(verb, ConnectStream)
    return dict(verb.parameters)


def ending_of(conversation: dict[str, Any]) -> tuple[str, str]:
    return conversation["endedReason"], conversation["fault"]


# Within the grace


@virtually
async def test_a_call_whose_socket_breaks_goes_on_over_another(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(*ASKS_LATER, faults=Faults(dies_after_ms=7_000))
        conversation = await board.office.conversation("CA1")
        turns = await board.turns()
        assert await board.comes_to_rest()
        assert board.live.count == 0
    assert stream_of(report).streams == 2
    assert report.action_statuses == (200,)
    assert report.ended_by is Ending.CALLER
    assert ending_of(conversation) == ("caller-hangup", "none")
    assert [text for role, text in turns if role == "user"] == ["when are you open", "where are you"]
    assert conversation["duration"] == -(-stream_of(report).duration_ms // 1_000)


@virtually
async def test_what_we_were_saying_is_said_to_its_end_over_the_next_socket(mongodb_uri: str) -> None:
    answer = "We are open from nine to five on weekdays, and on Saturdays from ten to two, but never on holidays."
    async with switchboard(mongodb_uri, texts=["when are you open"], answers={"open": answer}) as board:
        faults = Faults(dies_after_ms=10_000, reconnects_after_ms=1_500)
        report = await board.dial(Listen(), Play(tone(800)), Pause(10_000), HangUp(), faults=faults)
        turns = await board.turns()
    heard = stream_of(report).heard
    assert turns[-1] == ("assistant", answer)
    # Of 99 characters at 60 ms each, spoken in two pieces with the hole between, only what the carrier had is lost.
    during = [segment for segment in heard if segment.end_ms > 7_100]
    assert len(during) == 2
    assert sum(segment.end_ms - segment.start_ms for segment in during) > 60 * len(answer) - 400
    assert 1_400 < during[1].start_ms - during[0].end_ms < 1_900


@virtually
async def test_a_stream_is_replaced_also_while_the_database_is_away(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(*ASKS_LATER, faults=Faults(dies_after_ms=5_000)))
        await asyncio.sleep(4)
        async with board.database_away():
            await asyncio.sleep(3)
        assert stream_of(await call).streams == 2


@virtually
async def test_the_question_sent_again_gets_the_same_answer(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(*ASKS_LATER, faults=Faults(dies_after_ms=5_000, action_repeats=3))
        conversation = await board.office.conversation("CA1")
        socket = await board.open_stream("CA2", await board.token("CA2"))
        await asyncio.sleep(0.5)
        answers = [await asked(board, session_id="CA2") for _ in range(3)]
        await socket.close()
    assert isinstance(answers[0], ConnectStream)
    assert answers == [answers[0]] * 3
    assert report.action_statuses == (200,) * 4
    assert stream_of(report).streams == 2
    assert ending_of(conversation) == ("caller-hangup", "none")


@virtually
async def test_a_socket_that_hangs_is_closed_as_soon_as_another_has_the_call(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        first = await board.open_stream("CA1", await board.token())
        await asyncio.sleep(1)
        given = await next_stream(board)
        second = await board.open_stream("CA1", given["token"], given["stream"])
        assert await close_code_of(first) == 1_008
        await asyncio.sleep(2.5)
        assert second.close_code is None
        assert board.live.count == 1
        assert (await board.office.conversation("CA1"))["status"] == "in-progress"
        await second.send('{"event":"stop"}')
        assert await close_code_of(second) == 1_000
        await asyncio.sleep(1)
        assert ending_of(await board.office.conversation("CA1")) == ("caller-hangup", "none")
        assert await board.comes_to_rest()


@virtually
async def test_a_later_streams_token_opens_the_call_once_and_no_other_number(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        token = await board.token()
        first = await board.open_stream("CA1", token)
        await asyncio.sleep(0.5)
        given = await next_stream(board)
        second = await board.open_stream("CA1", given["token"], given["stream"])
        await close_code_of(first)
        for wrong, stream in ((given["token"], "2"), (given["token"], "3"), (token, "2"), (token, "3"), (token, None)):
            assert await close_code_of(await board.open_stream("CA1", wrong, stream)) == 1_008
        assert second.close_code is None
        assert board.live.count == 1
        await second.close()


# Beyond it


@virtually
async def test_a_call_without_a_stream_for_two_seconds_ends_as_a_lost_stream(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        faults = Faults(dies_after_ms=5_000, reconnects_after_ms=3_000)
        report = await board.dial(*ASKS_LATER, faults=faults)
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert report.verbs[-1] == HangUpVerb()
    assert report.ended_by is Ending.CARRIER
    assert ending_of(conversation) == ("carrier-stream-lost", "provider")
    assert conversation["duration"] in {7, 8}


@virtually
async def test_a_call_that_the_carrier_calls_over_is_not_waited_for(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await board.dial(*ASKS_LATER, faults=Faults(dies_after_ms=5_000, line_dies=True))
        await asyncio.sleep(0.5)
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert ending_of(conversation) == ("carrier-stream-lost", "provider")
    assert conversation["duration"] in {5, 6}


@virtually
async def test_a_call_whose_every_socket_breaks_is_let_go(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(*ASKS_LATER, faults=Faults(dies_after_ms=1_000, deaths=99))
        await asyncio.sleep(3)
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert stream_of(report).streams == STREAMS_MAX
    assert report.announcement.startswith("I am sorry")
    assert ending_of(conversation) == ("carrier-stream-lost", "provider")


@virtually
async def test_a_call_that_we_ended_gets_no_other_stream(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["goodbye"]) as board:
        report = await board.dial(Listen(), Play(tone(800)), AwaitHangUp())
        conversation = await board.office.conversation("CA1")
        assert await asked(board) == HangUpVerb()
    assert report.verbs[-1] == HangUpVerb()
    assert stream_of(report).streams == 1
    assert ending_of(conversation) == ("assistant-hangup", "none")


@virtually
async def test_a_caller_whom_no_stream_ever_reached_hears_an_apology(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(Listen(), faults=Faults(never_starts=True))
        assert (await board.office.conversation("CA1"))["status"] == "abandoned"
        assert await board.comes_to_rest()
    assert report.announcement.startswith("I am sorry")


@pytest.mark.parametrize("stream", ["", "x", "0", "7", "-1", "99", "%C2%B2", "1&stream=2"])
def test_a_question_that_makes_no_sense_starts_nothing(mongodb_uri: str, stream: str) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri) as board:
            before = await board.everything()
            assert await asked(board, stream, "CA404") == HangUpVerb()
            assert await board.everything() == before

    run()


# The carrier's half


@pytest.mark.parametrize(
    ("faults", "left"),
    [
        (Faults(goes_silent_after_ms=4_000), "completed"),
        (Faults(dies_after_ms=4_000, reconnects_after_ms=20_000), "completed"),
        (Faults(), "in-progress"),
    ],
)
def test_the_carrier_is_told_to_hang_up_where_no_socket_could_tell_it(
    mongodb_uri: str, faults: Faults, left: str
) -> None:
    @virtually
    async def run() -> None:
        async with twilio_server() as twilio:
            twilio.calls["CA1"] = {"sid": "CA1", "status": "in-progress"}
            api = TwilioApi(twilio.account)
            async with switchboard(mongodb_uri, api=api) as board:
                await board.dial(Listen(), Pause(6_000), HangUp(), faults=faults)
                await asyncio.sleep(10)
            await api.close()
            assert twilio.calls["CA1"]["status"] == left

    run()


@virtually
async def test_a_carrier_that_takes_no_order_costs_the_record_nothing(mongodb_uri: str) -> None:
    async with twilio_server() as twilio:
        api = TwilioApi(twilio.account)
        async with switchboard(mongodb_uri, api=api) as board:
            twilio.troubles += [Trouble(500)] * 3
            await board.dial(Listen(), Pause(6_000), faults=Faults(goes_silent_after_ms=4_000))
            await asyncio.sleep(20)
            assert ending_of(await board.office.conversation("CA1")) == ("carrier-stream-lost", "provider")
            assert await board.comes_to_rest()
            assert len(twilio.forms) == 3
        await api.close()


# Several processes


@virtually
async def test_another_process_offers_a_stream_and_the_one_that_has_the_call_takes_it(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, another_process(board) as other:
        first = await board.open_stream("CA1", await board.token())
        await asyncio.sleep(1)
        first.transport.abort()
        given = await next_stream(other)
        second = await board.open_stream("CA1", given["token"], given["stream"])
        await asyncio.sleep(3)
        assert second.close_code is None
        assert board.live.count == 1
        await second.close()


@virtually
async def test_a_stream_that_lands_in_another_process_is_refused_and_the_call_ends_once(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, another_process(board) as other:
        first = await board.open_stream("CA1", await board.token())
        await asyncio.sleep(1)
        first.transport.abort()
        stream = "1"
        for _ in range(STREAMS_MAX):
            verb = await asked(other, stream)
            if isinstance(verb, HangUpVerb):
                break
            assert isinstance(verb, ConnectStream)
            stream = verb.parameters["stream"]
            assert await close_code_of(await other.open_stream("CA1", verb.parameters["token"], stream)) == 1_008
        else:
            raise AssertionError("the caller is sent round and round")
        conversation = await board.office.conversation("CA1")
        assert other.live.count == 0
        assert ending_of(conversation) == ("carrier-stream-lost", "provider")
        assert await board.comes_to_rest()


@virtually
async def test_a_caller_whose_process_is_gone_hears_an_apology_within_seconds(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, another_process(board) as other:
        # Answered by a process that is no more.
        await board.office.answered("CA1")
        began = asyncio.get_running_loop().time()
        verb = await asked(other)
        while isinstance(verb, ConnectStream):
            given = verb.parameters
            assert await close_code_of(await other.open_stream("CA1", given["token"], given["stream"])) == 1_008
            verb = await asked(other, given["stream"])
        assert isinstance(verb, Say)
        assert verb.text.startswith("I am sorry")
        assert asyncio.get_running_loop().time() - began < 5


@virtually
async def test_another_process_does_not_take_an_end_that_is_being_written_for_a_loss(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["goodbye"]) as board, another_process(board) as other:
        first = await board.open_stream("CA1", await board.token())
        await asyncio.sleep(1)
        assert board.live.hang_up(SessionId("CA1"), EndedReason.ASSISTANT_HANGUP, Fault.NONE)
        assert await asked(other) == HangUpVerb()
        assert await close_code_of(first) == 1_000


@virtually
async def test_with_the_database_away_a_call_of_another_process_is_hung_up(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, another_process(board) as other:
        socket = await board.open_stream("CA1", await board.token())
        await asyncio.sleep(1)
        async with board.database_away():
            assert await asked(other) == HangUpVerb()
        await socket.close()
