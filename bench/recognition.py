"""(f): how many words the embedded recogniser gets wrong, of people and of our own voice, on lines good and bad."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.support.recordings import FOLDER, SAID, SETS, babble, over_the_telephone, recordings, white_noise, with_noise
from tests.support.word_errors import errors

from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.embedded import load_embedded_providers
from callgenie.voice.providers.whisper import WhisperSpeechToText

RATE: Final = 8_000
NOISE_DB: Final = 15.0
# The recogniser is asked once the caller has been quiet; a recording that ends with its last word is not that.
_QUIET: Final = bytes(4_800)

TEXTS: Final = (
    *SAID,
    "My name is Margaret and my number is five five five two six seven one.",
    "Do you deliver on Sundays, and what does it cost?",
)
VOICES: Final = ("nanotts-en-us", "nanotts-en-gb")


@dataclass(frozen=True, slots=True)
class Recognised:
    """The words that were said of one kind of speech, and how many of them went wrong on each kind of line."""

    speech: str
    words: int
    wrong: dict[str, int]


async def measure() -> list[Recognised]:
    """Return the errors for every kind of speech that this machine has."""
    providers = load_embedded_providers()
    assert isinstance(providers.stt, WhisperSpeechToText)
    own = [(text, await _spoken(providers, text, voice)) for text in TEXTS for voice in VOICES]
    lines = _lines(babble([pcm for _, pcm in own]))
    kinds = [("our own voice", own)]
    if FOLDER.is_dir():
        kinds = [(f"people: {name}", recordings(name, sample_rate=RATE)) for name in SETS] + kinds
    return [_recognised(providers.stt, speech, said, lines) for speech, said in kinds]


def _lines(voices: bytes) -> dict[str, Callable[[bytes], bytes]]:
    hiss = white_noise(20)
    return {
        "no telephone": lambda pcm: pcm,
        "G.711": over_the_telephone,
        f"G.711, hiss at {NOISE_DB:.0f} dB": lambda pcm: over_the_telephone(with_noise(pcm, hiss, db=NOISE_DB)),
        f"G.711, voices at {NOISE_DB:.0f} dB": lambda pcm: over_the_telephone(with_noise(pcm, voices, db=NOISE_DB)),
    }


def _recognised(
    stt: WhisperSpeechToText,
    speech: str,
    said: Sequence[tuple[str, bytes]],
    lines: dict[str, Callable[[bytes], bytes]],
) -> Recognised:
    wrong = {
        line: sum(errors(text, stt.transcribe(way(_QUIET + pcm + _QUIET), RATE))[0] for text, pcm in said)
        for line, way in lines.items()
    }
    return Recognised(speech, sum(errors(text, "")[1] for text, _ in said), wrong)


async def _spoken(providers: VoiceProviders, text: str, voice: str) -> bytes:
    pieces = providers.tts.stream(text, sample_rate=RATE, language="en", voice=voice)
    return b"".join([piece async for piece in pieces])
