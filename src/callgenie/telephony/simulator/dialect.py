"""What a carrier says on a media socket: what every dialect has, and Twilio's Media Streams."""

import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from callgenie.telephony.messages import Ignored
from callgenie.telephony.twilio.media import ENCODING, SAMPLE_RATE, Order, read_order
from callgenie.voice.ports import FRAME_MS

# What is meant for eyes says nothing to an ear.
Heard = Order | Ignored


class StreamDialect(Protocol):
    """Writes one stream's messages, and reads what the other side says; inside, audio is mu-law at 8 kHz."""

    def opening(self, parameters: Mapping[str, str]) -> Sequence[str | bytes]:
        """Return the first messages on a socket."""
        ...

    def audio(self, ulaw: bytes) -> Sequence[str | bytes]:
        """Take one frame of the caller's audio; return what is due to be sent."""
        ...

    def mark(self, name: str) -> str:
        """Return the message that gives a mark back."""
        ...

    def dtmf(self, digit: str) -> str:
        """Return the message that says which key was pressed."""
        ...

    def stop(self) -> str:
        """Return the last message."""
        ...

    def read(self, message: str | bytes) -> Heard:
        """Return what the other side wants.

        Raises:
            CarrierProtocolError: It is not a message of the protocol.
        """
        ...


def connected() -> str:
    """Return the first message on a socket."""
    return json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})


def text_in(message: str | bytes) -> str:
    """Return a message as a text; bytes, which no carrier takes, become one that is no JSON."""
    return message if isinstance(message, str) else message.decode("latin-1")


class Dialect:
    """Twilio's messages, numbered as strings, from 1."""

    def __init__(self, *, account_sid: str, call_sid: str, stream_sid: str) -> None:
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._stream_sid = stream_sid
        self._sequence = 0
        self._chunk = 0

    def opening(self, parameters: Mapping[str, str]) -> list[str]:
        """Return the first messages on a socket."""
        return [connected(), self.start(parameters)]

    def audio(self, ulaw: bytes) -> list[str]:
        """Take one frame of the caller's audio; return what is due to be sent."""
        return [self.media(ulaw)]

    def read(self, message: str | bytes) -> Heard:
        """Return what the other side wants.

        Raises:
            CarrierProtocolError: It is not a message of the protocol.
        """
        return read_order(text_in(message))

    def start(self, parameters: Mapping[str, str]) -> str:
        """Return the message that says which call this is."""
        start = {
            "accountSid": self._account_sid,
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": ENCODING, "sampleRate": SAMPLE_RATE, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._message("start", start)

    def media(self, ulaw: bytes) -> str:
        """Return the message with one frame of the caller's audio."""
        self._sequence += 1
        self._chunk += 1
        payload = binascii.b2a_base64(ulaw, newline=False).decode("ascii")
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"inbound",'
            f'"chunk":"{self._chunk}","timestamp":"{self._chunk * FRAME_MS}","payload":"{payload}"}},'
            f'"streamSid":"{self._stream_sid}"}}'
        )

    def mark(self, name: str) -> str:
        """Return the message that gives a mark back."""
        return self._message("mark", {"name": name})

    def dtmf(self, digit: str) -> str:
        """Return the message that says which key was pressed."""
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def stop(self) -> str:
        """Return the last message."""
        return self._message("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _message(self, event: str, content: dict[str, Any]) -> str:
        self._sequence += 1
        message = {"event": event, "sequenceNumber": str(self._sequence), event: content, "streamSid": self._stream_sid}
        return json.dumps(message)
