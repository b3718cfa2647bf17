"""One call's audio over Twilio's Media Streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog

from callgenie.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from callgenie.telephony.socket import NORMAL_CLOSURE, SocketClosedError, TextSocket
from callgenie.telephony.twilio.media import (
    SAMPLE_RATE,
    CarrierProtocolError,
    Connected,
    Dtmf,
    Mark,
    Media,
    Started,
    Stopped,
    clear_order,
    mark_order,
    media_order,
    read_message,
)
from callgenie.voice.ports import AudioReceived, DigitPressed, LinkClosed, LinkEvent, MarkReached

_log = structlog.get_logger(__name__)

GARBAGE_RECEIVED: Final = "carrier.garbage_received"
GARBAGE_TOLERATED: Final = "carrier.garbage_limit_reached"

# The two first messages come within milliseconds of the socket; whoever is silent for longer is no carrier.
START_SECONDS_MAX: Final = 5.0

# One message that makes no sense is dropped; a second's worth of them means that the other side is broken.
GARBAGE_MESSAGES_MAX: Final = 50


async def receive_start(socket: TextSocket) -> Started:
    """Return the `start` message of a new socket.

    Raises:
        CarrierProtocolError: Something else came first, or nothing within five seconds.
        SocketClosedError: The socket was closed instead.
    """
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            if not isinstance(read_message(await socket.receive_text()), Connected):
                raise CarrierProtocolError("A stream begins with `connected`.")
            started = read_message(await socket.receive_text())
    except TimeoutError as error:
        raise CarrierProtocolError("A stream sends its `start` within five seconds.") from error
    if not isinstance(started, Started):
        raise CarrierProtocolError("A stream's second message is `start`.")
    return started


class TwilioLink:
    """Implements `voice.ports.AudioLink` over a socket whose `start` was received."""

    sample_rate: int = SAMPLE_RATE

    def __init__(self, socket: TextSocket, stream_sid: str) -> None:
        self._socket = socket
        self._stream_sid = stream_sid
        self._closed = False

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what the carrier sends; `LinkClosed` is the last and always comes."""
        garbage = 0
        while garbage < GARBAGE_MESSAGES_MAX:
            try:
                message = read_message(await self._socket.receive_text())
            except SocketClosedError:
                # After our own close the carrier has nothing left to say, so the end is as it should be.
                yield LinkClosed(clean=self._closed)
                return
            except CarrierProtocolError as error:
                garbage += 1
                _log.warning(GARBAGE_RECEIVED, stream_sid=self._stream_sid, error=str(error))
                continue
            match message:
                case Media(ulaw):
                    yield AudioReceived(ulaw_to_pcm(ulaw))
                case Mark(name):
                    yield MarkReached(name)
                case Dtmf(digit):
                    yield DigitPressed(digit)
                case Stopped():
                    yield LinkClosed(clean=True)
                    return
                case _:
                    pass
        _log.error(GARBAGE_TOLERATED, stream_sid=self._stream_sid)
        yield LinkClosed(clean=False)

    async def send_audio(self, pcm: bytes) -> None:
        """Hand audio to the carrier, which plays it after what it already has. A closed link ignores it."""
        await self._send(media_order(self._stream_sid, pcm_to_ulaw(pcm)))

    async def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far was played."""
        await self._send(mark_order(self._stream_sid, name))

    async def clear(self) -> None:
        """Throw away what the carrier has not played yet; all pending marks come back."""
        await self._send(clear_order(self._stream_sid))

    async def close(self) -> None:
        """Hang up: Twilio goes on with the verb after `<Connect>`, which is `<Hangup/>`."""
        self._closed = True
        await self._socket.close(NORMAL_CLOSURE)

    async def _send(self, text: str) -> None:
        if self._closed:
            return
        try:
            await self._socket.send_text(text)
        except SocketClosedError:
            # Whoever reads the events learns that the link is gone, and how.
            return
