"""The messages of Exotel's Voicebot applet, both directions.

All are JSON texts in snake_case whose numbers are strings; audio is base64 16-bit little-endian PCM, mono.
See https://developer.exotel.com/docs/agentstream/websocket-protocol
"""

import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

SAMPLE_RATES: Final = (8_000, 16_000, 24_000)

# How Exotel has named the same bytes over the years; "base64" was its name for them when there was no other format.
_ENCODINGS: Final = frozenset({"base64", "raw", "slin", "raw/slin", "audio/x-raw", "audio/l16", "audio/x-l16", "pcm"})

# What Exotel takes: too little at once is heard as stutter, and a piece of another length as a hole behind it.
CHUNK_BYTES_MIN: Final = 3_200
CHUNK_BYTES_MAX: Final = 100_000
CHUNK_BYTES_UNIT: Final = 320


@dataclass(frozen=True, slots=True)
class Started:
    """The second message: which call this is. There was no webhook before it, so the two numbers are in it.

    They are as Exotel writes them: E.164 or, for Indian numbers, with a 0 in front.
    """

    stream_sid: str
    call_sid: str
    account_sid: str
    from_number: str
    to_number: str
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Media:
    """Audio, usually 100 ms of it: PCM at the rate of the `start`."""

    pcm: bytes


Message = Connected | Started | Media | Dtmf | Mark | Stopped | Ignored
Order = Media | Mark | Clear | Ignored


def read_message(text: str) -> Message:
    """Return what Exotel says.

    Raises:
        CarrierProtocolError: It is not a message of the protocol.
    """
    message = json_object(text)
    try:
        event = message["event"]
        if not isinstance(event, str):
            raise CarrierProtocolError("A message's event is a word.")
        return _READERS.get(event, _ignored)(message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CarrierProtocolError("A message lacks one of its fields.") from error


def read_order(text: str) -> Order:
    """Return what we tell Exotel, as Exotel reads it.

    Raises:
        CarrierProtocolError: It is not a message of the protocol, or audio of a length that sounds broken.
    """
    message = json_object(text)
    try:
        match message["event"]:
            case "media":
                media = _media(message["media"])
                if len(media.pcm) < CHUNK_BYTES_MIN or len(media.pcm) % CHUNK_BYTES_UNIT:
                    raise CarrierProtocolError("Audio comes in pieces of at least 3,200 bytes, a multiple of 320.")
                return media
            case "mark":
                return Mark(text_of(message["mark"]["name"]))
            case "clear":
                return Clear()
            case _:
                return Ignored()
    except (KeyError, TypeError) as error:
        raise CarrierProtocolError("A message lacks one of its fields.") from error


def media_order(stream_sid: str, pcm: bytes) -> str:
    """Return the message that hands audio to Exotel; `stream_sid` needs no escaping, which `read_message` saw to."""
    payload = binascii.b2a_base64(pcm, newline=False).decode("ascii")
    return f'{{"event":"media","stream_sid":"{stream_sid}","media":{{"payload":"{payload}"}}}}'


def mark_order(stream_sid: str, name: str) -> str:
    """Return the message that asks for a mark."""
    return json.dumps({"event": "mark", "stream_sid": stream_sid, "mark": {"name": name}})


def clear_order(stream_sid: str) -> str:
    """Return the message that empties Exotel's buffer."""
    return json.dumps({"event": "clear", "stream_sid": stream_sid})


def _media(media: dict[str, Any]) -> Media:
    pcm = audio_of(media["payload"])
    if len(pcm) % 2 or len(pcm) > CHUNK_BYTES_MAX:
        raise CarrierProtocolError("Audio is at most 100,000 bytes of 16-bit samples.")
    return Media(pcm)


def _started(start: dict[str, Any]) -> Started:
    audio = start.get("media_format") or {}
    encoding = text_of(audio.get("encoding", "base64")).partition(";")[0].lower()
    rate = int(audio.get("sample_rate", SAMPLE_RATES[0]))
    if encoding not in _ENCODINGS or rate not in SAMPLE_RATES:
        raise CarrierProtocolError("The stream's audio is 16-bit PCM at 8, 16 or 24 kHz; set this in the applet.")
    return Started(
        stream_sid=sid_of(start["stream_sid"]),
        call_sid=sid_of(start["call_sid"]),
        account_sid=sid_of(start["account_sid"]),
        from_number=text_of(start["from"]),
        to_number=text_of(start["to"]),
        sample_rate=rate,
    )


def _ignored(message: dict[str, Any]) -> Ignored:
    del message
    return Ignored()


_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Message]]] = {
    "connected": lambda _: Connected(),
    "start": lambda message: _started(message["start"]),
    "media": lambda message: _media(message["media"]),
    "dtmf": lambda message: Dtmf(digit_of(message["dtmf"]["digit"])),
    "mark": lambda message: Mark(text_of(message["mark"]["name"])),
    "stop": lambda _: Stopped(),
}
