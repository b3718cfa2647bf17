"""Performs a caller's script, one frame at a time."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from callgenie.audio.g711 import pcm_to_ulaw
from callgenie.telephony.simulator.ear import Ear
from callgenie.telephony.simulator.playback import FRAME_BYTES
from callgenie.telephony.simulator.script import (
    AwaitHangUp,
    HangUp,
    Hear,
    LetSpeak,
    Listen,
    Pause,
    Press,
    Step,
    Utterance,
)

SILENCE: Final = b"\xff" * FRAME_BYTES


@dataclass(slots=True)
class Exchange:
    """What the caller said, and when the answer to it was first heard, in ms since the call's audio began."""

    said: str
    began_ms: int
    ended_ms: int
    answered_ms: int | None = None

    @property
    def latency_ms(self) -> int | None:
        """From the caller's last sound to the assistant's first, or None if it was never answered."""
        return None if self.answered_ms is None else self.answered_ms - self.ended_ms


class Caller:
    """One person on the line.

    Attributes:
        begun: Each step that was begun, and when, in ms since the call's audio began.
    """

    def __init__(self, steps: Sequence[Step], ear: Ear) -> None:
        self.exchanges: list[Exchange] = []
        self.begun: list[tuple[Step, int]] = []
        self.wants_to_hang_up = False
        self._ear = ear
        self._steps = deque(steps)
        self._step: Step | None = None
        self._began_ms = 0
        self._sound_before_ms = 0
        self._heard_out_ms = 0
        self._speech = b""
        self._spoken = 0

    def act(self) -> tuple[bytes, str | None]:
        """Return what this frame sounds like, and the key pressed in it, if any.

        Call it once a frame, after the ear has heard the other side of that frame.
        """
        self._note_answer()
        if self.exchanges and self._ear.now_ms <= self.exchanges[-1].ended_ms:
            # What sounds while the caller speaks is no answer to it.
            self._heard_out_ms = self._ear.sound_ms
        key: str | None = None
        while self._step is None or self._is_done(self._step):
            self._step = self._next()
            if isinstance(self._step, Press):
                key = self._step.digit
                break
            if self.wants_to_hang_up:
                break
        return self._sound(), key

    def _next(self) -> Step:
        if isinstance(self._step, Hear):
            self._heard_out_ms = self._ear.sound_ms
        step = self._steps.popleft() if self._steps else HangUp()
        self.begun.append((step, self._ear.now_ms))
        self._began_ms = self._ear.now_ms
        self._sound_before_ms = self._ear.sound_ms
        if isinstance(step, Utterance):
            self._speech, self._spoken = pcm_to_ulaw(step.pcm), 0
            self.exchanges.append(Exchange(step.label, self._began_ms, self._began_ms + step.sound_ends_ms))
        self.wants_to_hang_up = isinstance(step, HangUp)
        return step

    def _is_done(self, step: Step) -> bool:
        passed_ms = self._ear.now_ms - self._began_ms
        match step:
            case Utterance():
                return self._spoken >= len(self._speech)
            case Pause(ms) | AwaitHangUp(ms):
                return passed_ms >= ms
            case Listen(quiet_ms, timeout_ms):
                answered = self._ear.sound_ms > self._sound_before_ms and self._ear.quiet_ms >= quiet_ms
                return answered or passed_ms >= timeout_ms
            case Hear(within_ms, quiet_ms, longest_ms):
                answered = self._ear.sound_ms > self._heard_out_ms
                over = self._ear.quiet_ms >= quiet_ms if answered else passed_ms >= within_ms
                return over or passed_ms >= longest_ms
            case LetSpeak(ms, timeout_ms):
                return self._ear.sound_ms - self._sound_before_ms >= ms or passed_ms >= timeout_ms
            case Press() | HangUp():
                return isinstance(step, Press)

    def _sound(self) -> bytes:
        frame = self._speech[self._spoken : self._spoken + FRAME_BYTES]
        self._spoken += len(frame)
        return frame.ljust(FRAME_BYTES, b"\xff") if frame else SILENCE

    def _note_answer(self) -> None:
        if not self.exchanges or self.exchanges[-1].answered_ms is not None:
            return
        onset_ms = self._ear.onset_ms
        if onset_ms is not None and onset_ms >= self.exchanges[-1].ended_ms:
            self.exchanges[-1].answered_ms = onset_ms
