"""The messages of Twilio's Media Streams, both directions.

All are JSON texts whose numbers are mostly strings; audio is base64 mu-law at 8 kHz.
See https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SAMPLE_RATE: Final = 8_000
ENCODING: Final = "audio/x-mulaw"


class CarrierProtocolError(Exception):
    """The carrier sent something that its protocol does not have."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The first message on every socket."""

    protocol: str
    version: str


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


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key was pressed."""

    digit: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark was reached, or flushed by a `clear`."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Throw away what was not played yet; only ever sent to the carrier."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The stream is over; nothing follows."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that newer versions may have, or that we have no use for."""


Message = Connected | Started | Media | Dtmf | Mark | Stopped | Ignored
Order = Media | Mark | Clear | Ignored

_DIGITS: Final = frozenset("0123456789*#ABCD")
# The longest value Twilio takes in a <Parameter> is 500 characters with its name.
_TEXT_CHARACTERS_MAX: Final = 512


def read_message(text: str) -> Message:
    """Return what the carrier says.

    Raises:
        CarrierProtocolError: It is not a message of the protocol.
    """
    message = _object(text)
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
    message = _object(text)
    try:
        match message["event"]:
            case "media":
                return Media(_decode(message["media"]["payload"]))
            case "mark":
                return Mark(_text(message["mark"]["name"]))
            case "clear":
                return Clear()
            case _:
                return Ignored()
    except (KeyError, TypeError) as error:
        raise CarrierProtocolError("A message lacks one of its fields.") from error


def media_order(stream_sid: str, ulaw: bytes) -> str:
    """Return the message that hands audio to the carrier.

    It is put together by hand, 50 times a second for each call: `stream_sid` must need no escaping, which
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


def _object(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CarrierProtocolError("A message is a JSON text.") from error
    if not isinstance(message, dict):
        raise CarrierProtocolError("A message is a JSON object.")
    return message


def _signal(message: dict[str, Any]) -> Message:
    match message["event"]:
        case "mark":
            return Mark(_text(message["mark"]["name"]))
        case "dtmf":
            return _dtmf(message["dtmf"])
        case "connected":
            return Connected(_text(message["protocol"]), _text(message["version"]))
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
    return Media(_decode(media["payload"]))


def _decode(payload: Any) -> bytes:
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError as error:
        raise CarrierProtocolError("Audio is base64.") from error


def _dtmf(dtmf: dict[str, Any]) -> Dtmf:
    digit = _text(dtmf["digit"])
    if digit not in _DIGITS:
        raise CarrierProtocolError("A key is one of 0-9, *, #, A-D.")
    return Dtmf(digit)


def _started(message: dict[str, Any]) -> Started:
    start = message["start"]
    layout = start["mediaFormat"]
    if (layout["encoding"], int(layout["sampleRate"]), int(layout["channels"])) != (ENCODING, SAMPLE_RATE, 1):
        raise CarrierProtocolError("The stream's audio is mu-law at 8 kHz, one channel.")
    parameters = start.get("customParameters") or {}
    return Started(
        stream_sid=_identifier(start["streamSid"]),
        call_sid=_identifier(start["callSid"]),
        account_sid=_identifier(start["accountSid"]),
        parameters={_text(name): _text(value) for name, value in parameters.items()},
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_CHARACTERS_MAX:
        raise CarrierProtocolError("A message's text is missing or too long.")
    return value


def _identifier(value: Any) -> str:
    text = _text(value)
    if not (text.isascii() and text.isalnum()):
        raise CarrierProtocolError("A Twilio SID is made of letters and digits.")
    return text
