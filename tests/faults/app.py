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
from callgenie.voice.ports import Knowledge, LanguageModel, Message, ModelDelta, ProviderError, VoiceProviders
from callgenie.voice.providers.scripted import scripted_providers

QUESTIONS = ("Do you deliver?", "Where can I park?")
ANSWERS = {"deliver": "Yes, inside the city.", "park": "Behind the shop."}


class BreakableModel:
    """The scripted model, as broken as a file in the data folder says: away, slow, or cut off in mid-answer."""

    def __init__(self, whole: LanguageModel, file: Path) -> None:
        self._whole = whole
        self._file = file

    async def prepare(self, knowledge: Knowledge) -> None:
        """Get ready."""
        await self._whole.prepare(knowledge)

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Answer, or fail as told."""
        broken = self._file.read_text() if self._file.exists() else ""
        if broken == "away":
            raise ProviderError("scripted", "unavailable", permanent=False)
        if broken == "slow":
            await asyncio.sleep(5)
        async for delta in self._whole.stream(messages, knowledge):
            yield delta
            if broken == "cut":
                raise ProviderError("scripted", "cut", permanent=False)


async def load_voices() -> VoiceProviders:
    """Return voices that cost nothing."""
    voices = scripted_providers(QUESTIONS, ANSWERS, again=True)
    return replace(voices, model=BreakableModel(voices.model, Path(sys.argv[1]) / "model-is"))


def main() -> None:
    """Serve until told to stop."""
    settings = Settings(host="127.0.0.1", port=0, data_dir=Path(sys.argv[1]))
    set_up_logging("info", "json")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_server(settings, lambda _line: None, assemble=assembler(load_voices)))


if __name__ == "__main__":
    main()
