"""The link over a socket that a test holds in its own hands."""

import base64
from typing import Any

import numpy as np
import pytest
from tests.telephony.exotel.test_messages import STREAM, sample
from tests.telephony.hand_socket import HandSocket

from callgenie.telephony.exotel.link import ExotelLink, receive_start
from callgenie.telephony.exotel.messages import Started
from callgenie.telephony.messages import CarrierProtocolError
from callgenie.voice.ports import AudioReceived, DigitPressed, LinkClosed, LinkEvent, MarkReached

RATES = [8_000, 16_000, 24_000]
FRAME = 320


def started(rate: int = 8_000) -> Started:
    return Started(STREAM, "CA1", "AC1", "+919876543210", "+918047491899", rate)


def media(pcm: bytes) -> dict[str, Any]:
    return {"event": "media", "media": {"payload": base64.b64encode(pcm).decode()}}


def tone(rate: int, ms: int) -> bytes:
    at = np.arange(rate * ms // 1_000) / rate
    return (np.sin(2 * np.pi * 440 * at) * 8_000).astype("<i2").tobytes()


async def events_of(link: ExotelLink) -> list[LinkEvent]:
    return [event async for event in link.events()]


def pieces(socket: HandSocket) -> list[int | str]:
    """Return what was sent: the lengths of audio, and the names of the rest."""
    return [
        len(base64.b64decode(message["media"]["payload"])) if message["event"] == "media" else message["event"]
        for message in socket.sent
    ]


async def test_what_exotel_says_becomes_events_and_audio_comes_frame_by_frame() -> None:
    pcm = tone(8_000, 50)
    socket = HandSocket(media(pcm), sample("dtmf"), {"event": "new"}, sample("mark"), sample("stop"), sample("dtmf"))
    assert await events_of(ExotelLink(socket, started())) == [
        AudioReceived(pcm[:FRAME]),
        AudioReceived(pcm[FRAME : 2 * FRAME]),
        AudioReceived(pcm[2 * FRAME :]),
        DigitPressed("5"),
        MarkReached("p1"),
        LinkClosed(clean=True),
    ]


async def test_an_end_without_stop_is_not_clean() -> None:
    assert await events_of(ExotelLink(HandSocket(), started())) == [LinkClosed(clean=False)]


async def test_after_our_own_hang_up_the_end_is_clean_and_nothing_more_is_sent() -> None:
    socket = HandSocket()
    link = ExotelLink(socket, started())
    await link.close()
    await link.close()
    await link.send_audio(bytes(20 * FRAME))
    await link.send_mark("late")
    await link.clear()
    assert socket.sent == []
    assert await events_of(link) == [LinkClosed(clean=True)]


async def test_sending_into_a_broken_socket_is_no_error() -> None:
    socket = HandSocket()
    socket.closed.append(1_006)
    await ExotelLink(socket, started()).send_mark("p1")


@pytest.mark.parametrize("rate", RATES)
async def test_whatever_the_rate_what_is_heard_is_at_ours(rate: int) -> None:
    socket = HandSocket(media(tone(rate, 100)), media(tone(rate, 100)), sample("stop"))
    heard = [event.pcm for event in await events_of(ExotelLink(socket, started(rate))) if hasattr(event, "pcm")]
    samples = np.frombuffer(b"".join(heard), "<i2")
    assert samples.size == 1_600
    assert 7_500 < np.abs(samples[100:]).max() < 8_500


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frames", [1, 4, 9, 10, 11, 19, 20, 33, 150])
async def test_every_piece_is_long_enough_a_multiple_of_320_and_nothing_is_lost(rate: int, frames: int) -> None:
    socket = HandSocket()
    link = ExotelLink(socket, started(rate))
    for _ in range(frames):
        await link.send_audio(tone(8_000, 20))
    await link.send_mark("p1")
    *sizes, last = pieces(socket)
    assert last == "mark"
    assert all(isinstance(size, int) and size >= 3_200 and size % 320 == 0 for size in sizes)
    meant = frames * FRAME * rate // 8_000
    sent = sum(int(size) for size in sizes)
    # Only what is shorter than two pieces may have to be filled up to whole ones.
    assert meant <= sent <= max(meant, 2 * 3_840)
    assert frames < 20 or sent == meant


async def test_a_sentence_is_not_filled_up_with_silence_at_its_end() -> None:
    socket = HandSocket()
    link = ExotelLink(socket, started())
    for _ in range(33):
        await link.send_audio(tone(8_000, 20))
    await link.send_mark("p1")
    assert pieces(socket) == [3_200, 3_200, 13 * FRAME, "mark"]


async def test_the_first_piece_of_every_sentence_goes_out_as_soon_as_it_is_whole() -> None:
    socket = HandSocket()
    link = ExotelLink(socket, started())
    for _ in range(2):
        before = len(socket.sent)
        for _ in range(9):
            await link.send_audio(bytes(FRAME))
        assert len(socket.sent) == before
        await link.send_audio(bytes(FRAME))
        assert len(socket.sent) == before + 1
        await link.send_mark("p")


async def test_clearing_forgets_what_is_held_back() -> None:
    socket = HandSocket()
    link = ExotelLink(socket, started())
    for _ in range(15):
        await link.send_audio(tone(8_000, 20))
    await link.clear()
    await link.send_mark("p1")
    assert pieces(socket) == [3_200, "clear", "mark"]


def test_frames_are_asked_for_early_enough_for_whole_pieces() -> None:
    leads = [ExotelLink(HandSocket(), started(rate)).lead_ms for rate in RATES]
    assert leads == [600, 400, 360]


async def test_the_start_names_the_call_and_both_numbers() -> None:
    start = await receive_start(HandSocket(sample("connected"), sample("start")))
    assert (start.call_sid, start.from_number, start.to_number) == (
        "CA0123456789abcdef01234567",
        "+919876543210",
        "+918047491899",
    )
    with pytest.raises(CarrierProtocolError):
        await receive_start(HandSocket(sample("start")))
