"""A connection's transport with deadlines: for a client that does not read, and for one that does not stop sending."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from callgenie.settings import Settings

# The least that a client must take of an answer it is late with. The slowest mobile networks carry five times as much.
READ_BYTES_PER_SECOND_MIN: Final = 1_024
# Input that nobody wants is read and thrown away for a while: a client that is still sending would otherwise get a
# connection reset in place of its answer. Larger uploads than this are cut off.
DRAIN_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Timeouts of a client connection, in seconds.

    Attributes:
        head_seconds: From the first byte of a request (or the connection) to the end of its head. Heads come in one
            piece or two; twenty seconds are enough for several lost packets.
        write_seconds: Without reading, before the connection is cut. As long as other servers wait (nginx: 60).
        drain_seconds: Without sending, once nothing is wanted any more; six times as long in total.
        message_seconds: From the first fragment of a web socket's message to its last.
    """

    head_seconds: float = 20.0
    write_seconds: float = 60.0
    drain_seconds: float = 5.0
    message_seconds: float = 20.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits that are set."""
        return cls(head_seconds=settings.http_head_seconds, write_seconds=settings.http_write_seconds)


class Drain:
    """Bounds what is read only to be thrown away: in bytes, in seconds of silence, and in seconds altogether."""

    _SILENCES: Final = 6

    def __init__(self, seconds: float, give_up: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._give_up = give_up
        self._bytes_left = DRAIN_BYTES_MAX
        self._end = self._loop.time() + self._SILENCES * seconds
        self._timer = self._loop.call_later(seconds, give_up)

    def received(self, size: int) -> None:
        """Count bytes that came, and give up where there were too many."""
        self._bytes_left -= size
        if self._bytes_left < 0:
            self.stop()
            self._give_up()
            return
        self._timer.cancel()
        self._timer = self._loop.call_at(min(self._end, self._loop.time() + self._seconds), self._give_up)

    def stop(self) -> None:
        """Cancel the timer."""
        self._timer.cancel()


class BoundedTransport:
    """Wraps the transport of one connection, and stands in for it.

    Its protocol has to call `writing_paused` and `writing_resumed` from its methods of similar names, and `lost` when
    the connection is over.
    """

    def __init__(self, transport: asyncio.Transport, limits: ConnectionLimits) -> None:
        self._transport = transport
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._unread_bytes = 0
        self._write_timer: asyncio.TimerHandle | None = None
        self._drain: Drain | None = None

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else."""
        return getattr(self._transport, name)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, unless all has been said."""
        if self._drain is None:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Return true once nothing more can be sent."""
        return self._drain is not None or self._transport.is_closing()

    def close(self) -> None:
        """Close once all that was written is sent; cut the connection where the client does not read it."""
        self._transport.close()
        self._expect_progress()

    def abort(self) -> None:
        """Cut the connection at once."""
        self._transport.abort()

    def linger(self) -> None:
        """Close for a client that may still be sending: tell it that all is said, and throw away what comes."""
        if self.is_closing():
            return
        self._transport.write_eof()
        self._drain = Drain(self._limits.drain_seconds, self._transport.abort)
        self._expect_progress()

    def throw_away(self, size: int) -> None:
        """Count bytes that came after the end."""
        if self._drain is not None:
            self._drain.received(size)

    def writing_paused(self) -> None:
        """Expect the client to read."""
        self._expect_progress()

    def writing_resumed(self) -> None:
        """Expect nothing more, unless the connection is being closed."""
        if not self.is_closing():
            self._stop_expecting()

    def lost(self) -> None:
        """Cancel the timers."""
        self._stop_expecting()
        if self._drain is not None:
            self._drain.stop()

    def _stop_expecting(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _expect_progress(self) -> None:
        self._stop_expecting()
        self._unread_bytes = self._transport.get_write_buffer_size()
        if self._unread_bytes:
            self._write_timer = self._loop.call_later(self._limits.write_seconds, self._check_progress)

    def _check_progress(self) -> None:
        left = self._transport.get_write_buffer_size()
        if left and self._unread_bytes - left < READ_BYTES_PER_SECOND_MIN * self._limits.write_seconds:
            self._transport.abort()
        else:
            self._expect_progress()
