"""`make bench`: measure everything in one run, print it as it comes, and keep it in docs/performance.md.

`python -m bench stack|history|calls|voice|recognition` runs one part; `python -m bench soak` is an hour of calls
on six lines, six hours of talk, and part of no other run.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from bench import calls, history, recognition, soak, stack
from bench.report import (
    history_section,
    load_section,
    page,
    recognition_section,
    soak_section,
    stack_section,
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


async def _voice(*, quick: bool) -> list[str]:
    return waiting_section(await calls.measure_waiting((1,) if quick else (1, 4)))


async def _recognition(*, quick: bool) -> list[str]:
    del quick
    return recognition_section(await recognition.measure())


async def _soak(*, quick: bool) -> list[str]:
    return soak_section(await soak.measure(minutes=2 if quick else 60))


PARTS: Mapping[str, tuple[str, Callable[..., Awaitable[list[str]]]]] = {
    "stack": ("the whole stack against the bare driver", _stack),
    "history": ("reads in a small collection and in a large one", _history),
    "calls": ("calls at once, scripted providers", _calls),
    "voice": ("calls at once, embedded providers", _voice),
    "recognition": ("words that are taken for others", _recognition),
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
    wanted = parser.parse_args()
    sections = asyncio.run(_measure([wanted.part] if wanted.part else USUAL, quick=wanted.quick))
    print(page(sections))
    if wanted.write:
        DOCS.write_text(page(sections, kept=DOCS.read_text(encoding="utf-8")), encoding="utf-8")


async def _measure(parts: Sequence[str], *, quick: bool) -> list[list[str]]:
    sections: list[list[str]] = []
    for name in parts:
        what, measure = PARTS[name]
        print(f"({name}) {what}", flush=True)
        sections.append(await measure(quick=quick))
    return sections


if __name__ == "__main__":
    main()
