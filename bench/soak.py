"""(g): calls for a long time, one after the other on some lines, and what the server's memory does meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.calls import Office

LINES: Final = 6
# What is loaded and cached once is no growth, and by then every line has called a dozen times.
WARM_UP_SHARE: Final = 1 / 4
SAMPLE_SECONDS: Final = 15.0
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
            calls=sum(calls for calls, _, _ in done),
            answers=sum(answers for _, answers, _ in done),
            gaps=sum(gaps for _, _, gaps in done),
            warm_mb=float(np.median([size for _, size in samples[:third]])),
            end_mb=float(np.median([size for _, size in samples[-third:]])),
            growth_mb_an_hour=slope * 3_600,
            give_or_take_mb=2 * error * 3_600,
            lag_p99_ms=lag_p99_ms,
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


def _slope(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return MB a second, and its standard error."""
    if len(samples) < 4:
        return 0.0, 0.0
    times, sizes = zip(*samples, strict=True)
    (slope, _), covariance = np.polyfit(np.array(times) - times[0], sizes, 1, cov=True)
    return float(slope), float(np.sqrt(covariance[0, 0]))
