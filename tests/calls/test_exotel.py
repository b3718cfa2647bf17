"""Calls from Exotel: real sockets, a real database, virtual time, and a simulated Exotel at the other end."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.calls.test_twilio import QUESTIONS
from tests.support.metering import CALLER
from tests.support.switchboard import EXOTEL_SECRET, NUMBER, Switchboard, stream_of, switchboard, tone
from tests.support.virtual_time import virtually
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from callgenie.telephony.exotel.secret import basic_authorization
from callgenie.telephony.simulator.carrier import Dialling
from callgenie.telephony.simulator.exotel import MEDIA_PATH, STATUS_PATH
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.report import CallReport, Ending
from callgenie.telephony.simulator.script import (
    Action,
    AwaitHangUp,
    HangUp,
    LetSpeak,
    Listen,
    Pause,
    Play,
    Press,
    rehearse,
)
from callgenie.voice.ports import ToolCall
from callgenie.voice.providers.scripted import Answer

LONG = "We are open from nine to five on weekdays, and on Saturdays from ten to two, but never on holidays."


async def dial(
    board: Switchboard,
    *actions: Action,
    session_id: str = "EX1",
    faults: Faults = NO_FAULTS,
    to_number: str = NUMBER,
    from_number: str = CALLER,
) -> CallReport:
    steps = await rehearse(actions)
    return await board.call(Dialling(from_number, to_number, steps, faults=faults, session_id=session_id), board.exotel)


def heard_ms(report: CallReport) -> int:
    return sum(segment.end_ms - segment.start_ms for segment in stream_of(report).heard)


def calls(conversations: Sequence[dict[str, Any]]) -> list[str]:
    return [conversation["sessionId"] for conversation in conversations]


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_a_call_is_greeted_answered_and_ended_by_a_goodbye_that_was_heard(mongodb_uri: str, rate: int) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri, exotel_rate=rate) as board:
            report = await dial(board, *QUESTIONS)
            conversation = await board.office.conversation("EX1")
            turns = await board.turns("EX1")
            assert await board.comes_to_rest()
        stream = stream_of(report)
        assert report.ended_by is Ending.ASSISTANT
        assert stream.close_code == 1_000
        # Every piece was long enough and of a length that Exotel plays without a hole.
        assert stream.garbled == 0
        assert (conversation["carrier"], conversation["carrierStatus"]) == ("exotel", "completed")
        assert (conversation["status"], conversation["endedReason"]) == ("completed", "assistant-hangup")
        assert (conversation["phoneNumber"], conversation["dialledNumber"]) == (CALLER, NUMBER)
        assert [text for role, text in turns if role == "user"] == ["when are you open", "where are you", "goodbye"]
        assert len(stream.latencies_ms) == 3
        assert max(stream.latencies_ms) < 1_700
        assert stream.gaps == ()
        assert stream.duration_ms / 1_000 <= conversation["duration"] <= stream.duration_ms / 1_000 + 1

    run()


@virtually
async def test_numbers_in_exotels_own_writing_find_the_user(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await dial(board, Listen(), HangUp(), to_number="0" + NUMBER[2:], from_number="0" + CALLER[2:])
        await dial(board, Listen(), HangUp(), session_id="EX2", from_number="anonymous")
        first, second = [await board.office.conversation(session_id) for session_id in ("EX1", "EX2")]
    assert (first["phoneNumber"], first["dialledNumber"], first["endedReason"]) == (CALLER, NUMBER, "caller-hangup")
    assert second["phoneNumber"] is None


@virtually
async def test_keys_are_heard(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await dial(board, Listen(), Press("1"), Press("#"), Listen(), HangUp())
        assert ("user", "(pressed 1 #)") in await board.turns("EX1")


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_an_interruption_is_heard_within_200_ms_of_being_noticed(mongodb_uri: str, rate: int) -> None:
    @virtually
    async def run() -> None:
        actions = (Listen(), Play(tone(800)), LetSpeak(1_000), Play(tone(1_200)), Listen(), HangUp())
        async with switchboard(mongodb_uri, answers={"open": LONG}, exotel_rate=rate) as board:
            report = await dial(board, *actions)
            by_twilio = await board.dial(*actions)
            conversation = await board.office.conversation("EX1")
        stream = stream_of(report)
        interrupted_ms = stream.exchanges[1].began_ms
        [clear_ms] = [clear for clear in stream.clears_ms if clear >= interrupted_ms]
        twilio = stream_of(by_twilio)
        [reference_ms] = [clear for clear in twilio.clears_ms if clear >= twilio.exchanges[1].began_ms]
        # A piece of 100 ms of the caller's audio has to be whole before we hear its beginning,
        # and the filters may take it over the next.
        assert clear_ms - interrupted_ms <= reference_ms - twilio.exchanges[1].began_ms + 140
        [speech] = [segment for segment in stream.heard if segment.start_ms < interrupted_ms < segment.end_ms]
        assert speech.end_ms - clear_ms <= 200
        [cut] = [turn for turn in conversation["turns"] if turn.get("interrupted")]
        assert cut["generatedText"] == LONG
        assert 0 < len(cut["text"]) < len(LONG)

    run()


# Refusals are spoken, since there was no webhook that could have been answered


@virtually
async def test_a_number_of_nobody_hears_a_sentence_and_is_not_recorded(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await dial(board, AwaitHangUp(), to_number="+14155550199")
        everything = await board.everything()
    assert everything["conversations"] == []
    assert report.ended_by is Ending.ASSISTANT
    assert stream_of(report).close_code == 1_000
    # The sentence, "The number you have dialled is not in service. ...", to its end.
    assert heard_ms(report) > 2_000
    assert stream_of(report).marks_echoed == 1


@virtually
async def test_a_second_call_on_a_plan_for_one_hears_that_the_line_is_busy(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, asyncio.TaskGroup() as group:
        first = group.create_task(dial(board, Listen(), Pause(9_000), HangUp()))
        await asyncio.sleep(1)
        second = await dial(board, AwaitHangUp(), session_id="EX2")
        await first
        refused = await board.office.conversation("EX2")
    assert second.ended_by is Ending.ASSISTANT
    assert heard_ms(second) > 2_000
    assert (refused["status"], refused["endedReason"]) == ("rejected", "concurrency-limit")


@virtually
async def test_with_the_database_away_the_caller_hears_an_apology(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        async with board.database_away():
            report = await dial(board, AwaitHangUp())
            status = await board.exotel.report_status("EX1", "completed")
        assert report.ended_by is Ending.ASSISTANT
        assert heard_ms(report) > 2_000
        assert (status.status_code, status.json()["code"]) == (503, "database_busy")


@virtually
async def test_after_a_mistake_of_ours_too_the_caller_hears_an_apology(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        board.office.customers.profiles.profiles.clear()
        report = await dial(board, AwaitHangUp())
    assert heard_ms(report) > 2_000


@virtually
async def test_a_stopping_server_tells_a_new_caller_to_call_again_and_records_nothing(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await board.live.drain(0)
        report = await dial(board, AwaitHangUp())
        assert (await board.everything())["conversations"] == []
    assert heard_ms(report) > 500


@virtually
async def test_a_caller_who_does_not_wait_for_the_refusal_holds_nothing_up(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await dial(board, Pause(1_000), HangUp(), to_number="+14155550199")
        await asyncio.sleep(1)
    assert report.ended_by is Ending.CALLER
    assert stream_of(report).duration_ms <= 1_040


# Who may connect


def upgrade(board: Switchboard, query: str = "", authorization: str | None = None) -> connect:
    headers = {} if authorization is None else {"Authorization": authorization}
    address = "ws" + board.url.removeprefix("http") + MEDIA_PATH + query
    return connect(address, additional_headers=headers, proxy=None)


@virtually
async def test_whoever_does_not_show_the_secret_is_refused_and_nothing_is_written(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, httpx.AsyncClient(trust_env=False) as client:
        await dial(board, Listen(), HangUp())
        before = await board.everything()
        form = {"CallSid": "EX1", "Status": "failed"}
        for query, authorization in (
            ("", None),
            ("?secret=", None),
            ("?secret=wrong", None),
            ("", basic_authorization("me", "wrong")),
            ("", "Bearer " + EXOTEL_SECRET),
        ):
            with pytest.raises(InvalidStatus, match="403"):
                await upgrade(board, query, authorization)
            headers = {} if authorization is None else {"Authorization": authorization}
            answer = await client.post(board.url + STATUS_PATH + query, data=form, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "secret_not_shown")
        assert await board.everything() == before


@virtually
async def test_without_a_secret_every_request_is_refused(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, exotel_secret=None) as board:
        for secret in (EXOTEL_SECRET, "", "None"):
            with pytest.raises(InvalidStatus, match="403"):
                await upgrade(board, f"?secret={quote(secret)}")
        assert (await dial(board)).upgrade_status == 403
        assert (await board.exotel.report_status("EX1", "completed")).status_code == 403
        assert (await board.everything())["conversations"] == []


@virtually
async def test_the_secret_may_stand_in_the_address(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, httpx.AsyncClient(trust_env=False) as client:
        query = f"?sample-rate=8000&secret={quote(EXOTEL_SECRET)}"
        async with upgrade(board, query):
            answer = await client.post(board.url + STATUS_PATH + query, json={"CallSid": "EX9", "Status": "completed"})
        assert answer.status_code == 204


# One call, one stream


async def open_stream(board: Switchboard, session_id: str = "EX1") -> ClientConnection:
    socket = await board.exotel.open_media()
    for text in board.exotel.dialect(Dialling(CALLER, NUMBER, session_id=session_id)).opening({}):
        await socket.send(text)
    return socket


async def close_code_of(socket: ClientConnection) -> int | None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass
    return socket.close_code


@virtually
async def test_a_second_stream_for_a_call_that_runs_is_closed_and_disturbs_nobody(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        first = await open_stream(board)
        await asyncio.sleep(0.5)
        second = await open_stream(board)
        assert await close_code_of(second) == 1_008
        assert board.live.count == 1
        assert (await board.office.conversation("EX1"))["status"] == "in-progress"
        await first.close()
        await asyncio.sleep(5)
        assert await board.comes_to_rest()


@virtually
async def test_of_five_streams_for_one_call_at_the_same_moment_one_gets_it(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        sockets = await asyncio.gather(*(open_stream(board) for _ in range(5)))
        await asyncio.sleep(1)
        assert sorted(str(socket.close_code) for socket in sockets) == ["1008"] * 4 + ["None"]
        assert board.live.count == 1
        for socket in sockets:
            await socket.close()


@virtually
async def test_a_call_that_is_over_does_not_begin_again(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await dial(board, Listen(), HangUp())
        await asyncio.sleep(2)
        before = await board.everything()
        again = await dial(board, AwaitHangUp())
        assert again.ended_by is Ending.ASSISTANT
        assert await board.everything() == before


@virtually
async def test_an_hour_is_the_longest_call_whatever_the_plan_allows(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=(), max_call_seconds=14_400) as board:
        assert (await dial(board, Listen(), HangUp())).ended_by is Ending.CALLER
        [conversation] = (await board.everything())["conversations"]
        answered = await longest_of(board)
    assert calls([conversation]) == ["EX1"]
    assert answered == 3_540


async def longest_of(board: Switchboard) -> int:
    """Hold a call whose caller keeps talking, and return how long it was allowed to last."""
    async with asyncio.TaskGroup() as group:
        call = group.create_task(dial(board, Listen(), Pause(20_000), HangUp(), session_id="EX2"))
        await asyncio.sleep(2)
        [running] = board.live._running.values()
        seconds = running._call.limits.max_seconds
        await call
    return seconds


@virtually
async def test_nobody_is_put_through_and_the_caller_stays_with_the_assistant(mongodb_uri: str) -> None:
    answers: dict[str, Answer] = {"person": ToolCall("transfer_call")}
    async with switchboard(
        mongodb_uri, texts=["a person please"], answers=answers, transfer_number="+14155550177"
    ) as board:
        report = await dial(board, Listen(), Play(tone(800)), Listen(), HangUp())
        conversation = await board.office.conversation("EX1")
    assert report.ended_by is Ending.CALLER
    assert conversation["endedReason"] == "caller-hangup"
    assert "transfer" not in conversation


# What the carrier does wrong


@virtually
async def test_a_socket_that_dies_ends_the_call_as_a_lost_stream(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await dial(board, Listen(), Pause(60_000), faults=Faults(dies_after_ms=7_000))
        await asyncio.sleep(5)
        conversation = await board.office.conversation("EX1")
        assert await board.comes_to_rest()
    assert (conversation["endedReason"], conversation["fault"]) == ("carrier-stream-lost", "provider")
    assert conversation["duration"] in {7, 8}


@virtually
async def test_some_garbage_is_borne(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await dial(board, *QUESTIONS, faults=Faults(garbage_every_frames=100))
        assert [text for role, text in await board.turns("EX1") if role == "user"][-1] == "goodbye"


@virtually
async def test_a_stream_that_never_starts_is_closed_after_five_seconds(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await dial(board, AwaitHangUp(), faults=Faults(never_starts=True))
        assert (await board.everything())["conversations"] == []
    assert stream_of(report).close_code == 1_008
    assert stream_of(report).duration_ms == pytest.approx(5_000, abs=100)


@virtually
async def test_a_beginning_that_makes_no_sense_is_refused_and_nothing_is_written(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        connected, start = board.exotel.dialect(Dialling(CALLER, NUMBER, session_id="EX1")).opening({})
        mulaw = json.loads(start)
        mulaw["start"]["media_format"]["encoding"] = "audio/x-mulaw"
        for texts in (["hello"], [connected, "hello"], [start], [b"\x00"], [connected, json.dumps(mulaw)]):
            socket = await board.exotel.open_media()
            for text in texts:
                await socket.send(text)
            assert await close_code_of(socket) == 1_008
        assert (await board.everything())["conversations"] == []


@virtually
async def test_status_callbacks_in_any_order_and_number_change_nothing_that_is_known_better(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await dial(board, *QUESTIONS, faults=Faults(status_repeats=2, status_backwards=True))
        conversation = await board.office.conversation("EX1")
        unknown = await board.exotel.report_status("EX404", "completed")
        assert await board.comes_to_rest()
    assert set(report.status_answers) == {204}
    assert unknown.status_code == 204
    assert (conversation["status"], conversation["endedReason"]) == ("completed", "assistant-hangup")
    assert conversation["carrierStatus"] == "completed"


@virtually
async def test_a_status_callback_without_a_call_is_malformed(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        answer = await board.exotel.report_status("not a sid", "completed")
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_malformed")
