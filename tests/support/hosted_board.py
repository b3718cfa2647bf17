"""A switchboard whose calls are held with hosted providers, wherever those are, and what stands behind them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.switchboard import Switchboard, switchboard

from callgenie.kernel.clock import LoopClock
from callgenie.settings import Settings
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.ports import VoiceProviders
from callgenie.wiring.voices import Voices, build_voices

HOSTED_MODEL = "openai/gpt-4.1-mini"

# An address at which nobody listens.
NOWHERE = "http://127.0.0.1:9/v1"


@asynccontextmanager
async def hosted_board(
    mongodb_uri: str,
    settings: Mapping[str, Any],
    *,
    last: Callable[[VoiceProviders], VoiceProviders] = lambda scripted: scripted,
    ai_model: str = HOSTED_MODEL,
    voice_model: str | None = None,
    **more: Any,
) -> AsyncIterator[Switchboard]:
    """Serve an owner who has chosen hosted providers.

    `last` makes what stands behind them, of the switchboard's scripted providers; `more` is the switchboard's.
    """
    built: list[Voices] = []

    def catalogue(scripted: VoiceProviders) -> VoiceCatalogue:
        known = Settings(_env_file=None, data_dir=Path("unused"), **settings)
        built.append(build_voices(known, last(scripted), LoopClock(datetime.now(UTC))))
        return built[0].catalogue

    async with switchboard(mongodb_uri, catalogue=catalogue, **more) as board:
        chosen = {"ai_model": ai_model} | ({} if voice_model is None else {"voice_model": voice_model})
        board.office.customers.choose(board.owner, **chosen)
        yield board
    await built[0].close()
