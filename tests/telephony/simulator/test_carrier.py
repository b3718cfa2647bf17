"""The simulated carrier against a small server, over real sockets, in virtual time."""

import asyncio
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.support.virtual_time import virtually
from tests.telephony.simulator.stage import ACTION_PATH, Stage, on_stage, tone

from callgenie.audio.g711 import ulaw_to_pcm
from callgenie.telephony.simulator.carrier import UNREACHABLE, Dialling, SimulatedCarrier
from callgenie.telephony.simulator.exotel import SimulatedExotel
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.report import CallReport, Ending, StreamReport
from callgenie.telephony.simulator.script import (
    Action,
    AwaitHangUp,
    HangUp,
    LetSpeak,
    Listen,
    Pause,
    Play,
    Press,
    Say,
    rehearse,
)
from callgenie.telephony.twilio.link import TwilioLink
from callgenie.telephony.twilio.twiml import Say as Spoken
from callgenie.telephony.twilio.twiml import connect_stream, hang_up, say_and_hang_up
from callgenie.voice.ports import AudioReceived, DigitPressed, LinkClosed, MarkReached

MEDIA = "wss://calls.example.com/media"


async def dial(stage: Stage, *actions: Action, **more: Any) -> CallReport:
    steps = await rehearse(actions)
    return await stage.carrier.call(Dialling("+14155550111", "+14155550122", steps, **more))


def stream_of(report: CallReport) -> StreamReport:
    assert report.stream is not None
    return report.stream


@virtually
async def test_the_caller_is_heard_frame_by_frame_and_says_goodbye_properly() -> None:
    async with on_stage() as stage:
        report = await dial(stage, Play(tone(200)), Press("7"), Pause(100), HangUp())
    audio = b"".join(event.pcm for event in stage.events if isinstance(event, AudioReceived))
    assert np.abs(np.frombuffer(audio, "<i2")[:1_600]).max() > 7_000
    assert DigitPressed("7") in stage.events
    assert stage.events[-1] == LinkClosed(clean=True)
    assert report.ended_by is Ending.CALLER
    assert 300 <= stream_of(report).duration_ms <= 340


@virtually
async def test_what_the_webhook_hands_over_comes_back_in_start() -> None:
    async with on_stage() as stage:
        report = await dial(stage)
    assert stage.started[0].parameters == {"token": "secret & <safe>"}
    assert stage.started[0].call_sid == report.session_id == stage.forms[0]["CallSid"]
    assert [form["CallStatus"] for form in stage.forms] == ["ringing", "completed"]
    assert report.status_answers == (200,)


@virtually
async def test_the_assistant_is_played_in_real_time_and_its_marks_come_back_when_heard() -> None:
    reached: list[float] = []

    async def talk(link: TwilioLink) -> None:
        began = asyncio.get_running_loop().time()
        await link.send_audio(tone(1_000))
        await link.send_mark("said")
        await stage.until(MarkReached("said"))
        reached.append(asyncio.get_running_loop().time() - began)
        await link.close()

    async with on_stage(talk) as stage:
        report = await dial(stage, AwaitHangUp())
    stream = stream_of(report)
    assert reached[0] == pytest.approx(1.0, abs=0.05)
    assert [(segment.end_ms - segment.start_ms) for segment in stream.heard] == [1_000]
    assert report.ended_by is Ending.ASSISTANT
    assert stream.close_code == 1_000
    assert stream.marks_echoed == 1
    assert stage.events[-1] == LinkClosed(clean=True)


@virtually
async def test_clear_empties_the_buffer_and_gives_its_marks_back() -> None:
    async def talk(link: TwilioLink) -> None:
        await link.send_audio(tone(5_000))
        await link.send_mark("never heard")
        await asyncio.sleep(1.0)
        await link.clear()

    async with on_stage(talk) as stage:
        report = await dial(stage, Pause(2_000), HangUp())
    stream = stream_of(report)
    assert MarkReached("never heard") in stage.events
    assert list(stream.clears_ms) == [pytest.approx(1_000, abs=40)]
    assert stream.heard[0].end_ms == pytest.approx(1_000, abs=40)


@virtually
async def test_a_caller_can_wait_for_the_assistant_and_interrupt_it() -> None:
    async def talk(link: TwilioLink) -> None:
        await asyncio.sleep(0.5)
        await link.send_audio(tone(3_000))

    async with on_stage(talk) as stage:
        report = await dial(stage, LetSpeak(400), Play(tone(100), "wait!"), Listen(quiet_ms=500), HangUp())
    stream = stream_of(report)
    assert stream.exchanges[0].began_ms == pytest.approx(900, abs=60)
    assert stream.duration_ms == pytest.approx(4_000, abs=80)
    assert stream.latencies_ms == []


@virtually
async def test_latency_is_heard_from_the_callers_last_sound_to_the_answers_first() -> None:
    async def talk(link: TwilioLink) -> None:
        await asyncio.sleep(1.8)
        await link.send_audio(bytes(16 * 100) + tone(500))

    async with on_stage(talk) as stage:
        report = await dial(stage, Play(tone(1_000) + bytes(16 * 400), "hello"), Listen(), HangUp())
    assert stream_of(report).latencies_ms == [pytest.approx(900, abs=60)]


@virtually
async def test_audio_that_comes_too_late_is_reported_as_a_gap() -> None:
    async def talk(link: TwilioLink) -> None:
        await link.send_audio(tone(500))
        await asyncio.sleep(0.6)
        await link.send_audio(tone(500))

    async with on_stage(talk) as stage:
        report = await dial(stage, Listen(), HangUp())
    assert [gap.ms for gap in stream_of(report).gaps] == [pytest.approx(100, abs=20)]


@virtually
async def test_a_spoken_refusal_is_reported_without_a_stream() -> None:
    async with on_stage(twiml=say_and_hang_up("Sorry, not today.")) as stage:
        report = await dial(stage)
    assert report.verbs[0] == Spoken("Sorry, not today.")
    assert report.announcement == "Sorry, not today."
    assert report.stream is None
    assert report.ended_by is Ending.ASSISTANT


@virtually
async def test_the_recording_holds_both_sides_in_step(tmp_path: Path) -> None:
    async def talk(link: TwilioLink) -> None:
        await asyncio.sleep(1.0)
        await link.send_audio(tone(500))

    async with on_stage(talk) as stage:
        await dial(stage, Play(tone(500)), Listen(), HangUp(), recording=tmp_path / "call.wav")
    frames = np.frombuffer((tmp_path / "call.wav").read_bytes()[44:], "<i2").reshape(-1, 2)
    loud = [np.flatnonzero(np.abs(frames[:, side].astype(int)) > 1_000) / 8 for side in (0, 1)]
    assert (loud[0][0], loud[0][-1]) == (pytest.approx(0, abs=40), pytest.approx(500, abs=40))
    assert (loud[1][0], loud[1][-1]) == (pytest.approx(1_000, abs=60), pytest.approx(1_500, abs=60))


@virtually
async def test_a_socket_that_dies_is_no_clean_end() -> None:
    async with on_stage() as stage:
        report = await dial(stage, Pause(5_000), faults=Faults(dies_after_ms=400, line_dies=True))
    assert stage.events[-1] == LinkClosed(clean=False)
    assert report.ended_by is Ending.CARRIER


@virtually
async def test_a_stream_that_never_starts_is_closed_after_five_seconds() -> None:
    async with on_stage() as stage:
        report = await dial(stage, AwaitHangUp(), faults=Faults(never_starts=True))
    assert stream_of(report).close_code == 1_008
    assert stream_of(report).duration_ms == pytest.approx(5_000, abs=100)
    assert stage.started == []


@virtually
async def test_jitter_delays_frames_and_loses_none() -> None:
    speech = tone(4_000)
    async with on_stage() as stage:
        await dial(stage, Play(speech), HangUp(), faults=Faults(jitter_ms_max=200))
    audio = b"".join(event.pcm for event in stage.events if isinstance(event, AudioReceived))
    assert len(audio) >= len(speech)
    assert np.corrcoef(np.frombuffer(audio, "<i2")[:32_000], np.frombuffer(speech, "<i2"))[0, 1] > 0.99


@virtually
async def test_now_and_then_garbage_does_not_end_a_call_but_a_flood_of_it_does() -> None:
    async with on_stage() as stage:
        report = await dial(stage, Pause(2_000), HangUp(), faults=Faults(garbage_every_frames=10))
    assert report.ended_by is Ending.CALLER
    assert stage.events[-1] == LinkClosed(clean=True)
    async with on_stage() as stage:
        await dial(stage, Pause(4_000), HangUp(), faults=Faults(garbage_every_frames=1))
    assert stage.events[-1] == LinkClosed(clean=False)


@virtually
async def test_webhooks_and_callbacks_repeat_and_come_backwards_when_told_to() -> None:
    async with on_stage() as stage:
        report = await dial(stage, faults=Faults(webhook_repeats=1, status_repeats=1, status_backwards=True))
    statuses = [form["CallStatus"] for form in stage.forms]
    assert statuses == ["ringing"] * 2 + ["completed"] * 2 + ["in-progress"] * 2 + ["ringing"] * 2
    assert len(report.status_answers) == 6
    assert len({form["CallSid"] for form in stage.forms}) == 1


async def test_a_caller_who_speaks_needs_a_voice() -> None:
    with pytest.raises(ValueError, match="needs a voice"):
        await rehearse([Say("hello")])


def test_silence_is_the_code_that_decodes_to_nothing() -> None:
    assert ulaw_to_pcm(b"\xff") == b"\x00\x00"


async def test_a_server_that_goes_away_before_it_answers_the_upgrade_is_reported() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"upgrade: websocket" not in head.lower():
            twiml = hang_up() if b"stream-ended" in head else connect_stream(MEDIA, {}, action=ACTION_PATH)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n" + twiml.encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with SimulatedCarrier(f"http://127.0.0.1:{port}", "a token") as carrier:
            report = await carrier.call(Dialling("+14155550111", "+14155550122", ()))
    assert (report.upgrade_status, report.ended_by, report.stream) == (UNREACHABLE, Ending.CARRIER, None)


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_a_server_that_goes_away_before_it_answers_exotels_upgrade_is_reported_too(how: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if how == "resets":
            line = writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with SimulatedExotel(f"http://127.0.0.1:{port}", "a secret") as carrier:
            report = await carrier.call(Dialling("+14155550111", "+14155550122", ()))
    assert (report.upgrade_status, report.ended_by, report.stream) == (UNREACHABLE, Ending.CARRIER, None)


@pytest.mark.parametrize(
    ("carrier_of", "error"), [(SimulatedCarrier, httpx.ConnectError), (SimulatedExotel, ConnectionRefusedError)]
)
async def test_a_server_that_is_not_there_is_no_call(
    carrier_of: Callable[[str, str], SimulatedCarrier | SimulatedExotel], error: type[Exception]
) -> None:
    async with carrier_of("http://127.0.0.1:9", "a secret") as carrier:
        with pytest.raises(error):
            await carrier.call(Dialling("+14155550111", "+14155550122", ()))
