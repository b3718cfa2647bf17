"""A carrier's socket that a test holds in its own hands."""

import asyncio
import json
from typing import Any

from callgenie.telephony.socket import SocketClosedError


class HandSocket:
    """Gives the texts it was made with, then breaks off; keeps what is sent."""

    def __init__(self, *messages: dict[str, Any] | str, stays_open: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed: list[int] = []
        self._texts = [text if isinstance(text, str) else json.dumps(text) for text in messages]
        self._stays_open = stays_open

    async def receive_text(self) -> str:
        if self._texts:
            return self._texts.pop(0)
        if self._stays_open:
            await asyncio.Event().wait()
        raise SocketClosedError

    async def send_text(self, text: str) -> None:
        if self.closed:
            raise SocketClosedError
        self.sent.append(json.loads(text))

    async def close(self, code: int) -> None:
        self.closed.append(code)
