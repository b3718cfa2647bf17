"""(g): calls for a long time, one after the other on some lines, and what the server's memory does meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx
import numpy as np

from bench.calls import Office

LINES: Final = 6
# What is loaded and cached once is no growth, and by then every line has called a dozen times.
WARM_UP_SHARE: Final = 1 / 4
SAMPLE_SECONDS: Final = 15.0
# Who is refused does not ask again at once.
AGAIN_SECONDS: Final = 1.0
# Of the time after the warm-up, the last so much against the first so much.
_END_SHARE: Final = 1 / 3
# So much less than a call leaves behind that is not given back, at some 500 calls an hour.
GROWTH_MB_GOAL: Final = 2.0


@dataclass(frozen=True, slots=True)
class Soak:
    """What so many minutes of calls did to the server's memory, in MB, once it was warm.

    `growth_mb_an_hour` is the slope of a line through all samples after the warm-up, `give_or_take_mb` twice its
    standard error; `warm_mb` and `end_mb` are the medians of the first and of the last third of these samples.
    """

    minutes: float
    warm_up_minutes: float
    calls: int
    refused: int
    answers: int
    gaps: int
    warm_mb: float
    end_mb: float
    growth_mb_an_hour: float
    give_or_take_mb: float
    lag_p99_ms: float

    @property
    def grows(self) -> bool:
        """Whether memory grew by more than it should, beyond what chance explains."""
        return self.growth_mb_an_hour - self.give_or_take_mb > GROWTH_MB_GOAL


@dataclass(slots=True)
class Line:
    """What became of one line's calls."""

    calls: int = 0
    refused: int = 0
    answers: int = 0
    gaps: int = 0


async def measure(minutes: float) -> Soak:
    """Keep all lines busy for so long."""
    async with Office("scripted") as office:
        began = time.monotonic()
        ends = began + minutes * 60
        calling = [asyncio.create_task(_line(office, place, ends)) for place in range(LINES)]
        warm_at = began + minutes * 60 * WARM_UP_SHARE
        await asyncio.sleep(warm_at - time.monotonic())
        await office.loop()
        samples: list[tuple[float, float]] = []
        while time.monotonic() < ends:
            samples.append((time.monotonic(), office.memory_mb()))
            await asyncio.sleep(SAMPLE_SECONDS)
        lag_p99_ms = (await office.loop())["p99"]
        done = await asyncio.gather(*calling)
        third = max(1, int(len(samples) * _END_SHARE))
        slope, error = _slope(samples)
        return Soak(
            minutes=minutes,
            warm_up_minutes=minutes * WARM_UP_SHARE,
            calls=sum(line.calls for line in done),
            refused=sum(line.refused for line in done),
            answers=sum(line.answers for line in done),
            gaps=sum(line.gaps for line in done),
            warm_mb=float(np.median([size for _, size in samples[:third]])),
            end_mb=float(np.median([size for _, size in samples[-third:]])),
            growth_mb_an_hour=slope * 3_600,
            give_or_take_mb=2 * error * 3_600,
            lag_p99_ms=lag_p99_ms,
        )


async def _line(office: Office, place: int, ends: float) -> Line:
    """Call again and again. A call that is refused, or meets nobody, is counted: an hour must not be lost for it."""
    line = Line()
    await asyncio.sleep(place * 0.7)
    while time.monotonic() < ends:
        try:
            stream = (await office.call()).stream
        except httpx.HTTPError:
            stream = None
        if stream is None:
            line.refused += 1
            await asyncio.sleep(AGAIN_SECONDS)
            continue
        line.calls += 1
        line.answers += len(stream.latencies_ms)
        line.gaps += len(stream.gaps)
    return line


def _slope(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return MB a second, and its standard error."""
    if len(samples) < 4:
        return 0.0, 0.0
    times, sizes = zip(*samples, strict=True)
    (slope, _), covariance = np.polyfit(np.array(times) - times[0], sizes, 1, cov=True)
    return float(slope), float(np.sqrt(covariance[0, 0]))
