"""The messages of Twilio's Media Streams, both directions.

All are JSON texts whose numbers are mostly strings; audio is base64 mu-law at 8 kHz.
See https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from callgenie.telephony.messages import (
    CarrierProtocolError,
    Clear,
    Connected,
    Dtmf,
    Ignored,
    Mark,
    Stopped,
    audio_of,
    digit_of,
    json_object,
    sid_of,
    text_of,
)

SAMPLE_RATE: Final = 8_000
ENCODING: Final = "audio/x-mulaw"


@dataclass(frozen=True, slots=True)
class Started:
    """The second message: which call this is, and what we asked to be told back."""

    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """Audio, usually 20 ms of it: mu-law."""

    ulaw: bytes


Message = Connected | Started | Media | Dtmf | Mark | Stopped | Ignored
Order = Media | Mark | Clear | Ignored


def read_message(text: str) -> Message:
    """Return what the carrier says.

    Raises:
        CarrierProtocolError: It is not a message of the protocol.
    """
    message = json_object(text)
    try:
        if message["event"] == "media":
            return _media(message["media"])
        return _signal(message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CarrierProtocolError("A message lacks one of its fields.") from error


def read_order(text: str) -> Order:
    """Return what we tell the carrier, as the carrier reads it.

    Raises:
        CarrierProtocolError: It is not a message of the protocol.
    """
    message = json_object(text)
    try:
        match message["event"]:
            case "media":
                return Media(audio_of(message["media"]["payload"]))
            case "mark":
                return Mark(text_of(message["mark"]["name"]))
            case "clear":
                return Clear()
            case _:
                return Ignored()
    except (KeyError, TypeError) as error:
        raise CarrierProtocolError("A message lacks one of its fields.") from error


def media_order(stream_sid: str, ulaw: bytes) -> str:
    """Return the message that hands audio to the carrier.

    It is put together by hand, up to 50 times a second for each call: `stream_sid` must need no escaping, which
    `read_message` has seen to.
    """
    payload = binascii.b2a_base64(ulaw, newline=False).decode("ascii")
    return f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"{payload}"}}}}'


def mark_order(stream_sid: str, name: str) -> str:
    """Return the message that asks for a mark."""
    return json.dumps({"event": "mark", "streamSid": stream_sid, "mark": {"name": name}})


def clear_order(stream_sid: str) -> str:
    """Return the message that empties the carrier's buffer."""
    return json.dumps({"event": "clear", "streamSid": stream_sid})


def _signal(message: dict[str, Any]) -> Message:
    match message["event"]:
        case "mark":
            return Mark(text_of(message["mark"]["name"]))
        case "dtmf":
            return Dtmf(digit_of(message["dtmf"]["digit"]))
        case "connected":
            return Connected(text_of(message["protocol"]), text_of(message["version"]))
        case "start":
            return _started(message)
        case "stop":
            return Stopped()
        case str():
            return Ignored()
        case _:
            raise CarrierProtocolError("A message's event is a word.")


def _media(media: dict[str, Any]) -> Media | Ignored:
    # With both tracks our own voice comes back as well; only the caller's is heard.
    if media.get("track", "inbound") != "inbound":
        return Ignored()
    return Media(audio_of(media["payload"]))


def _started(message: dict[str, Any]) -> Started:
    start = message["start"]
    layout = start["mediaFormat"]
    if (layout["encoding"], int(layout["sampleRate"]), int(layout["channels"])) != (ENCODING, SAMPLE_RATE, 1):
        raise CarrierProtocolError("The stream's audio is mu-law at 8 kHz, one channel.")
    parameters = start.get("customParameters") or {}
    return Started(
        stream_sid=sid_of(start["streamSid"]),
        call_sid=sid_of(start["callSid"]),
        account_sid=sid_of(start["accountSid"]),
        parameters={text_of(name): text_of(value) for name, value in parameters.items()},
    )
