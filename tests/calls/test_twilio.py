"""Twilio's webhooks and media socket from outside: signed or refused, once or twice, whole or cut off."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.support.switchboard import AUTH_TOKEN, NUMBER, Switchboard, close_code_of, stream_of, switchboard, tone
from tests.support.virtual_time import virtually
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from callgenie.calls.outbound import OUTBOUND_PATH
from callgenie.calls.twilio import STREAM_ENDED_PATH, TRANSFER_ENDED_PATH
from callgenie.telephony.simulator.carrier import STATUS_PATH, VOICE_PATH
from callgenie.telephony.simulator.dialect import connected
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import AwaitHangUp, HangUp, LetSpeak, Listen, Pause, Play
from callgenie.telephony.twilio.signature import HEADER, sign
from callgenie.telephony.twilio.twiml import ConnectStream, read

FORM = {"CallSid": "CA1", "From": "+14155550999", "To": NUMBER, "CallStatus": "ringing"}
QUESTIONS = (Listen(), Play(tone(800)), Listen(), Play(tone(800)), Listen(), Play(tone(800)), AwaitHangUp())


@virtually
async def test_a_call_is_greeted_answered_and_ended_by_a_goodbye_that_was_heard(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(*QUESTIONS)
        conversation = await board.office.conversation("CA1")
        turns = await board.turns()
        assert await board.comes_to_rest()
    stream = stream_of(report)
    assert report.ended_by is Ending.ASSISTANT
    assert stream.close_code == 1_000
    assert (conversation["status"], conversation["endedReason"]) == ("completed", "assistant-hangup")
    assert [role for role, _ in turns] == ["assistant", "user"] * 3 + ["assistant"]
    assert [text for role, text in turns if role == "user"] == ["when are you open", "where are you", "goodbye"]
    assert [turn["number"] for turn in conversation["turns"]] == list(range(1, 8))
    assert len(stream.latencies_ms) == 3
    assert max(stream.latencies_ms) < 1_500
    assert stream.gaps == ()
    assert stream.duration_ms / 1_000 <= conversation["duration"] <= stream.duration_ms / 1_000 + 1


@virtually
async def test_a_caller_who_hangs_up_is_recorded_as_such(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await board.dial(Listen(), Play(tone(800)), Listen(), HangUp())
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert (conversation["status"], conversation["endedReason"]) == ("completed", "caller-hangup")
    assert conversation["billableSeconds"] == conversation["duration"] > 0


@virtually
async def test_interrupting_the_assistant_empties_the_carriers_buffer(mongodb_uri: str) -> None:
    long = "We are open from nine to five on weekdays, and on Saturdays from ten to two, but never on holidays."
    async with switchboard(mongodb_uri, answers={"open": long}) as board:
        report = await board.dial(Listen(), Play(tone(800)), LetSpeak(1_000), Play(tone(1_200)), Listen(), HangUp())
        conversation = await board.office.conversation("CA1")
    stream = stream_of(report)
    interruption = stream.exchanges[1].began_ms
    assert [clear for clear in stream.clears_ms if interruption <= clear <= interruption + 1_200]
    cut = [turn for turn in conversation["turns"] if turn.get("interrupted")]
    assert len(cut) == 1
    assert cut[0]["generatedText"] == long
    assert len(cut[0]["text"]) < len(long)


# Who may ring


async def post(board: Switchboard, path: str, form: dict[str, str], signature: str | None) -> httpx.Response:
    headers = {} if signature is None else {HEADER: signature}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(board.url + path, data=form, headers=headers)


@pytest.mark.parametrize("path", [VOICE_PATH, STATUS_PATH, STREAM_ENDED_PATH, TRANSFER_ENDED_PATH, OUTBOUND_PATH])
@pytest.mark.parametrize("forgery", ["none", "empty", "wrong token", "other address", "other form", "not a form"])
def test_a_webhook_that_twilio_did_not_sign_is_refused_and_nothing_is_written(
    mongodb_uri: str, path: str, forgery: str
) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri) as board:
            before = await board.everything()
            good = sign(AUTH_TOKEN, board.url + path, FORM.items())
            form = {**FORM, "CallSid": "\udcff"} if forgery == "not a form" else FORM
            signature = {
                "none": None,
                "empty": "",
                "wrong token": sign("wrong", board.url + path, FORM.items()),
                "other address": sign(AUTH_TOKEN, "https://elsewhere.example.com" + path, FORM.items()),
                "other form": sign(AUTH_TOKEN, board.url + path, {**FORM, "To": "+14155550101"}.items()),
                "not a form": good,
            }[forgery]
            if forgery == "not a form":
                async with httpx.AsyncClient(trust_env=False) as client:
                    answer = await client.post(board.url + path, content=b"\xff\xfe=%ff", headers={HEADER: good})
            else:
                answer = await post(board, path, form, signature)
            assert answer.status_code == 403
            assert answer.json()["code"] == "webhook_unsigned"
            assert await board.everything() == before

    run()


@virtually
async def test_without_an_auth_token_every_request_is_refused(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, auth_token=None) as board:
        before = await board.everything()
        for token in (AUTH_TOKEN, "", "None"):
            signature = sign(token, board.url + VOICE_PATH, FORM.items())
            assert (await post(board, VOICE_PATH, FORM, signature)).status_code == 403
        with pytest.raises(InvalidStatus, match="403"):
            await board.carrier.open_media(board.url.replace("http", "ws", 1) + "/api/telephony/twilio/media")
        assert await board.everything() == before


@virtually
async def test_signatures_are_checked_over_the_public_address_wherever_the_server_listens(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, public_url="https://calls.example.com/phone") as board:
        report = await board.dial(Listen(), HangUp())
        connection = next(verb for verb in report.verbs if isinstance(verb, ConnectStream))
        local = sign(AUTH_TOKEN, board.url + VOICE_PATH, FORM.items())
        assert (await post(board, VOICE_PATH, FORM, local)).status_code == 403
    assert connection.url == "wss://calls.example.com/phone/api/telephony/twilio/media"
    assert report.webhook_statuses == (200,)


@virtually
async def test_a_query_belongs_to_what_is_signed(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        with_query = await board.carrier.post(VOICE_PATH + "?lang=en%20us&x", FORM)
        stripped = sign(AUTH_TOKEN, board.url + VOICE_PATH, FORM.items())
        assert with_query.status_code == 200
        assert (await post(board, VOICE_PATH + "?lang=en", FORM, stripped)).status_code == 403


@virtually
async def test_a_signed_webhook_without_a_call_is_malformed(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        for sid in ("", "CA 1", "x" * 65, "$where"):
            answer = await board.carrier.post(VOICE_PATH, {**FORM, "CallSid": sid})
            assert (answer.status_code, answer.json()["code"]) == (400, "webhook_malformed")


@virtually
async def test_a_repeated_webhook_gets_the_same_answer_and_writes_nothing_more(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        first = await board.carrier.ring(board.dialling())
        before = await board.everything()
        again = await asyncio.gather(*(board.carrier.ring(board.dialling()) for _ in range(5)))
        after = await board.everything()
    assert {answer.text for answer in again} == {first.text}
    assert [len(documents) for documents in after.values()] == [len(documents) for documents in before.values()]
    assert after["usage"][0]["held"] == before["usage"][0]["held"]


@virtually
async def test_a_number_of_nobody_gets_a_sentence(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(to_number="+14155550199")
        anonymous = await board.carrier.post(VOICE_PATH, {**FORM, "From": "anonymous", "To": "sip:me@example.com"})
    assert "not in service" in report.announcement
    assert report.stream is None
    assert anonymous.status_code == 200


@virtually
async def test_a_caller_who_withholds_the_number_is_answered(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        answer = await board.carrier.post(VOICE_PATH, {**FORM, "From": "Anonymous"})
        assert isinstance(read(answer.text)[0], ConnectStream)


@virtually
async def test_a_second_call_on_a_plan_for_one_hears_that_the_line_is_busy(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, asyncio.TaskGroup() as group:
        first = group.create_task(board.dial(Listen(), Pause(3_000), HangUp()))
        await asyncio.sleep(1)
        second = await board.dial(session_id="CA2")
        await first
        refused = await board.office.conversation("CA2")
    assert "busy" in second.announcement
    assert (refused["status"], refused["endedReason"]) == ("rejected", "concurrency-limit")


@virtually
async def test_with_the_database_away_the_caller_hears_an_apology(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        async with board.database_away():
            report = await board.dial()
            status = await board.carrier.report_status(board.dialling(), "completed")
        assert report.webhook_statuses == (200,)
        assert report.announcement.startswith("I am sorry")
        assert (status.status_code, status.json()["code"]) == (503, "database_busy")
        assert int(status.headers["retry-after"]) > 0


@virtually
async def test_after_a_mistake_of_ours_too_the_caller_hears_an_apology(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        board.office.customers.profiles.profiles.clear()
        report = await board.dial()
    assert report.webhook_statuses == (200,)
    assert report.announcement.startswith("I am sorry")


# The media socket


@pytest.mark.parametrize("signature", [None, "", "wrong", "https"])
def test_an_upgrade_that_twilio_did_not_sign_is_refused(mongodb_uri: str, signature: str | None) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri) as board:
            path = "/api/telephony/twilio/media"
            given = sign(AUTH_TOKEN, board.url + path) if signature == "https" else signature
            headers = {} if given is None else {HEADER: given}
            before = await board.everything()
            with pytest.raises(InvalidStatus, match="403"):
                await connect("ws" + board.url.removeprefix("http") + path, additional_headers=headers, proxy=None)
            assert await board.everything() == before

    run()


@virtually
async def test_a_socket_without_the_calls_token_is_closed_and_the_call_still_waits(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        token = await board.token()
        before = await board.everything()
        for session_id, wrong in (("CA1", ""), ("CA1", token[:-1]), ("CA1", "é"), ("CA9", token)):
            socket = await board.open_stream(session_id, wrong)
            assert await close_code_of(socket) == 1_008
        assert await board.everything() == before
        assert (await board.office.conversation("CA1"))["status"] == "ringing"


@virtually
async def test_a_token_opens_its_call_once_and_the_second_comer_disturbs_nobody(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        token = await board.token()
        first = await board.open_stream("CA1", token)
        await asyncio.sleep(0.5)
        second = await board.open_stream("CA1", token)
        assert await close_code_of(second) == 1_008
        assert board.live.count == 1
        assert (await board.office.conversation("CA1"))["status"] == "in-progress"
        await first.close()
        await asyncio.sleep(5)
        third = await board.open_stream("CA1", token)
        assert await close_code_of(third) == 1_008
        assert await board.comes_to_rest()


@virtually
async def test_of_two_sockets_with_one_token_at_the_same_moment_one_gets_the_call(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        token = await board.token()
        sockets = await asyncio.gather(*(board.open_stream("CA1", token) for _ in range(5)))
        await asyncio.sleep(1)
        assert sorted(str(socket.close_code) for socket in sockets) == ["1008"] * 4 + ["None"]
        assert board.live.count == 1
        for socket in sockets:
            await socket.close()


@virtually
async def test_a_stream_that_never_starts_is_closed_after_five_seconds(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(AwaitHangUp(), faults=Faults(never_starts=True))
        assert (await board.office.conversation("CA1"))["status"] == "abandoned"
    assert stream_of(report).close_code == 1_008
    assert stream_of(report).duration_ms == pytest.approx(5_000, abs=100)


@virtually
async def test_garbage_before_the_start_is_refused(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        for texts in (["hello"], [connected(), "hello"], [connected(), connected()], [b"\x00"]):
            socket = await board.carrier.open_media(board.url.replace("http", "ws", 1) + "/api/telephony/twilio/media")
            for text in texts:
                await socket.send(text)
            assert await close_code_of(socket) == 1_008


# What the carrier does wrong in the middle of a call


@virtually
async def test_a_socket_that_dies_ends_the_call_as_a_lost_stream(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await board.dial(Listen(), Pause(60_000), faults=Faults(dies_after_ms=7_000, line_dies=True))
        await asyncio.sleep(5)
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert (conversation["endedReason"], conversation["fault"]) == ("carrier-stream-lost", "provider")
    assert conversation["duration"] in {7, 8}


@virtually
async def test_a_carrier_that_falls_silent_is_given_up(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(Listen(), AwaitHangUp(60_000), faults=Faults(goes_silent_after_ms=6_000))
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert conversation["endedReason"] == "carrier-stream-lost"
    assert report.ended_by is Ending.ASSISTANT


@virtually
async def test_a_carrier_that_gives_no_marks_back_is_still_said_goodbye_to(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["goodbye"]) as board:
        report = await board.dial(Listen(), Play(tone(800)), AwaitHangUp(), faults=Faults(withholds_marks=True))
        conversation = await board.office.conversation("CA1")
    assert conversation["endedReason"] == "assistant-hangup"
    assert report.ended_by is Ending.ASSISTANT


@virtually
async def test_jitter_and_garbage_cost_no_turn(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        report = await board.dial(*QUESTIONS, faults=Faults(jitter_ms_max=120, garbage_every_frames=97, seed=7))
        turns = await board.turns()
    assert [text for role, text in turns if role == "user"] == ["when are you open", "where are you", "goodbye"]
    assert report.ended_by is Ending.ASSISTANT


@virtually
async def test_status_callbacks_in_any_order_and_number_change_nothing_that_is_known_better(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        faults = Faults(status_repeats=2, status_backwards=True)
        report = await board.dial(*QUESTIONS, faults=faults)
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert set(report.status_answers) == {204}
    assert (conversation["status"], conversation["endedReason"]) == ("completed", "assistant-hangup")
    assert conversation["carrierStatus"] == "completed"


@virtually
async def test_a_status_callback_in_the_middle_of_a_call_does_not_end_it(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(*QUESTIONS))
        await asyncio.sleep(6)
        assert (await board.carrier.report_status(board.dialling(), "completed")).status_code == 204
        report = await call
        assert len(stream_of(report).latencies_ms) == 3


@virtually
async def test_a_caller_who_gives_up_while_it_rings_frees_the_line(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await board.dial(faults=Faults(abandons=True))
        conversation = await board.office.conversation("CA1")
        usage: dict[str, Any] = await board.usage()
    assert conversation["status"] == "abandoned"
    assert (usage["calls"], usage["seconds"], usage["holds"]) == (0, 0, {})


@virtually
async def test_a_status_callback_for_a_call_nobody_knows_is_taken(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        before = await board.everything()
        answer = await board.carrier.report_status(board.dialling("CA404"), "completed")
        assert answer.status_code == 204
        assert await board.everything() == before
