"""Listens to the assistant as a caller does: by loudness, a frame at a time."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from callgenie.audio.g711 import ulaw_to_pcm
from callgenie.voice.ports import FRAME_MS

# About -44 dBFS: below all speech on a telephone line, above the noise of mu-law itself.
_SOUND_RMS: Final = 200.0

# A pause within a sentence does not end what was said.
_SAME_SPEECH_MS: Final = 600

# An answer begins with sound after this much quiet; less may be the rest of a sentence that was interrupted.
_ONSET_QUIET_MS: Final = 200


@dataclass(slots=True)
class Segment:
    """A stretch of the assistant's speech as the caller heard it, in ms since the call's audio began."""

    start_ms: int
    end_ms: int


class Ear:
    """What was heard so far."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.sound_ms = 0
        self.segments: list[Segment] = []
        self.onset_ms: int | None = None

    @property
    def last_sound_ms(self) -> int | None:
        """When the last sound ended, or None before the first."""
        return self.segments[-1].end_ms if self.segments else None

    @property
    def quiet_ms(self) -> int:
        """For how long nothing has been heard."""
        return self.now_ms - (self.last_sound_ms or 0)

    def hear(self, ulaw: bytes | None) -> None:
        """Take one frame; None is silence."""
        began_ms = self.now_ms
        self.now_ms += FRAME_MS
        if ulaw is None or not _is_sound(ulaw):
            return
        self.sound_ms += FRAME_MS
        last_ms = self.last_sound_ms
        if last_ms is None or began_ms - last_ms >= _ONSET_QUIET_MS:
            self.onset_ms = began_ms
        if last_ms is None or began_ms - last_ms > _SAME_SPEECH_MS:
            self.segments.append(Segment(began_ms, self.now_ms))
        else:
            self.segments[-1].end_ms = self.now_ms


def _is_sound(ulaw: bytes) -> bool:
    samples = np.frombuffer(ulaw_to_pcm(ulaw), "<i2").astype(np.float32)
    return bool(np.dot(samples, samples) > _SOUND_RMS * _SOUND_RMS * samples.size)
