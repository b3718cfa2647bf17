"""A web socket, seen from a wire format: whose library it is does not matter."""

from typing import Final, Protocol

POLICY_VIOLATION: Final = 1_008
NORMAL_CLOSURE: Final = 1_000
GOING_AWAY: Final = 1_001
INTERNAL_ERROR: Final = 1_011


class SocketClosedError(Exception):
    """The socket is gone, whoever closed it. `code` is what the other side closed it with, if it said anything."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__()
        self.code = code


class TextSocket(Protocol):
    """One open web socket."""

    async def receive_text(self) -> str:
        """Return the next text.

        Raises:
            SocketClosedError: There is none, and there will be none.
        """
        ...

    async def send_text(self, text: str) -> None:
        """Send a text; waits while the other side does not read.

        Raises:
            SocketClosedError: Nobody is there to receive it.
        """
        ...

    async def close(self, code: int) -> None:
        """Close with a code of RFC 6455, section 7.4. Closing twice is harmless."""
        ...


class MixedSocket(TextSocket, Protocol):
    """One open web socket that carries texts and bytes."""

    async def receive_message(self) -> str | bytes:
        """Return the next message.

        Raises:
            SocketClosedError: There is none, and there will be none.
        """
        ...

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes; waits while the other side does not read.

        Raises:
            SocketClosedError: Nobody is there to receive them.
        """
        ...
