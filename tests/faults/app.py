"""`callgenie serve` with scripted voices, for fault runs: `python -m tests.faults.app DATA_DIR`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import uvloop

from callgenie.cli.process import run_server
from callgenie.cli.serve import assembler
from callgenie.observability.logging import set_up_logging
from callgenie.settings import Settings
from callgenie.voice.ports import (
    Knowledge,
    LanguageModel,
    Message,
    ModelDelta,
    ProviderError,
    SpeechStream,
    SpeechToText,
    TextToSpeech,
    Transcript,
    VoiceProviders,
)
from callgenie.voice.providers.scripted import scripted_providers

QUESTIONS = ("Do you deliver?", "Where can I park?")
ANSWERS = {"deliver": "Yes, inside the city.", "park": "Behind the shop."}


class Fuse:
    """How broken a provider is, as a file in the data folder says: `away`, `slow`, `cut` or `garbage`."""

    def __init__(self, folder: Path, part: str) -> None:
        self._file = folder / f"{part}-is"
        self._part = part

    @property
    def says(self) -> str:
        return self._file.read_text() if self._file.exists() else ""

    async def before(self) -> None:
        """Fail before there is an answer, or keep everybody waiting for it."""
        if self.says == "away":
            raise ProviderError(self._part, "unavailable", permanent=False)
        if self.says == "slow":
            await asyncio.sleep(5)

    def after_a_piece(self) -> None:
        """Fail in the middle of an answer."""
        if self.says == "cut":
            raise ProviderError(self._part, "cut", permanent=False)
        if self.says == "garbage":
            raise ProviderError(self._part, "garbage", permanent=False)


class BreakableModel:
    """The scripted model behind a fuse."""

    def __init__(self, whole: LanguageModel, fuse: Fuse) -> None:
        self._whole = whole
        self._fuse = fuse

    async def prepare(self, knowledge: Knowledge) -> None:
        """Get ready."""
        await self._whole.prepare(knowledge)

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Answer, or fail as told."""
        await self._fuse.before()
        async for delta in self._whole.stream(messages, knowledge):
            yield delta
            self._fuse.after_a_piece()


class BreakableSpeech:
    """The scripted voice behind a fuse."""

    def __init__(self, whole: TextToSpeech, fuse: Fuse) -> None:
        self._whole = whole
        self._fuse = fuse

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Speak, or fail as told."""
        await self._fuse.before()
        async for piece in self._whole.stream(text, sample_rate=sample_rate, language=language, voice=voice):
            yield piece
            self._fuse.after_a_piece()


class BreakableRecogniser:
    """The scripted recogniser behind a fuse."""

    def __init__(self, whole: SpeechToText, fuse: Fuse) -> None:
        self._whole = whole
        self._fuse = fuse

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        """Start recognising one call's audio."""
        return _BreakableStream(self._whole.open(sample_rate=sample_rate, language=language), self._fuse)


class _BreakableStream:
    def __init__(self, whole: SpeechStream, fuse: Fuse) -> None:
        self._whole = whole
        self._fuse = fuse
        self.push, self.reset, self.close = whole.push, whole.reset, whole.close

    async def transcribe(self) -> Transcript:
        await self._fuse.before()
        self._fuse.after_a_piece()
        return await self._whole.transcribe()


async def load_voices() -> VoiceProviders:
    """Return voices that cost nothing, each of which can be broken."""
    folder = Path(sys.argv[1])
    voices = scripted_providers(QUESTIONS, ANSWERS, again=True)
    return replace(
        voices,
        stt=BreakableRecogniser(voices.stt, Fuse(folder, "recogniser")),
        model=BreakableModel(voices.model, Fuse(folder, "model")),
        tts=BreakableSpeech(voices.tts, Fuse(folder, "speech")),
    )


def main() -> None:
    """Serve until told to stop."""
    settings = Settings(host="127.0.0.1", port=0, data_dir=Path(sys.argv[1]))
    set_up_logging("info", "json")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_server(settings, lambda _line: None, assemble=assembler(load_voices)))


if __name__ == "__main__":
    main()
