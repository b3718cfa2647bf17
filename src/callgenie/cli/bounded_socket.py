"""Web sockets that read ahead a little: the server's own stops and starts reading once for every message."""

from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# More than a second of a call's audio; a call that is behind by this much is not helped by reading more.
MESSAGES_WAITING_MAX: Final = 64


class BoundedSocketProtocol(WebSocketsSansIOProtocol):
    """One socket. It is read until `MESSAGES_WAITING_MAX` of its messages wait to be taken, and again when none does.

    The parent lets one message wait. At fifty messages a second for each call, the system's calls that follow from it
    are a good part of what reading costs.
    """

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
