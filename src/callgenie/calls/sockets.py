"""The web framework's socket as the wire formats want it."""

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from callgenie.telephony.socket import SocketClosedError


class ServerSocket:
    """Implements `telephony.socket.TextSocket` over an accepted web socket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive_text(self) -> str:
        """Return the next text; a binary message counts as an empty one.

        Raises:
            SocketClosedError: There is none, and there will be none.
        """
        try:
            message = await self._websocket.receive()
        except RuntimeError as error:
            # The framework's word for reading on after the end.
            raise SocketClosedError from error
        if message["type"] == "websocket.disconnect":
            raise SocketClosedError
        text: str = message.get("text") or ""
        return text

    async def send_text(self, text: str) -> None:
        """Send a text; waits while the other side does not read.

        Raises:
            SocketClosedError: Nobody is there to receive it.
        """
        try:
            await self._websocket.send({"type": "websocket.send", "text": text})
        except (WebSocketDisconnect, RuntimeError) as error:
            raise SocketClosedError from error

    async def close(self, code: int) -> None:
        """Close with a code of RFC 6455, section 7.4. Closing twice is harmless."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self._websocket.close(code)
        except (WebSocketDisconnect, RuntimeError):
            # The other side was quicker.
            return
