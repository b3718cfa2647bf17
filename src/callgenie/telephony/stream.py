"""Reads a carrier's media socket, whatever its dialect: the `start`, then all that follows, and how much garbage."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

import structlog

from callgenie.telephony.messages import CarrierProtocolError, Connected, Stopped
from callgenie.telephony.socket import SocketClosedError, TextSocket

_log = structlog.get_logger(__name__)

GARBAGE_RECEIVED: Final = "carrier.garbage_received"
GARBAGE_TOLERATED: Final = "carrier.garbage_limit_reached"

# The two first messages come within milliseconds of the socket; whoever is silent for longer is no carrier.
START_SECONDS_MAX: Final = 5.0

# One message that makes no sense is dropped; a second's worth of them means that the other side is broken.
GARBAGE_MESSAGES_MAX: Final = 50

M = TypeVar("M")
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


async def receive_messages(socket: TextSocket, read: Callable[[str], M], stream_sid: str) -> AsyncIterator[M]:
    """Yield what comes between `start` and `stop`; messages that make no sense are dropped, up to a limit.

    Raises:
        SocketClosedError: The socket closed without a `stop`, or carries nothing but garbage.
    """
    garbage = 0
    while garbage < GARBAGE_MESSAGES_MAX:
        try:
            message = read(await socket.receive_text())
        except CarrierProtocolError as error:
            garbage += 1
            _log.warning(GARBAGE_RECEIVED, stream_sid=stream_sid, error=str(error))
            continue
        if isinstance(message, Stopped):
            return
        yield message
    _log.error(GARBAGE_TOLERATED, stream_sid=stream_sid)
    raise SocketClosedError
