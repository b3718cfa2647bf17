"""`callgenie serve` with two things more: providers of one's choice, and a route that tells how the event loop did.

`python -m bench.measured_server DATA_DIR scripted|embedded [CORES]`
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import uvloop
from limits import RateLimitItemPerMinute

from callgenie.cli.process import Program, run_server
from callgenie.cli.serve import assembler, load_voices
from callgenie.http import rate_limits
from callgenie.kernel.secret_file import Secrets
from callgenie.mongo.client import Database
from callgenie.observability.logging import set_up_logging
from callgenie.settings import Settings
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.scripted import scripted_providers

SAMPLE_SECONDS = 0.01
# Lags are counted in steps of a tenth of a millisecond; whatever is later than two seconds is two seconds late.
LAG_STEP_MS = 0.1
LAGS_MAX = 20_000
NO_LAG: Mapping[str, float] = {"samples": 0, "p50": 0.0, "p99": 0.0, "max": 0.0}

# What scripted callers are heard to say, again and again, and what they are answered.
QUESTIONS = ("Do you deliver cakes?", "Where can I park my car?")
ANSWERS: Mapping[str, str] = {
    "deliver": "Yes, we deliver cakes inside the city. Delivery costs five pounds, and we come in the morning.",
    "park": "You can park for free behind the shop, for up to one hour, next to the post office.",
}


class LoopWatch:
    """How late the event loop runs what is due: how often it was how late, so that hours take no more than a minute."""

    def __init__(self) -> None:
        self._counts = np.zeros(LAGS_MAX + 1, np.int64)
        self._worst_ms = 0.0

    async def watch(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + SAMPLE_SECONDS
            await asyncio.sleep(SAMPLE_SECONDS)
            self.note((loop.time() - due) * 1_000)

    def note(self, lag_ms: float) -> None:
        """Count one sample."""
        self._counts[min(max(0, round(lag_ms / LAG_STEP_MS)), LAGS_MAX)] += 1
        self._worst_ms = max(self._worst_ms, lag_ms)

    def take(self) -> dict[str, float]:
        """Return the figures since the last time."""
        counts, self._counts = self._counts, np.zeros_like(self._counts)
        worst_ms, self._worst_ms = self._worst_ms, 0.0
        upto = np.cumsum(counts)
        samples = int(upto[-1])
        p50, p99 = (
            float(np.searchsorted(upto, samples * percent // 100, side="right")) * LAG_STEP_MS for percent in (50, 99)
        )
        return {"samples": samples, "p50": p50, "p99": p99, "max": worst_ms} if samples else dict(NO_LAG)


async def scripted_voices(settings: Settings) -> VoiceProviders:
    """Return scripted ears, mind and voice behind the real detector of speech, which every call needs."""
    embedded = await load_voices(settings)
    return replace(scripted_providers(QUESTIONS, ANSWERS, again=True), vad=embedded.vad)


@asynccontextmanager
async def assemble(settings: Settings, database: Database, secrets: Secrets, url: str) -> AsyncIterator[Program]:
    """Put the server together and add the route."""
    load = scripted_voices if sys.argv[2] == "scripted" else load_voices
    watch = LoopWatch()
    async with assembler(partial(load, settings))(settings, database, secrets, url) as program:
        program.app.add_api_route("/bench/loop", watch.take, methods=["GET"])
        watching = asyncio.create_task(watch.watch(), name="loop watch")
        try:
            yield program
        finally:
            watching.cancel()


def raise_limits() -> None:
    """Let requests be counted as ever, and never be too many: what counting costs belongs to the figures."""
    for policy in vars(rate_limits).values():
        if isinstance(policy, rate_limits.Policy):
            object.__setattr__(policy, "item", RateLimitItemPerMinute(10_000_000))


def main() -> None:
    """Serve until told to stop."""
    raise_limits()
    if len(sys.argv) > 3:
        # Before any thread and the database are started, which inherit it.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[3])])
    settings = Settings(host="127.0.0.1", port=0, data_dir=Path(sys.argv[1]))
    # As `callgenie serve` does. Without it each failure is printed with its local variables, in colours, which holds
    # the event loop for half a second.
    set_up_logging(settings.log_level, "json")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_server(settings, lambda _line: None, assemble=assemble))


if __name__ == "__main__":
    main()
