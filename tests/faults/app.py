"""`callgenie serve` with scripted voices, for fault runs: `python -m tests.faults.app DATA_DIR`."""

import asyncio
import sys
from pathlib import Path

import uvloop

from callgenie.cli.process import run_server
from callgenie.cli.serve import assembler
from callgenie.observability.logging import set_up_logging
from callgenie.settings import Settings
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.scripted import scripted_providers

QUESTIONS = ("Do you deliver?", "Where can I park?")
ANSWERS = {"deliver": "Yes, inside the city.", "park": "Behind the shop."}


async def load_voices() -> VoiceProviders:
    """Return voices that cost nothing."""
    return scripted_providers(QUESTIONS, ANSWERS, again=True)


def main() -> None:
    """Serve until told to stop."""
    settings = Settings(host="127.0.0.1", port=0, data_dir=Path(sys.argv[1]))
    set_up_logging("info", "json")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_server(settings, lambda _line: None, assemble=assembler(load_voices)))


if __name__ == "__main__":
    main()
