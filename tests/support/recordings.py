"""People speaking, from Debian's `pocketsphinx-testdata`, and what spoils them on the way."""

from pathlib import Path

import numpy as np

from callgenie.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from callgenie.audio.wav import read_wav

FOLDER = Path("/usr/share/pocketsphinx/test/data")

# Sentences read aloud from a book, and playing cards called out: short, without any context to guess from.
SETS = {"librivox": "transcription", "cards": "cards.transcription"}

# What callers of a practice say, for the embedded voice to speak.
SAID = (
    "Hello, what time do you open on Saturday?",
    "I'd like to book a cleaning for next Tuesday in the morning.",
    "How much is a first visit?",
    "Okay, thank you very much. Goodbye.",
    "Is there parking near the office?",
    "I need to cancel my appointment on Friday.",
    "My tooth has been hurting since last night and I would like to see somebody today.",
    "Could you please ask the doctor to call me back this afternoon?",
    "Yes, that would be great.",
    "Can I pay with a credit card?",
)


def recordings(name: str, *, sample_rate: int) -> list[tuple[str, bytes]]:
    """Return what was said and its 16-bit PCM, of one of `SETS`."""
    found = []
    for line in (FOLDER / name / SETS[name]).read_text(encoding="utf-8").splitlines():
        said, _, file = line.removeprefix("<s>").rpartition("</s> (")
        pcm = read_wav(FOLDER / name / f"{file.strip().rstrip(')')}.wav", sample_rate=sample_rate).tobytes()
        found.append((said.strip(), pcm))
    return found


def over_the_telephone(pcm: bytes) -> bytes:
    """Return 16-bit PCM at 8 kHz as it arrives through G.711."""
    return ulaw_to_pcm(pcm_to_ulaw(pcm))


def with_noise(pcm: bytes, noise: bytes, *, db: float) -> bytes:
    """Return speech with noise that is `db` weaker than it; where nobody speaks counts for neither."""
    speech = np.frombuffer(pcm, "<i2").astype(float)
    disturbing = np.resize(np.frombuffer(noise, "<i2").astype(float), speech.size)
    loud = speech[np.abs(speech) > 0.02 * np.abs(speech).max(initial=1.0)]
    gain = np.sqrt(np.mean(loud**2) / np.mean(disturbing**2)) / 10 ** (db / 20)
    return bytes(np.clip(speech + gain * disturbing, -32_768, 32_767).astype("<i2").tobytes())


def white_noise(seconds: float, *, sample_rate: int = 8_000) -> bytes:
    """Return a hiss that is the same every time."""
    return (np.random.default_rng(3).normal(size=int(sample_rate * seconds)) * 1_000).astype("<i2").tobytes()


def babble(voices: list[bytes]) -> bytes:
    """Return many voices at once, as behind a caller in a full room; each starts somewhere else."""
    longest = max(len(voice) for voice in voices) // 2
    mixed = np.zeros(longest)
    for place, voice in enumerate(voices):
        mixed += np.roll(np.resize(np.frombuffer(voice, "<i2").astype(float), longest), place * 7_919)
    return (mixed / len(voices)).astype("<i2").tobytes()
