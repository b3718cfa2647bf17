"""What a caller does, one action after another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from callgenie.audio.wav import read_wav
from callgenie.telephony.twilio.media import SAMPLE_RATE
from callgenie.voice.ports import TextToSpeech


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a text with the voice that the carrier was given."""

    text: str


@dataclass(frozen=True, slots=True)
class Play:
    """Speak with a recording: a WAV file, or 16-bit PCM at 8 kHz; `label` names it in the report."""

    recording: Path | bytes = field(repr=False)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Be quiet for a while."""

    ms: int


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait until the assistant has spoken and was then quiet for `quiet_ms`, or until `timeout_ms` have passed."""

    quiet_ms: int = 900
    timeout_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait for the assistant's answer, to its end.

    What counts is sound since the caller last spoke or heard an answer out, so that one that came in between is not
    missed. Without any for `within_ms`, or after `longest_ms`, the wait is over.
    """

    within_ms: int
    quiet_ms: int = 900
    longest_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class LetSpeak:
    """Wait until the assistant has made sound for `ms` from now on; what follows then interrupts it."""

    ms: int
    timeout_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class AwaitHangUp:
    """Wait for the other side to end the call, at most so long."""

    timeout_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class HangUp:
    """Put the receiver down. Every script ends with it, whether it says so or not."""


Action = Say | Play | Pause | Listen | Hear | LetSpeak | Press | AwaitHangUp | HangUp

# Quiet at the end of a recording is no speech: the assistant's answer is timed from the caller's last sound.
_SOUND_AMPLITUDE: Final = 400


@dataclass(frozen=True, slots=True)
class Utterance:
    """A `Say` or `Play` made ready: PCM at 8 kHz, and after how many ms of it the last sound is over."""

    label: str
    pcm: bytes = field(repr=False)
    sound_ends_ms: int


Step = Utterance | Pause | Listen | Hear | LetSpeak | Press | AwaitHangUp | HangUp


async def rehearse(
    actions: Sequence[Action], voice: TextToSpeech | None = None, *, language: str = "en", voice_name: str = ""
) -> tuple[Step, ...]:
    """Return the actions with all that is to be spoken made ready, so that no call has to wait for it.

    Raises:
        ValueError: Something is to be said, and there is no voice to say it with.
        RecordingUnreadableError: A recording cannot be played.
    """
    steps: list[Step] = []
    for action in actions:
        if isinstance(action, Play):
            steps.append(_utterance(action.label, _recording(action.recording)))
        elif isinstance(action, Say):
            if voice is None:
                raise ValueError("a caller who says something needs a voice")
            pieces = voice.stream(action.text, sample_rate=SAMPLE_RATE, language=language, voice=voice_name)
            steps.append(_utterance(action.text, b"".join([piece async for piece in pieces])))
        else:
            steps.append(action)
    return tuple(steps)


def _recording(recording: Path | bytes) -> bytes:
    if isinstance(recording, bytes):
        return recording
    return read_wav(recording, sample_rate=SAMPLE_RATE).astype("<i2").tobytes()


def _utterance(label: str, pcm: bytes) -> Utterance:
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > _SOUND_AMPLITUDE)
    samples = int(loud[-1]) + 1 if loud.size else 0
    return Utterance(label, pcm, samples * 1_000 // SAMPLE_RATE)
