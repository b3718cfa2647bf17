"""The web framework's socket as the wire formats want it."""

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from callgenie.telephony.socket import SocketClosedError


class ServerSocket:
    """Implements `telephony.socket.TextSocket` and `MixedSocket` over an accepted web socket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive_message(self) -> str | bytes:
        """Return the next message.

        Raises:
            SocketClosedError: There is none, and there will be none.
        """
        try:
            message = await self._websocket.receive()
        except RuntimeError as error:
            # The framework's word for reading on after the end.
            raise SocketClosedError from error
        if message["type"] == "websocket.disconnect":
            raise SocketClosedError(message.get("code"))
        text: str | None = message.get("text")
        data: bytes = message.get("bytes") or b""
        return data if text is None else text

    async def receive_text(self) -> str:
        """Return the next text; a binary message counts as an empty one.

        Raises:
            SocketClosedError: There is none, and there will be none.
        """
        message = await self.receive_message()
        return message if isinstance(message, str) else ""

    async def send_text(self, text: str) -> None:
        """Send a text; waits while the other side does not read.

        Raises:
            SocketClosedError: Nobody is there to receive it.
        """
        await self._send({"type": "websocket.send", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes; waits while the other side does not read.

        Raises:
            SocketClosedError: Nobody is there to receive them.
        """
        await self._send({"type": "websocket.send", "bytes": data})

    async def close(self, code: int) -> None:
        """Close with a code of RFC 6455, section 7.4. Closing twice is harmless."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self._websocket.close(code)
        except (WebSocketDisconnect, RuntimeError):
            # The other side was quicker.
            return

    async def _send(self, message: Message) -> None:
        try:
            await self._websocket.send(message)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise SocketClosedError from error
