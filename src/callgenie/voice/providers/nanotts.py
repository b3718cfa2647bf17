"""Speaks by SVOX Pico: plain, clear on the telephone, and three hundred times cheaper than what a core can do."""

import re
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from callgenie.audio.resample import Resampler
from callgenie.kernel.weights import Weights
from callgenie.voice.providers.pico import PICO_RATE, PROVIDER, PicoLibrary
from callgenie.voice.providers.workers import Workers


def _weights(files: dict[str, str]) -> Weights:
    return Weights(name="pico", requirement="py-nanotts==0.1.1", package="py_nanotts", folder="lang", sha256=files)


VOICES: Final = {
    "nanotts-en-us": _weights(
        {
            "en-US_ta.bin": "3a2a4d23de2a44dbbff50f69dcb9486be53b6d0a871d77cdc35f45c3e25e82aa",
            "en-US_lh0_sg.bin": "d6946526696d9eb085f7b23b1fbdf7a9986caca658b645e9eb73c6514fd4789d",
        }
    ),
    "nanotts-en-gb": _weights(
        {
            "en-GB_ta.bin": "57998f6423236dea25cd572a73b13f371e64155840e31b571eba7fca0b521b7e",
            "en-GB_kh0_sg.bin": "8f9f5d13a920a9f3371517178d42ce89b835f1e587760c2db280beb593c388fa",
        }
    ),
}
"""The voices by their ids. Recognition knows English only, so the voices of other languages are left out."""

DEFAULT_VOICE: Final = "nanotts-en-us"

# The first piece is short, so that it is soon there; later ones are long, because each costs a trip to a thread.
_FIRST_PIECE_MS: Final = 40
_PIECE_MS: Final = 400

# Pico rests up to 0.6 s at commas and half a second after the last word: a rest between sentences, but an answer that
# comes sentence by sentence would drag.
_REST_MS_MAX: Final = 240
_LAST_REST_MS: Final = 140
_BLOCK_BYTES: Final = PICO_RATE // 100 * 2
_QUIET: Final = 200  # of 32,768

_DIGITS: Final = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_SHOUTED: Final = re.compile(r"\b[A-Z]{4,}\b")
_MARKUP: Final = str.maketrans({"<": " ", ">": " ", "\0": " ", "&": " and "})


class NanoTextToSpeech:
    """The engine, loaded once."""

    def __init__(self, workers: Workers, models_dir: Path | None = None) -> None:
        self._workers = workers
        self._pico = PicoLibrary(VOICES, models_dir)

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`; a voice that there is not speaks as the default one."""
        del language
        if not any(character.isalnum() for character in text):
            return
        voice = voice if voice in VOICES else DEFAULT_VOICE
        pieces = _pieces(_shortened(self._pico.speak(voice, speakable(text))), sample_rate)
        try:
            while piece := await self._workers.run(PROVIDER, next, pieces, b""):
                yield piece
        finally:
            # Closing frees the engine's memory; a thread that is still at work on it, after a caller's interruption,
            # refuses, and then frees it itself when it drops the last reference.
            with suppress(ValueError):
                pieces.close()


def speakable(text: str) -> str:
    """Return the text as Pico should get it: no markup, telephone numbers digit by digit, no shouting.

    Pico reads a long number as a quantity and a word in capitals letter by letter.
    """
    text = text.translate(_MARKUP)
    text = _DIGITS.sub(lambda number: _spelled(number.group()), text)
    return _SHOUTED.sub(lambda word: word.group().capitalize() if _has_vowel(word.group()) else word.group(), text)


def _spelled(number: str) -> str:
    groups = [" ".join(group) for group in re.findall(r"\d+", number)]
    return ", ".join(groups)


def _has_vowel(word: str) -> bool:
    return any(letter in "AEIOUY" for letter in word)


def _shortened(speech: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the speech with its rests cut to what sounds natural in a talk."""
    rest = bytearray()
    waiting = b""
    for made in speech:
        waiting += made
        while len(waiting) >= _BLOCK_BYTES:
            block, waiting = waiting[:_BLOCK_BYTES], waiting[_BLOCK_BYTES:]
            if _is_quiet(block):
                rest += block
                continue
            yield bytes(rest[: _bytes(_REST_MS_MAX)]) + block
            rest.clear()
    yield bytes(rest[: _bytes(_LAST_REST_MS)])


def _is_quiet(block: bytes) -> bool:
    samples = np.frombuffer(block, "<i2")
    return int(samples.max()) < _QUIET and int(samples.min()) > -_QUIET


def _pieces(speech: Iterator[bytes], sample_rate: int) -> Generator[bytes]:
    resampler = Resampler(PICO_RATE, sample_rate)
    piece = bytearray()
    wanted = _bytes(_FIRST_PIECE_MS)
    for made in speech:
        piece += made
        if len(piece) >= wanted:
            changed = resampler.push(bytes(piece))
            piece.clear()
            if changed:
                wanted = _bytes(_PIECE_MS)
                yield changed
    last = resampler.push(bytes(piece)) + resampler.flush()
    if last:
        yield last


def _bytes(ms: int) -> int:
    return PICO_RATE * ms // 1000 * 2
