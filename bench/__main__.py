"""`make bench`: measure everything in one run, print it as it comes, and keep it in docs/performance.md.

`python -m bench stack|history|calls|voice|recognition|understanding|follow-ups` runs one part; `python -m bench soak`
is an hour of calls on six lines, six hours of talk, and part of no other run. `python -m bench calls --calls 40,80,120
--noise -55` asks instead what a process does with so many callers on lines with noise.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import uvloop

from bench import calls, follow_ups, full, history, recognition, soak, stack, understanding
from bench.report import (
    follow_up_section,
    full_section,
    history_section,
    load_section,
    page,
    recognition_section,
    soak_section,
    stack_section,
    understanding_section,
    waiting_section,
)

DOCS = Path(__file__).resolve().parents[1] / "docs" / "performance.md"


async def _stack(*, quick: bool) -> list[str]:
    return stack_section(await stack.measure(count=400, rounds=1 if quick else 5))


async def _history(*, quick: bool) -> list[str]:
    sizes = (10_000, 50_000) if quick else history.SIZES
    return history_section(await history.measure(sizes=sizes, rounds=100 if quick else 300))


async def _calls(*, quick: bool) -> list[str]:
    return load_section(*await calls.measure_load((1, 5) if quick else (1, 5, 10, 20)))


async def _full(counts: Sequence[int], noise_dbfs: float | None) -> list[str]:
    return full_section(await full.measure(counts, noise_dbfs), noise_dbfs)


async def _follow_ups(*, quick: bool) -> list[str]:
    return follow_up_section(await (follow_ups.measure(5, 500) if quick else follow_ups.measure()))


async def _voice(*, quick: bool) -> list[str]:
    return waiting_section(await calls.measure_waiting((1,) if quick else (1, 4)))


async def _recognition(*, quick: bool) -> list[str]:
    del quick
    return recognition_section(await recognition.measure())


async def _understanding(*, quick: bool) -> list[str]:
    del quick
    return understanding_section(await understanding.measure())


async def _soak(*, quick: bool) -> list[str]:
    return soak_section(await soak.measure(minutes=2 if quick else 60))


PARTS: Mapping[str, tuple[str, Callable[..., Awaitable[list[str]]]]] = {
    "stack": ("the whole stack against the bare driver", _stack),
    "history": ("reads in a small collection and in a large one", _history),
    "calls": ("calls at once, scripted providers", _calls),
    "voice": ("calls at once, embedded providers", _voice),
    "recognition": ("words that are taken for others", _recognition),
    "follow-ups": ("completed calls, and what follows them", _follow_ups),
    "understanding": ("callers of trades and in wordings that were held out", _understanding),
    "soak": ("calls for an hour", _soak),
}
# The last takes too long for every day.
USUAL = tuple(part for part in PARTS if part != "soak")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=list(PARTS), help="what to measure; without it all but soak")
    parser.add_argument(
        "--write", action="store_true", help="keep it in docs/performance.md, in place of its older figures"
    )
    parser.add_argument("--quick", action="store_true", help="a third of the work: to see whether it runs")
    parser.add_argument("--calls", type=_counts, help="with `calls`: how many callers, such as 40,80,120,160,220")
    parser.add_argument("--noise", type=float, metavar="DBFS", help="with `calls`: noise on the line, such as -55")
    wanted = parser.parse_args()
    if wanted.part == "calls" and (wanted.calls or wanted.noise is not None):
        measuring = _measure_full(wanted.calls or (40, 80, 120, 160, 220), wanted.noise)
    else:
        measuring = _measure([wanted.part] if wanted.part else USUAL, quick=wanted.quick)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sections = runner.run(measuring)
    print(page(sections))
    if wanted.write:
        DOCS.write_text(page(sections, kept=DOCS.read_text(encoding="utf-8")), encoding="utf-8")


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(count) for count in text.split(","))


async def _measure_full(counts: Sequence[int], noise_dbfs: float | None) -> list[list[str]]:
    print("(calls) more calls than a process can hold", flush=True)
    return [await _full(counts, noise_dbfs)]


async def _measure(parts: Sequence[str], *, quick: bool) -> list[list[str]]:
    sections: list[list[str]] = []
    for name in parts:
        what, measure = PARTS[name]
        print(f"({name}) {what}", flush=True)
        sections.append(await measure(quick=quick))
    return sections


if __name__ == "__main__":
    main()
