"""The whole server as several workers, with scripted voices; run it as `little_worker`."""

from tests.support.little_worker import main

from callgenie.cli.serve import assembler
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.scripted import scripted_providers


async def load_voices() -> VoiceProviders:
    return scripted_providers((), {})


if __name__ == "__main__":
    main("tests.support.call_worker", assembler(load_voices))
