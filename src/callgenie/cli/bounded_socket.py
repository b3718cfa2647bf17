"""Web sockets with bounds: on messages that wait, on what a message is made of, on pings, and on every wait."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from callgenie.cli.bounded_transport import BoundedTransport, ConnectionLimits

# More than a second of a call's audio; a call that is behind by this much is not helped by reading more.
MESSAGES_WAITING_MAX: Final = 64
# Carriers and browsers send messages in one piece. An empty fragment takes memory, and adds nothing to the length that
# the parser bounds.
FRAGMENTS_MAX: Final = 64
# Pings and pongs within the window. Carriers send one every few seconds; each is parsed and answered at our cost.
CONTROL_FRAMES_MAX: Final = 100
CONTROL_WINDOW_SECONDS: Final = 10.0

# The parser makes an object of some hundred bytes of each frame, and the smallest frame has six.
_SLICE_BYTES: Final = 16 * 1024


class BoundedSocketProtocol(WebSocketsSansIOProtocol):
    """One socket. It is read until `MESSAGES_WAITING_MAX` of its messages wait to be taken, and again when none does.

    The parent lets one message wait. At fifty messages a second for each call, the system's calls that follow from it
    are a good part of what reading costs.
    """

    # The protocol of HTTP hands over its own.
    transport: BoundedTransport  # type: ignore[assignment] # stands in for one

    def __init__(self, limits: ConnectionLimits, **server: Any) -> None:
        super().__init__(**server)
        self._limits = limits
        self._handshake_deadline: asyncio.TimerHandle | None = None
        self._message_deadline: asyncio.TimerHandle | None = None
        self._fragments = 0
        self._control_frames = 0
        self._control_window_end = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Expect the handshake."""
        super().connection_made(transport)
        self._handshake_deadline = self._later(self._limits.head_seconds, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        for timer in (self._handshake_deadline, self._message_deadline):
            if timer is not None:
                timer.cancel()
        self.transport.lost()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the other side to read, and not for ever."""
        super().pause_writing()
        self.transport.writing_paused()

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self.transport.writing_resumed()

    def data_received(self, data: bytes) -> None:
        """Parse what came, slice by slice."""
        for at in range(0, len(data), _SLICE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[at : at + _SLICE_BYTES])
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                # The parser has refused the handshake. The parent sends what an event leads to, and here is none.
                self.handshake_complete = self.close_sent = True
                self.transport.write(b"".join(self.conn.data_to_send()))
                self.transport.close()

    def handle_text(self, event: Frame) -> None:
        """Take a message, or its first fragment."""
        if self._is_bounded(event):
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take a message, or its first fragment."""
        if self._is_bounded(event):
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a further fragment."""
        if self._is_bounded(event):
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping."""
        if self._is_control_frame_bounded():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong."""
        if self._is_control_frame_bounded():
            super().handle_pong(event)

    def handle_parser_exception(self) -> None:
        """Close a socket that breaks the protocol, or a bound of ours."""
        if self.conn.close_sent is None:
            # The parent takes for granted that the handshake is over.
            self.transport.close()
            return
        super().handle_parser_exception()

    async def send(self, message: Any) -> None:
        """Send a message of the application (ASGI)."""
        await super().send(message)
        if self._handshake_deadline is not None and self.handshake_complete:
            self._handshake_deadline.cancel()
            self._handshake_deadline = None

    def send_receive_event_to_app(self) -> None:
        """Put the message that has come where the application takes it."""
        # The parent stops reading unless it has done so already, and goes on when none waits any more.
        was_paused, self.read_paused = self.read_paused, True
        super().send_receive_event_to_app()
        self.read_paused = was_paused
        # Closed by us, it is read on for the other side's word that it is closed there, too; messages are not kept.
        if not was_paused and not self.close_sent and self.queue.qsize() >= MESSAGES_WAITING_MAX:
            self.read_paused = True
            self.transport.pause_reading()

    def _is_bounded(self, fragment: Frame) -> bool:
        """Count a fragment of a message; close the socket where there are too many."""
        if self.transport.is_closing():
            return False
        if fragment.fin:
            self._fragments = 0
            if self._message_deadline is not None:
                self._message_deadline.cancel()
                self._message_deadline = None
            return True
        self._fragments += 1
        if self._message_deadline is None:
            self._message_deadline = self._later(
                self._limits.message_seconds, lambda: self._refuse("message not finished in time")
            )
        if self._fragments > FRAGMENTS_MAX:
            self._refuse("too many fragments")
            return False
        return True

    def _is_control_frame_bounded(self) -> bool:
        """Count a ping or pong; close the socket where there are too many."""
        if self.transport.is_closing():
            return False
        now = self.loop.time()
        if now >= self._control_window_end:
            self._control_frames, self._control_window_end = 0, now + CONTROL_WINDOW_SECONDS
        self._control_frames += 1
        if self._control_frames > CONTROL_FRAMES_MAX:
            self._refuse("too many pings or pongs")
            return False
        return True

    def _refuse(self, reason: str) -> None:
        if self.transport.is_closing():
            return
        self.conn.fail(CloseCode.POLICY_VIOLATION, reason)
        self.handle_parser_exception()

    def _later(self, seconds: float, do: Callable[[], object]) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, do)
