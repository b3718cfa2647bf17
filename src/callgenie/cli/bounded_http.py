"""HTTP with bounds on what comes before a request: the server's parser alone takes headers without end, for ever."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Twice what other servers take. Carriers' and browsers' headers have a few thousand bytes.
HEAD_BYTES_MAX: Final = 64 * 1024
# From the connection, or the first byte of a further request, to the end of its headers.
HEAD_SECONDS_MAX: Final = 20.0


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection, closed when the head of a request is too long or takes too long."""

    _head_bytes: int | None = 0
    _too_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the parent
        """Expect a head from now on."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_is_over()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head, and pass it on while it is not too much."""
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            # What follows the head in the same piece was counted too, so this is asked after it was parsed.
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """Expect a head, when this is not the connection's first."""
        if self._head_bytes is None:
            self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Count no longer: a body has its own limit."""
        self._head_is_over()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._too_late = self.loop.call_later(HEAD_SECONDS_MAX, self._close)

    def _head_is_over(self) -> None:
        self._head_bytes = None
        if self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None

    def _close(self) -> None:
        self.transport.close()
