"""The link over a socket that a test holds in its own hands."""

import asyncio
from typing import Any

import pytest
from tests.support.virtual_time import virtually
from tests.telephony.hand_socket import HandSocket

from callgenie.telephony.messages import CarrierProtocolError
from callgenie.telephony.stream import GARBAGE_MESSAGES_MAX
from callgenie.telephony.twilio.link import TwilioLink, receive_start
from callgenie.voice.ports import AudioReceived, DigitPressed, LinkClosed, LinkEvent, MarkReached

START = {
    "event": "start",
    "start": {
        "streamSid": "MZ1",
        "callSid": "CA1",
        "accountSid": "AC1",
        "customParameters": {"token": "t"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}


async def events_of(socket: HandSocket) -> list[LinkEvent]:
    return [event async for event in TwilioLink(socket, "MZ1").events()]


async def test_what_the_carrier_says_becomes_events() -> None:
    socket = HandSocket(
        {"event": "media", "media": {"track": "inbound", "payload": "//8="}},
        {"event": "dtmf", "dtmf": {"digit": "#"}},
        {"event": "something-new"},
        {"event": "mark", "mark": {"name": "m"}},
        {"event": "stop"},
        {"event": "dtmf", "dtmf": {"digit": "1"}},
    )
    heard: list[LinkEvent] = [AudioReceived(bytes(4)), DigitPressed("#"), MarkReached("m"), LinkClosed(clean=True)]
    assert await events_of(socket) == heard


async def test_an_end_without_stop_is_not_clean() -> None:
    assert await events_of(HandSocket()) == [LinkClosed(clean=False)]


async def test_after_our_own_hang_up_the_end_is_clean_and_nothing_more_is_sent() -> None:
    socket = HandSocket()
    link = TwilioLink(socket, "MZ1")
    await link.send_audio(bytes(320))
    await link.close()
    await link.close()
    await link.send_audio(bytes(320))
    await link.send_mark("late")
    await link.clear()
    assert [message["event"] for message in socket.sent] == ["media"]
    assert [event async for event in link.events()] == [LinkClosed(clean=True)]


async def test_sending_into_a_broken_socket_is_no_error() -> None:
    socket = HandSocket()
    socket.closed.append(1_006)
    await TwilioLink(socket, "MZ1").send_audio(bytes(320))


@pytest.mark.parametrize(("garbage", "survives"), [(GARBAGE_MESSAGES_MAX - 1, True), (GARBAGE_MESSAGES_MAX, False)])
async def test_so_much_garbage_is_borne_and_no_more(garbage: int, *, survives: bool) -> None:
    events = await events_of(HandSocket(*["garbage"] * garbage, {"event": "stop"}))
    assert events == [LinkClosed(clean=survives)]


async def test_the_start_names_the_call_and_brings_the_parameters_back() -> None:
    started = await receive_start(HandSocket(CONNECTED, START))
    assert (started.stream_sid, started.call_sid, started.parameters) == ("MZ1", "CA1", {"token": "t"})


@pytest.mark.parametrize("messages", [(START,), (CONNECTED, CONNECTED), (CONNECTED, {"event": "stop"}), ("{}",)])
async def test_a_stream_that_begins_otherwise_is_refused(messages: tuple[dict[str, Any] | str, ...]) -> None:
    with pytest.raises(CarrierProtocolError):
        await receive_start(HandSocket(*messages))


@virtually
async def test_both_first_messages_together_have_five_seconds() -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(CarrierProtocolError, match="five seconds"):
        await receive_start(HandSocket(CONNECTED, stays_open=True))
    assert asyncio.get_running_loop().time() - began == pytest.approx(5.0)
