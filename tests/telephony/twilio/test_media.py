"""Media Streams messages: the documented samples, and everything that is none."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.telephony.messages import CarrierProtocolError, Clear, Connected, Dtmf, Ignored, Mark, Stopped
from callgenie.telephony.twilio.media import (
    Media,
    Message,
    Started,
    clear_order,
    mark_order,
    media_order,
    read_message,
    read_order,
)

STREAM = "MZ18ad3ab5a668481ce02b83e7395059f0"
START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "streamSid": STREAM,
        "accountSid": "AC123",
        "callSid": "CA123",
        "tracks": ["inbound"],
        "customParameters": {"FirstName": "Jane", "RemoteParty": "Bob"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
    "streamSid": STREAM,
}
SAMPLES: list[tuple[dict[str, Any], Message]] = [
    ({"event": "connected", "protocol": "Call", "version": "1.0.0"}, Connected("Call", "1.0.0")),
    (START, Started(STREAM, "CA123", "AC123", {"FirstName": "Jane", "RemoteParty": "Bob"})),
    (
        {
            "event": "media",
            "sequenceNumber": "3",
            "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "fn9/fw=="},
            "streamSid": STREAM,
        },
        Media(b"~\x7f\x7f\x7f"),
    ),
    (
        {"event": "dtmf", "streamSid": STREAM, "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "1"}},
        Dtmf("1"),
    ),
    (
        {"event": "mark", "sequenceNumber": "4", "streamSid": STREAM, "mark": {"name": "my label"}},
        Mark("my label"),
    ),
    (
        {
            "event": "stop",
            "sequenceNumber": "5",
            "streamSid": STREAM,
            "stop": {"accountSid": "AC123", "callSid": "CA123"},
        },
        Stopped(),
    ),
    ({"event": "something-new", "streamSid": STREAM}, Ignored()),
    ({"event": "media", "media": {"track": "outbound", "payload": "fn9/"}}, Ignored()),
]


@pytest.mark.parametrize(("sample", "meaning"), SAMPLES)
def test_a_documented_message_is_understood(sample: dict[str, Any], meaning: Message) -> None:
    assert read_message(json.dumps(sample)) == meaning


def changed(**format_changes: Any) -> dict[str, Any]:
    return {**START, "start": {**START["start"], "mediaFormat": {**START["start"]["mediaFormat"], **format_changes}}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 100_000,
        '{"event": 1}',
        '{"event": null}',
        '{"event": "media"}',
        '{"event": "media", "media": null}',
        '{"event": "media", "media": []}',
        '{"event": "media", "media": {"payload": 5}}',
        '{"event": "media", "media": {"payload": "not base64!"}}',
        '{"event": "media", "media": {"payload": "é"}}',
        '{"event": "mark", "mark": {"name": 7}}',
        '{"event": "mark", "mark": {"name": "' + "x" * 5_000 + '"}}',
        '{"event": "dtmf", "dtmf": {"digit": "12"}}',
        '{"event": "start", "start": {}}',
        json.dumps(changed(encoding="audio/opus")),
        json.dumps(changed(sampleRate=16_000)),
        json.dumps(changed(sampleRate="fast")),
        json.dumps(changed(channels=2)),
        json.dumps({**START, "start": {**START["start"], "streamSid": 'MZ","media":"'}}),
        json.dumps({**START, "start": {**START["start"], "customParameters": {"token": 5}}}),
        json.dumps({**START, "start": {**START["start"], "customParameters": ["token"]}}),
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
                st.sampled_from(["event", "media", "start", "payload", "mark", "name", "dtmf", "digit"]), t
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


@given(st.binary(max_size=800))
def test_audio_goes_out_as_it_came_in(ulaw: bytes) -> None:
    text = media_order(STREAM, ulaw)
    assert json.loads(text) == {
        "event": "media",
        "streamSid": STREAM,
        "media": {"payload": base64.b64encode(ulaw).decode()},
    }
    assert read_order(text) == Media(ulaw)


def test_marks_and_clears_are_written_as_documented() -> None:
    assert json.loads(mark_order(STREAM, 'a "b"')) == {"event": "mark", "streamSid": STREAM, "mark": {"name": 'a "b"'}}
    assert json.loads(clear_order(STREAM)) == {"event": "clear", "streamSid": STREAM}
    assert read_order(mark_order(STREAM, "x")) == Mark("x")
    assert read_order(clear_order(STREAM)) == Clear()
