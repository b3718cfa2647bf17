"""`make bench`: measure everything in one run, print it as it comes, and keep it in docs/performance.md."""

import argparse
import asyncio
from pathlib import Path

from bench import calls, stack
from bench.report import page

DOCS = Path(__file__).resolve().parents[1] / "docs" / "performance.md"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="a third of the work: to see whether it runs")
    asyncio.run(_measure(parser.parse_args()))


async def _measure(wanted: argparse.Namespace) -> None:
    rounds, at_once = (1, (1, 5)) if wanted.quick else (5, (1, 5, 10, 20))
    print("(a) the whole stack against the bare driver", flush=True)
    figures = await stack.measure(count=400, rounds=rounds)
    print("(b) calls at once, scripted providers", flush=True)
    idle, loads = await calls.measure_load(at_once)
    print("(c) calls at once, embedded providers", flush=True)
    waiting = await calls.measure_waiting((1, 4))
    text = page(figures, idle, loads, waiting)
    print(text)
    if wanted.write:
        DOCS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
