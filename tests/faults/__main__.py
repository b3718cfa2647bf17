"""`python -m tests.faults`: break things on purpose, and look whether anything was lost or counted twice."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from tests.faults.nemesis import NEMESES
from tests.faults.replica_set import replica_set
from tests.faults.run import Verdict, run
from tests.support.processes import ROOT


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- a command prints


async def run_all(faults: list[str], seeds: range, source: Path, log: Path | None) -> list[Verdict]:
    """Run every fault with every seed on one replica set, and say how each went."""
    verdicts = []
    async with replica_set() as cluster:
        for fault in faults:
            for seed in seeds:
                began = time.monotonic()
                where = None if log is None else log / f"{fault}-{seed}.jsonl"
                verdict = await run(
                    cluster, fault, seed, said=lambda line: say(f"    {line}"), source=source, log=where
                )
                verdicts.append(verdict)
                say(
                    f"{fault} seed {seed}: {verdict.operations} operations, {verdict.unknown} unknown, "
                    f"{verdict.calls_answered} calls, longest gap {verdict.gap_seconds:.1f} s, "
                    f"{verdict.speech_gaps} holes in speech, {len(verdict.faults)} violations "
                    f"({time.monotonic() - began:.0f} s)"
                )
                for text in verdict.faults[:20]:
                    say(f"    VIOLATION {text}")
    return verdicts


def main() -> int:
    """Run what the command line says; exit with 1 if anything was violated."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog="Example: python -m tests.faults --fault kill-primary --seeds 3",
    )
    parser.add_argument("--fault", action="append", choices=sorted(NEMESES), help="Only this one; may be repeated.")
    parser.add_argument("--seeds", type=int, default=1, help="How many seeds of each (default 1).")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--source", type=Path, default=ROOT / "src", help="The code under test.")
    parser.add_argument("--log", type=Path, help="A folder for the histories, a file a run.")
    chosen = parser.parse_args()
    if chosen.log is not None:
        chosen.log.mkdir(parents=True, exist_ok=True)
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    # Told to end, it ends by the way of every `finally`, so that no process of a run is left behind.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    verdicts = asyncio.run(run_all(chosen.fault or sorted(NEMESES), seeds, chosen.source, chosen.log))
    violated = sum(1 for verdict in verdicts if verdict.faults)
    say(f"{len(verdicts)} runs, {violated} with violations")
    return 1 if violated else 0


if __name__ == "__main__":
    sys.exit(main())
