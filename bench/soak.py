"""(g): calls for a long time, one after the other on some lines, and what the server's memory does meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.calls import Office

LINES: Final = 6
# What is loaded and cached once is no growth.
WARM_UP_SHARE: Final = 1 / 6
SAMPLE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Soak:
    """What so many minutes of calls did to the server's memory, in MB, from when it was warm."""

    minutes: float
    calls: int
    answers: int
    gaps: int
    warm_mb: float
    end_mb: float
    growth_mb_an_hour: float
    lag_p99_ms: float


async def measure(minutes: float) -> Soak:
    """Keep all lines busy for so long."""
    async with Office("scripted") as office:
        ends = time.monotonic() + minutes * 60
        await office.loop()
        calling = [asyncio.create_task(_line(office, place, ends)) for place in range(LINES)]
        samples: list[tuple[float, float]] = []
        while time.monotonic() < ends:
            samples.append((time.monotonic(), office.memory_mb()))
            await asyncio.sleep(SAMPLE_SECONDS)
        done = await asyncio.gather(*calling)
        warm = samples[int(len(samples) * WARM_UP_SHARE) :]
        return Soak(
            minutes,
            sum(calls for calls, _, _ in done),
            sum(answers for _, answers, _ in done),
            sum(gaps for _, _, gaps in done),
            warm[0][1],
            warm[-1][1],
            _slope(warm) * 3_600,
            (await office.loop())["p99"],
        )


async def _line(office: Office, place: int, ends: float) -> tuple[int, int, int]:
    """Call again and again; return the calls, the answers and the holes in the speech."""
    calls = answers = gaps = 0
    await asyncio.sleep(place * 0.7)
    while time.monotonic() < ends:
        (report,) = await office.calls(1)
        calls += 1
        if report.stream is not None:
            answers += len(report.stream.latencies_ms)
            gaps += len(report.stream.gaps)
    return calls, answers, gaps


def _slope(samples: Sequence[tuple[float, float]]) -> float:
    if len(samples) < 2:
        return 0.0
    times, sizes = zip(*samples, strict=True)
    return float(np.polyfit(np.array(times) - times[0], sizes, 1)[0])
