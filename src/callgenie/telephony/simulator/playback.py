"""The carrier's end of our audio: a buffer played in real time, with marks in it."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from callgenie.voice.ports import FRAME_MS

FRAME_BYTES: Final = 160

# A hole no longer than this, with more of the same speech behind it, is heard as a stutter, not as a pause.
_STUTTER_MS_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole inside the assistant's speech: audio that came too late."""

    start_ms: int
    ms: int


class Playback:
    """Plays one frame a tick from what the other side has sent."""

    def __init__(self) -> None:
        self.clears_ms: list[int] = []
        self.gaps: list[Gap] = []
        self._buffer = bytearray()
        self._marks: deque[tuple[int, str]] = deque()
        self._taken = 0
        self._played = 0
        self._now_ms = 0
        self._ran_dry_ms: int | None = None

    def take(self, ulaw: bytes) -> None:
        """Queue audio behind what is there."""
        if self._ran_dry_ms is not None:
            hole_ms = self._now_ms - self._ran_dry_ms
            if 0 < hole_ms <= _STUTTER_MS_MAX:
                self.gaps.append(Gap(self._ran_dry_ms, hole_ms))
            self._ran_dry_ms = None
        self._buffer += ulaw
        self._taken += len(ulaw)

    def mark(self, name: str) -> None:
        """Remember a mark at the end of what is there."""
        self._marks.append((self._taken, name))

    def clear(self) -> None:
        """Throw away what was not played; the marks in it count as reached."""
        self.clears_ms.append(self._now_ms)
        self._played += len(self._buffer)
        self._buffer.clear()
        self._ran_dry_ms = None

    def stop(self) -> None:
        """Forget all that was not played, and the marks in it: nobody is there to be told."""
        self._played = self._taken
        self._buffer.clear()
        self._marks.clear()
        self._ran_dry_ms = None

    def play(self) -> bytes | None:
        """Return the next frame, filled up with silence at the end of the audio; None when there is nothing."""
        self._now_ms += FRAME_MS
        if not self._buffer:
            return None
        frame = bytes(self._buffer[:FRAME_BYTES])
        del self._buffer[:FRAME_BYTES]
        self._played += len(frame)
        if not self._buffer:
            self._ran_dry_ms = self._now_ms
        return frame.ljust(FRAME_BYTES, b"\xff")

    def reached_marks(self) -> list[str]:
        """Return the marks that playback has got to since the last time."""
        names = []
        while self._marks and self._marks[0][0] <= self._played:
            names.append(self._marks.popleft()[1])
        return names
