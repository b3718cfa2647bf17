"""`python -m tests.faults`: break things on purpose, and look whether anything was lost or counted twice."""

import argparse
import asyncio
import functools
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.faults.nemesis import NEMESES
from tests.faults.nursery import open_nursery
from tests.faults.replica_set import replica_set
from tests.faults.run import Verdict, run
from tests.support.processes import ROOT

# A driver may swallow the cancellation that a signal brings: then at least no other run begins.
_ending = threading.Event()

# As a shell has it for a command that Ctrl-C ended.
_INTERRUPTED = 130


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- a command prints


async def run_all(waiting: Iterator[tuple[str, int]], results: Path, source: Path, log: Path | None) -> list[str]:
    """Run one after the other, keep what each came to in `results`, and return those that could not be run."""
    broken: list[str] = []
    while failed := await _on_one_cluster(waiting, results, source, log):
        # Who knows in what state it left the cluster.
        broken.append(failed)
    return broken


async def _on_one_cluster(
    waiting: Iterator[tuple[str, int]], results: Path, source: Path, log: Path | None
) -> str | None:
    async with replica_set() as cluster, open_nursery(source) as nursery:
        for fault, seed in waiting:
            if _ending.is_set():
                raise KeyboardInterrupt
            began = time.monotonic()
            where = None if log is None else log / f"{fault}-{seed}.jsonl"
            name = f"{fault} {seed}"
            say_of = functools.partial(_say_of, name)
            try:
                verdict = await run(cluster, nursery, fault, seed, said=say_of, log=where)
            except Exception as error:  # noqa: BLE001 -- the other runs are still worth having
                say(f"{name}: BROKEN, the run itself failed:")
                say(textwrap.indent("".join(traceback.format_exception(error)), "    "))
                return name
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(verdict)) + "\n")
            _say_how_it_went(verdict, time.monotonic() - began)
    return None


def _say_of(name: str, line: str) -> None:
    say(f"    {name}: {line}")


def _say_how_it_went(verdict: Verdict, seconds: float) -> None:
    say(
        f"{verdict.fault} seed {verdict.seed}: {verdict.operations} operations, {verdict.unknown} unknown, "
        f"{verdict.calls_answered} calls, "
        f"longest gap {verdict.gap_seconds:.1f} s, slow for {verdict.slow_seconds:.1f} s, "
        f"{verdict.speech_gaps} holes in the speech of {verdict.calls_judged}, "
        f"{len(verdict.faults)} violations ({seconds:.0f} s)"
    )
    for text in verdict.faults[:20]:
        say(f"    VIOLATION {verdict.fault} {verdict.seed}: {text}")


def table(verdicts: Sequence[Verdict]) -> str:
    """Return what all runs of each fault came to, as the table in docs/reliability.md."""
    heads = (
        "fault",
        "runs",
        "operations",
        "acknowledged",
        "unknown",
        "gap p50",
        "longest gap",
        "slow p50",
        "longest slow",
        "calls",
        "of them judged",
    )
    rows = [(*heads, "holes in their speech", "violations"), ("---",) * (len(heads) + 2)]
    for fault in sorted({verdict.fault for verdict in verdicts}):
        runs = [verdict for verdict in verdicts if verdict.fault == fault]
        gaps = [verdict.gap_seconds for verdict in runs]
        slow = [verdict.slow_seconds for verdict in runs]
        cells = (
            f"`{fault}`",
            len(runs),
            sum(verdict.operations for verdict in runs),
            sum(verdict.acknowledged for verdict in runs),
            sum(verdict.unknown for verdict in runs),
            f"{statistics.median(gaps):.1f} s",
            f"{max(gaps):.1f} s",
            f"{statistics.median(slow):.1f} s",
            f"{max(slow):.1f} s",
            sum(verdict.calls_answered for verdict in runs),
            sum(verdict.calls_judged for verdict in runs),
            sum(verdict.speech_gaps for verdict in runs),
            sum(len(verdict.faults) for verdict in runs),
        )
        rows.append(tuple(map(str, cells)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


# What is asked of a machine that does nothing else. These are told, not violations: a busy machine misses them.
_GAP_SECONDS_GOALS = {"kill-primary": 5.0, "freeze-primary": 10.0}
_SLOW_SECONDS_GOAL = 15.0


def missed(verdicts: Sequence[Verdict]) -> list[str]:
    """Return in words which goals were missed: violations, how long no save was taken or was slow, holes in speech."""
    lines = []
    for verdict in verdicts:
        name, gap = f"{verdict.fault} seed {verdict.seed}", _GAP_SECONDS_GOALS.get(verdict.fault)
        if verdict.faults:
            lines.append(f"{name}: {len(verdict.faults)} violations; none is asked for")
        if gap is not None and verdict.gap_seconds > gap:
            lines.append(f"{name}: no save was taken for {verdict.gap_seconds:.1f} s; at most {gap:.0f} are asked for")
        if gap is not None and verdict.slow_seconds > _SLOW_SECONDS_GOAL:
            lines.append(
                f"{name}: slow for {verdict.slow_seconds:.1f} s; at most {_SLOW_SECONDS_GOAL:.0f} are asked for"
            )
        if verdict.speech_gaps:
            lines.append(
                f"{name}: {verdict.speech_gaps} holes in the speech of {verdict.calls_judged} calls; none is asked for"
            )
    return lines


def _beside_each_other(at_once: int, results: Path) -> int:
    """Run this very command so many times, each with its share of the runs and a process and cluster of its own."""
    shares = [
        subprocess.Popen(  # noqa: S603 -- ourselves
            [
                sys.executable,
                "-m",
                "tests.faults",
                *sys.argv[1:],
                "--share",
                f"{n}/{at_once}",
                "--results",
                str(results),
            ]
        )
        for n in range(at_once)
    ]
    try:
        codes = [share.wait() for share in shares]
        # One that a signal ended has a negative one.
        return int(any(codes))
    except KeyboardInterrupt:
        for share in shares:
            share.terminate()
        for share in shares:
            share.wait()
        return _INTERRUPTED


def _told_to_end(*_: object) -> None:
    # Told twice, by who started us and by the one who started both, it would break off its own tidying up.
    if not _ending.is_set():
        _ending.set()
        signal.raise_signal(signal.SIGINT)


def main() -> int:
    """Run what the command line says; exit with 1 if anything was violated or broken, with 130 if told to end."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog="Example: python -m tests.faults --fault kill-primary --seeds 3",
    )
    parser.add_argument("--fault", action="append", choices=sorted(NEMESES), help="Only this one; may be repeated.")
    parser.add_argument("--seeds", type=int, default=1, help="How many seeds of each (default 1).")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1, help="Runs at a time, each on a cluster of its own.")
    parser.add_argument(
        "--results",
        type=Path,
        help="A file to which each run adds a line; the table is made of all, and what is in it is not run again.",
    )
    parser.add_argument("--share", help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, default=ROOT / "src", help="The code under test.")
    parser.add_argument("--log", type=Path, help="A folder for the histories, and what violated workers logged.")
    chosen = parser.parse_args()
    if chosen.log is not None:
        chosen.log.mkdir(parents=True, exist_ok=True)
    # Told to end, it ends by the way of every `finally`, so that no process of a run is left behind.
    # A shell starts what goes on in the background with Ctrl-C ignored, and ours is the way to end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _told_to_end)
    with tempfile.TemporaryDirectory(prefix="callgenie-faults-") as folder:
        results = chosen.results or Path(folder) / "results.jsonl"
        if chosen.at_once > 1 and chosen.share is None:
            code = _beside_each_other(chosen.at_once, results)
        else:
            code = _run_share(chosen, results)
        if chosen.share is None and (verdicts := _verdicts_in(results)):
            say(table(verdicts))
            say("\n".join(["Goals that were missed:", *missed(verdicts)]) if missed(verdicts) else "All goals are met.")
    return code


def _run_share(chosen: argparse.Namespace, results: Path) -> int:
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    done = {(verdict.fault, verdict.seed) for verdict in _verdicts_in(results)}
    # All faults with the first seed, then all with the second: what is cut short is as complete as it can be.
    runs = [(fault, seed) for seed in seeds for fault in chosen.fault or sorted(NEMESES) if (fault, seed) not in done]
    number, of = map(int, (chosen.share or "0/1").split("/"))
    broken: list[str] = []
    try:
        broken = asyncio.run(run_all(iter(runs[number::of]), results, chosen.source, chosen.log))
    except KeyboardInterrupt:
        say("Told to end.")
        return _INTERRUPTED
    return 1 if broken or any(verdict.faults for verdict in _verdicts_in(results)) else 0


def _verdicts_in(results: Path) -> list[Verdict]:
    if not results.exists():
        return []
    return [Verdict(**json.loads(line)) for line in results.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
