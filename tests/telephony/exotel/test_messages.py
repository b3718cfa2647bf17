"""Exotel's messages: the documented samples, and everything that is none."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.telephony.exotel.messages import (
    Media,
    Message,
    Started,
    clear_order,
    mark_order,
    media_order,
    read_message,
    read_order,
)
from callgenie.telephony.messages import CarrierProtocolError, Clear, Connected, Dtmf, Ignored, Mark, Stopped

SAMPLES = Path(__file__).parent / "samples"
STREAM = "MZ0123456789abcdef01234567"
CALL = "CA0123456789abcdef01234567"
ACCOUNT = "AC0123456789abcdef01234567"
MEANINGS: dict[str, Message] = {
    "connected": Connected(),
    "start": Started(STREAM, CALL, ACCOUNT, "+919876543210", "+918047491899", 8_000),
    "start-older": Started(
        "6a9a4ca3c0d6a3e1c5a8a5bb21e9165s",
        "80bfbec2d78bbbf10fb851f4fa165211",
        "exotel1m",
        "09876543210",
        "08047491899",
        16_000,
    ),
    "media": Media(b"\x01\x00\x02\xff"),
    "dtmf": Dtmf("5"),
    "mark": Mark("p1"),
    "stop": Stopped(),
}


def sample(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return document


@pytest.mark.parametrize("name", MEANINGS)
def test_a_documented_message_is_understood(name: str) -> None:
    assert read_message(json.dumps(sample(name))) == MEANINGS[name]


def test_an_event_that_nobody_knows_is_ignored() -> None:
    assert read_message('{"event": "clear", "stream_sid": "x"}') == Ignored()


def started(**changes: Any) -> str:
    document = sample("start")
    document["start"] |= changes
    return json.dumps(document)


def formatted(**changes: Any) -> str:
    return started(media_format={**sample("start")["start"]["media_format"], **changes})


def test_a_stream_that_does_not_say_its_format_has_the_default_one() -> None:
    message = read_message(started(media_format=None))
    assert isinstance(message, Started)
    assert message.sample_rate == 8_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 100_000,
        '{"event": 1}',
        '{"event": "media"}',
        '{"event": "media", "media": []}',
        '{"event": "media", "media": {"payload": 5}}',
        '{"event": "media", "media": {"payload": "not base64!"}}',
        '{"event": "media", "media": {"payload": "AQAC"}}',
        json.dumps({"event": "media", "media": {"payload": base64.b64encode(bytes(100_002)).decode()}}),
        '{"event": "mark", "mark": {"name": 7}}',
        '{"event": "dtmf", "dtmf": {"digit": "12"}}',
        '{"event": "start", "start": {}}',
        '{"event": "start", "start": []}',
        formatted(encoding="audio/x-mulaw"),
        formatted(sample_rate="44100"),
        formatted(sample_rate="fast"),
        started(stream_sid='MZ","media":"'),
        started(call_sid="x" * 65),
        started(call_sid=None),
        started(to=None),
    ],
)
def test_anything_else_is_a_protocol_error(text: str) -> None:
    with pytest.raises(CarrierProtocolError):
        read_message(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda t: (
            st.lists(t)
            | st.dictionaries(
                st.sampled_from(["event", "media", "start", "payload", "mark", "name", "dtmf", "media_format"]), t
            )
        ),
    )
)
def test_no_text_breaks_the_reader(value: Any) -> None:
    for reader in (read_message, read_order):
        try:
            reader(json.dumps(value))
        except CarrierProtocolError:
            continue


@given(st.integers(10, 40).flatmap(lambda pieces: st.binary(min_size=320 * pieces, max_size=320 * pieces)))
def test_audio_goes_out_as_it_came_in(pcm: bytes) -> None:
    text = media_order(STREAM, pcm)
    expected = {"event": "media", "stream_sid": STREAM, "media": {"payload": base64.b64encode(pcm).decode()}}
    assert json.loads(text) == expected
    assert read_order(text) == Media(pcm)


@pytest.mark.parametrize("size", [0, 320, 2_880, 3_202, 3_500])
def test_a_piece_that_would_sound_broken_is_a_protocol_error(size: int) -> None:
    with pytest.raises(CarrierProtocolError):
        read_order(media_order(STREAM, bytes(size)))


def test_marks_and_clears_are_written_as_documented() -> None:
    mark = {"event": "mark", "stream_sid": STREAM, "mark": {"name": 'a "b"'}}
    assert json.loads(mark_order(STREAM, 'a "b"')) == mark
    assert json.loads(clear_order(STREAM)) == {"event": "clear", "stream_sid": STREAM}
    assert read_order(mark_order(STREAM, "x")) == Mark("x")
    assert read_order(clear_order(STREAM)) == Clear()
