"""A carrier's end of one call, small and in memory: it plays what it gets in real time and echoes marks."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from types import TracebackType
from typing import Final, Self

import numpy as np

from callgenie.voice.ports import AudioReceived, DigitPressed, LinkClosed, LinkEvent, MarkReached

RATE: Final = 8_000
FRAME: Final = 320
SILENCE: Final = bytes(FRAME)


def voice(ms: int) -> list[bytes]:
    """Return frames that are loud enough to pass for speech."""
    tone = (np.sin(np.arange(160) / RATE * 2 * np.pi * 200) * 6_000).astype("<i2").tobytes()
    return [tone] * (ms // 20)


def quiet(ms: int) -> list[bytes]:
    """Return frames of nothing."""
    return [SILENCE] * (ms // 20)


class FakeLink:
    """One call. Every 20 ms the caller's next frame (or silence) goes in, and one frame of ours is played.

    Attributes:
        played: What the caller heard, frame by frame from the start of the call; None where there was nothing to play.
        cleared_at: When `clear` came, in seconds since the start.
        closed_at: When we hung up, or None.
    """

    sample_rate = RATE

    def __init__(self, *, delay: float = 0.0, echoes_marks: bool = True, can_transfer: bool = False) -> None:
        self.can_transfer = can_transfer
        self.played: list[bytes | None] = []
        self.cleared_at: list[float] = []
        self.closed_at: float | None = None
        self.marks_sent: list[str] = []
        self.speaks = True
        self._delay = delay
        self._echoes_marks = echoes_marks
        self._caller: deque[bytes] = deque()
        self._buffer: deque[bytes | str] = deque()
        self._on_the_way: deque[Callable[[], object]] = deque()
        self._events: asyncio.Queue[LinkEvent] = asyncio.Queue()
        self._began = asyncio.get_running_loop().time()
        self._line = asyncio.get_running_loop().create_task(self._run())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._line.cancel()
        await asyncio.gather(self._line, return_exceptions=True)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    # The caller's side

    def says(self, *pieces: list[bytes]) -> None:
        """Queue frames; until they come, and after them, the caller is quiet."""
        for frames in pieces:
            self._caller.extend(frames)

    def presses(self, digit: str) -> None:
        self._events.put_nowait(DigitPressed(digit))

    def hangs_up(self, *, clean: bool = True) -> None:
        self._events.put_nowait(LinkClosed(clean=clean))

    def heard_ms(self) -> int:
        """Return how much of our speech the caller has heard so far."""
        return 20 * sum(frame is not None for frame in self.played)

    # The port

    async def events(self) -> AsyncIterator[LinkEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, LinkClosed):
                return

    async def send_audio(self, pcm: bytes) -> None:
        assert len(pcm) % FRAME == 0
        self._receive([pcm[at : at + FRAME] for at in range(0, len(pcm), FRAME)])

    async def send_mark(self, name: str) -> None:
        self.marks_sent.append(name)
        self._receive([name])

    async def clear(self) -> None:
        self.cleared_at.append(self.now)
        # It goes the way of the audio before it, and does not overtake it.
        self._send(self._flush)

    async def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = self.now

    # The line

    def _receive(self, items: list[bytes] | list[str]) -> None:
        if self.closed_at is not None:
            return
        self._send(partial(self._buffer.extend, items))

    def _send(self, arrival: Callable[[], object]) -> None:
        # Nothing overtakes: timers of the very same moment go off in any order, and virtual time has such moments.
        self._on_the_way.append(arrival)
        asyncio.get_running_loop().call_later(self._delay, self._arrive)

    def _arrive(self) -> None:
        self._on_the_way.popleft()()

    def _flush(self) -> None:
        flushed = [item for item in self._buffer if isinstance(item, str)]
        self._buffer.clear()
        for name in flushed:
            self._echo(name)

    def _echo(self, name: str) -> None:
        if self._echoes_marks:
            asyncio.get_running_loop().call_later(self._delay, self._events.put_nowait, MarkReached(name))

    async def _run(self) -> None:
        ticks = 0
        while True:
            ticks += 1
            await asyncio.sleep(max(0.0, self._began + ticks * 0.02 - asyncio.get_running_loop().time()))
            if self.speaks and self.closed_at is None:
                self._events.put_nowait(AudioReceived(self._caller.popleft() if self._caller else SILENCE))
            self._play()

    def _play(self) -> None:
        while self._buffer and isinstance(self._buffer[0], str):
            self._echo(str(self._buffer.popleft()))
        frame = self._buffer.popleft() if self._buffer else None
        self.played.append(frame if isinstance(frame, bytes) else None)
        while self._buffer and isinstance(self._buffer[0], str):
            self._echo(str(self._buffer.popleft()))
