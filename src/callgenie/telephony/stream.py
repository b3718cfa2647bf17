"""Reads a carrier's media socket, whatever its dialect: the `start`, then all that follows, and how much garbage."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, TypeVar

import structlog

from callgenie.telephony.messages import CarrierProtocolError, Connected, Dtmf, Mark, Stopped
from callgenie.telephony.socket import SocketClosedError, TextSocket
from callgenie.voice.ports import AudioReceived, DigitPressed, LinkClosed, LinkEvent, MarkReached

_log = structlog.get_logger(__name__)

GARBAGE_RECEIVED: Final = "carrier.garbage_received"
GARBAGE_TOLERATED: Final = "carrier.garbage_limit_reached"

# The two first messages come within milliseconds of the socket; whoever is silent for longer is no carrier.
START_SECONDS_MAX: Final = 5.0

# One message that makes no sense is dropped; a second's worth of them means that the other side is broken.
GARBAGE_MESSAGES_MAX: Final = 50

A = TypeVar("A")
S = TypeVar("S")


async def receive_start(socket: TextSocket, read: Callable[[str], object], kind: type[S]) -> S:
    """Return the `start` message, one of `kind`, of a new socket.

    Raises:
        CarrierProtocolError: Something else came first, or nothing within five seconds.
        SocketClosedError: The socket was closed instead.
    """
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            if not isinstance(read(await socket.receive_text()), Connected):
                raise CarrierProtocolError("A stream begins with `connected`.")
            started = read(await socket.receive_text())
    except TimeoutError as error:
        raise CarrierProtocolError("A stream sends its `start` within five seconds.") from error
    if not isinstance(started, kind):
        raise CarrierProtocolError("A stream's second message is `start`.")
    return started


class MediaStream:
    """A socket whose `start` was received: what comes over it, as a call hears it, and the way back."""

    def __init__(self, socket: TextSocket, stream_sid: str, read: Callable[[str], object]) -> None:
        self._socket = socket
        self._stream_sid = stream_sid
        self._read = read
        self._closed = False

    async def events(self, audio: type[A], heard: Callable[[A], Iterable[bytes]]) -> AsyncIterator[LinkEvent]:
        """Yield what the carrier sends; `heard` makes PCM of a message of kind `audio`. `LinkClosed` is the last."""
        try:
            async for message in self._messages():
                if isinstance(message, audio):
                    for pcm in heard(message):
                        yield AudioReceived(pcm)
                elif isinstance(message, Mark):
                    yield MarkReached(message.name)
                elif isinstance(message, Dtmf):
                    yield DigitPressed(message.digit)
            yield LinkClosed(clean=True)
        except SocketClosedError:
            # After our own close the carrier has nothing left to say, so the end is as it should be.
            yield LinkClosed(clean=self._closed)

    async def send(self, text: str) -> None:
        """Send a message. A closed stream ignores it."""
        if self._closed:
            return
        try:
            await self._socket.send_text(text)
        except SocketClosedError:
            # Whoever reads the events learns that the link is gone, and how.
            return

    async def close(self, code: int) -> None:
        """Close the socket. Closing twice is harmless."""
        self._closed = True
        await self._socket.close(code)

    async def _messages(self) -> AsyncIterator[object]:
        """Yield what comes between `start` and `stop`; messages that make no sense are dropped, up to a limit.

        Raises:
            SocketClosedError: The socket closed without a `stop`, or carries nothing but garbage.
        """
        garbage = 0
        while garbage < GARBAGE_MESSAGES_MAX:
            try:
                message = self._read(await self._socket.receive_text())
            except CarrierProtocolError as error:
                garbage += 1
                _log.warning(GARBAGE_RECEIVED, stream_sid=self._stream_sid, error=str(error))
                continue
            if isinstance(message, Stopped):
                return
            yield message
        _log.error(GARBAGE_TOLERATED, stream_sid=self._stream_sid)
        raise SocketClosedError
