"""Plays a page: sends a microphone's frames by a clock, plays what it gets in real time, and gives marks back."""

import asyncio
import json
from collections import deque
from types import TracebackType
from typing import Any, Self

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

FRAME = 640  # 20 ms of 16-bit samples at 16 kHz
QUIET = bytes(FRAME)


def voice(ms: int) -> list[bytes]:
    """Return frames that are loud enough to pass for speech."""
    tone = (np.sin(np.arange(320) / 16_000 * 2 * np.pi * 200) * 6_000).astype("<i2").tobytes()
    return [tone] * (ms // 20)


class WebCaller:
    """One call.

    Attributes:
        events: Every JSON text that came, in order.
        heard: What was played, without the silence between.
        clears: How many bytes each `clear` threw away.
        code: What the socket was closed with, once it is.
    """

    def __init__(self, url: str, *, origin: str | None = None) -> None:
        self._url = url
        self._headers = {} if origin is None else {"Origin": origin}
        self.events: list[dict[str, Any]] = []
        self.heard = bytearray()
        self.clears: list[int] = []
        self.code: int | None = None
        self.speaks = True
        self._says: deque[bytes] = deque()
        self._buffer = bytearray()
        self._taken = 0
        self._marks: deque[tuple[int, str]] = deque()
        self._news = asyncio.Event()
        self._over = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.socket: ClientConnection = await connect(self._url, additional_headers=self._headers, proxy=None)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._listen()), loop.create_task(self._tick())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.socket.close()
        self._tasks[1].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def says(self, frames: list[bytes]) -> None:
        self._says.extend(frames)

    async def sends(self, message: dict[str, Any] | str | bytes) -> None:
        await self.socket.send(json.dumps(message) if isinstance(message, dict) else message)

    async def over(self) -> None:
        """Wait until the server has closed the socket."""
        await self._over.wait()

    async def until(self, name: str) -> None:
        """Wait for the first event of that name."""
        while not self.named(name):
            self._news.clear()
            await self._news.wait()

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(turn["role"], turn["text"]) for turn in self.named("turn")]

    async def _listen(self) -> None:
        try:
            async for message in self.socket:
                if isinstance(message, bytes):
                    self._buffer += message
                    self._taken += len(message)
                else:
                    self._told(json.loads(message))
        finally:
            self.code = self.socket.close_code
            self._over.set()

    def _told(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self._news.set()
        if event["event"] == "mark":
            self._marks.append((self._taken, event["name"]))
        elif event["event"] == "clear":
            self.clears.append(len(self._buffer))
            self._buffer.clear()

    async def _tick(self) -> None:
        due = asyncio.get_running_loop().time()
        try:
            while True:
                if self.speaks:
                    await self.socket.send(self._says.popleft() if self._says else QUIET)
                self.heard += self._buffer[:FRAME]
                del self._buffer[:FRAME]
                while self._marks and self._marks[0][0] <= self._taken - len(self._buffer):
                    await self.sends({"event": "mark", "name": self._marks.popleft()[1]})
                due += 0.02
                await asyncio.sleep(due - asyncio.get_running_loop().time())
        except ConnectionClosed:
            return
