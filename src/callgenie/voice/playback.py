"""The ledger of our speech: what waits, what was sent, and what the caller has heard.

It holds no clock and no link. Times are seconds of the call's monotonic clock; lengths of audio are milliseconds.

The carrier plays what it gets in real time and tells by a mark when it got to a point. From the moment that a frame is
sent we know when it will be played, but for the way to the carrier; each mark that comes back measures that delay.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from callgenie.kernel.vocabulary import Outcome
from callgenie.voice.latency import AnswerTiming
from callgenie.voice.ports import FRAME_MS

# Each piece that is sent costs a message and a system call, whatever its length: some 300 microseconds on a slow core,
# which was a third of what a call costs when each frame went out alone. Nobody waits for a piece to be full, and what
# was sent can be cleared, so its length delays nothing; but a socket that breaks takes along what it had.
_PIECE_FRAMES: Final = 6

# The delay to the carrier and back before the first mark has measured it. Rather too much: a word that may not
# have been heard does not count as heard.
_FIRST_DELAY: Final = 0.15
_DELAY_MAX: Final = 1.5

# Pico and most other voices take about 65 ms for a character; used only while a sentence is still being made.
_MS_A_CHARACTER: Final = 65.0


@dataclass(slots=True, eq=False)
class Speech:
    """One turn of ours: what is meant, and the passages that were made of it so far.

    Attributes:
        meant: Its pieces of text in order, also those that have no passage yet.
        timing: The moments of the answer; a greeting or an announcement has none.
        started_at: When its first frame was handed to the carrier.
        recorded: Its turn was told; a speech has one.
        reported: The last outcome that the model reported for it.
        derived: The outcome that follows from the tools that were used for it.
    """

    timing: AnswerTiming | None = None
    meant: list[str] = field(default_factory=list)
    passages: "list[Passage]" = field(default_factory=list)
    started_at: float | None = None
    recorded: bool = False
    reported: Outcome | None = None
    derived: Outcome | None = None

    @property
    def outcome(self) -> Outcome | None:
        """The result of the answer for the caller, as far as that is known."""
        return self.reported or self.derived


@dataclass(slots=True, eq=False)
class Passage:
    """One piece of speech, usually a sentence, on its way to the caller's ear."""

    speech: Speech
    text: str
    number: int
    pcm: bytearray = field(default_factory=bytearray)
    whole: bool = False
    sent_bytes: int = 0
    starts_at: float | None = None
    ends_at: float | None = None
    marked: bool = False
    """The mark at its end was sent."""
    reached: bool = False
    """The mark came back and was not flushed."""
    dropped: bool = False
    """It will not be sent any further, and has no audio left."""

    @property
    def mark(self) -> str:
        """The name of the mark at its end."""
        return f"p{self.number}"


class Playback:
    """What we say in one call, a few frames at a time.

    Attributes:
        frames: How many were sent.
        late_frames: How many were sent after the moment at which they should have been playing, though they were there.
            Those that go out together with one count as on time: they play behind it.
    """

    def __init__(self, sample_rate: int, *, lead_ms: int, mark_grace_ms: int) -> None:
        self.frames = 0
        self.late_frames = 0
        self._frame_bytes = sample_rate * FRAME_MS // 1000 * 2
        self._lead = lead_ms / 1000
        self._grace = mark_grace_ms / 1000
        self._delay = _FIRST_DELAY
        self._numbers = 0
        self._waiting: deque[Passage] = deque()
        self._pending: dict[str, Passage] = {}
        self._flushed: set[str] = set()
        self._horizon = 0.0
        self._starved = True

    # What is to be said

    def begin(self, speech: Speech, text: str) -> Passage:
        """Queue a passage whose audio is about to come."""
        self._numbers += 1
        passage = Passage(speech, text, self._numbers)
        speech.passages.append(passage)
        self._waiting.append(passage)
        return passage

    def append(self, passage: Passage, pcm: bytes) -> None:
        """Add audio to a passage; one that was dropped ignores it."""
        if not passage.dropped:
            passage.pcm += pcm

    def complete(self, passage: Passage) -> None:
        """Note that a passage has all its audio."""
        passage.whole = True

    @property
    def unsent_ms(self) -> float:
        """How much audio waits to be sent."""
        size = sum(len(passage.pcm) - passage.sent_bytes for passage in self._waiting)
        return size / self._frame_bytes * FRAME_MS

    # Sending

    def due(self, now: float) -> float | None:
        """Return when the next frames or mark may be sent, or None when there is nothing that could be."""
        passage = self._sendable()
        if passage is None:
            self._starved = True
            return None
        if passage.sent_bytes >= len(passage.pcm) or self._starved:
            return now
        return self._horizon - self._lead

    def take(self, now: float) -> tuple[Passage, bytes]:
        """Take the next frames, or none, which stands for the passage's mark; `due` must have said so.

        Only the last of a passage is filled up with silence: what has still to be made is not waited for.
        """
        passage = self._waiting[0]
        start = passage.sent_bytes
        if start >= len(passage.pcm):
            return self._take_mark(passage)
        there = len(passage.pcm) - start
        whole = -(-there // self._frame_bytes) if passage.whole else there // self._frame_bytes
        frames = min(whole, _PIECE_FRAMES)
        size = frames * self._frame_bytes
        passage.sent_bytes = start + size
        self._account(passage, frames, now)
        return passage, bytes(passage.pcm[start : start + size]).ljust(size, b"\0")

    def _sendable(self) -> Passage | None:
        while self._waiting:
            passage = self._waiting[0]
            if passage.whole or len(passage.pcm) - passage.sent_bytes >= self._frame_bytes:
                return passage
            return None
        return None

    def _take_mark(self, passage: Passage) -> tuple[Passage, bytes]:
        self._waiting.popleft()
        passage.pcm.clear()  # only the length of what was played matters from now on
        passage.marked = True
        passage.starts_at = passage.starts_at if passage.starts_at is not None else self._horizon
        passage.ends_at = passage.ends_at if passage.ends_at is not None else passage.starts_at
        self._pending[passage.mark] = passage
        return passage, b""

    def _account(self, passage: Passage, frames: int, now: float) -> None:
        if self._starved:
            self._horizon = max(self._horizon, now)
            self._starved = False
        elif now > self._horizon:
            self.late_frames += 1
            self._horizon = now
        if passage.starts_at is None:
            passage.starts_at = self._horizon
        self._horizon += frames * FRAME_MS / 1000
        passage.ends_at = self._horizon
        self.frames += frames

    # Hearing

    def reached(self, name: str, now: float) -> None:
        """Take a mark that came back: played, unless it was pending when we cleared."""
        if name in self._flushed:
            self._flushed.discard(name)
            return
        passage = self._pending.pop(name, None)
        if passage is None or passage.ends_at is None:
            return
        passage.reached = True
        self._delay = min(max(now - passage.ends_at, 0.0), _DELAY_MAX)

    def heard_by(self, speech: Speech) -> float | None:
        """Return when a speech must have been heard even if no mark comes back; None while a part of it is unsent."""
        return self._horizon + self._grace if all(passage.marked for passage in speech.passages) else None

    def was_heard(self, speech: Speech, now: float) -> bool:
        """Whether the caller has heard all of `speech`, by its marks or because time has run out."""
        over = now >= self._horizon + self._grace
        return all(passage.reached or (passage.marked and over) for passage in speech.passages)

    def clear(self, now: float) -> None:
        """Drop all that waits; marks that are out will come back for audio that nobody heard."""
        for passage in self._waiting:
            # A speech and its passages hold each other, so the audio would stay until somebody collects such circles.
            passage.pcm.clear()
            passage.dropped = True
        self._waiting.clear()
        self._flushed.update(self._pending)
        self._pending.clear()
        self._horizon = now
        self._starved = True

    def drop_unbegun(self) -> None:
        """Drop the passages of which nothing was sent yet; the one that sounds goes on to its end."""
        for passage in self._waiting:
            if not passage.sent_bytes:
                passage.speech.passages.remove(passage)
        self._waiting = deque(passage for passage in self._waiting if passage.sent_bytes)

    def heard_text(self, speech: Speech, now: float) -> str:
        """Return the words of a speech that the caller has surely heard by `now`; ask before `clear`, not after."""
        return " ".join(text for passage in speech.passages if (text := self._heard_of(passage, now)))

    def _heard_of(self, passage: Passage, now: float) -> str:
        if passage.reached or self._surely_over(passage, now):
            return passage.text
        if passage.starts_at is None or passage.ends_at is None:
            return ""
        played_ms = (min(now - self._delay, passage.ends_at) - passage.starts_at) * 1000
        sent_ms = (passage.ends_at - passage.starts_at) * 1000
        made_ms = max(sent_ms, len(passage.pcm) / self._frame_bytes * FRAME_MS)
        total_ms = made_ms if passage.whole else max(made_ms, len(passage.text) * _MS_A_CHARACTER)
        return _first_words(passage.text, played_ms / total_ms) if total_ms > 0 else ""

    def _surely_over(self, passage: Passage, now: float) -> bool:
        return passage.marked and passage.ends_at is not None and now > passage.ends_at + self._grace


def _first_words(text: str, share: float) -> str:
    """Return the words that end within the first `share` of `text`, taking time to be even over its characters."""
    heard = 0
    at = 0
    for word in text.split(" "):
        at += len(word)
        if at / max(len(text), 1) > share:
            break
        heard = at
        at += 1
    return text[:heard].rstrip()
