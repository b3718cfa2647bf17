"""What was said last: a recogniser keeps an utterance until it is over, and no longer than it can use."""

from collections import deque
from collections.abc import Iterator


class KeptAudio:
    """The last `seconds` of 16-bit mono PCM, in the pieces in which it came.

    Who talks on without a pause loses what they said first.
    """

    def __init__(self, seconds: float, sample_rate: int) -> None:
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._bytes_a_second = sample_rate * 2
        self._bytes_max = int(seconds * self._bytes_a_second)

    @property
    def seconds(self) -> float:
        """How much there is."""
        return self._bytes / self._bytes_a_second

    @property
    def pcm(self) -> bytes:
        """All of it in one."""
        return b"".join(self._pieces)

    def __iter__(self) -> Iterator[bytes]:
        """Return its pieces, the oldest first."""
        return iter(self._pieces)

    def add(self, pcm: bytes) -> None:
        """Keep what came last, and drop what is too old for that."""
        self._pieces.append(pcm)
        self._bytes += len(pcm)
        while self._bytes > self._bytes_max:
            self._bytes -= len(self._pieces.popleft())

    def clear(self) -> None:
        """Keep nothing of it."""
        self._pieces.clear()
        self._bytes = 0
