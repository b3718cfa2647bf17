"""Plants the bugs of `planted.toml`, each in a copy of the source, and looks whether what should catch it goes red.

A check that no bug can turn red proves nothing. `make faults-teeth`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.__main__ import say
from tests.support.processes import ROOT

SECONDS_MAX = 300


@dataclass(frozen=True, slots=True)
class Tooth:
    """One planted bug. `changes` are (file below src/callgenie, what stands there once, what stands there instead).

    `faults` are the runs of which at least one must be violated in words among which are some of `says`; `tests` are
    tests of which one must fail.
    """

    name: str
    changes: Sequence[tuple[str, str, str]]
    faults: Sequence[str] = ()
    says: Sequence[str] = ()
    tests: Sequence[str] = ()


def _read(path: Path) -> Iterator[Tooth]:
    for bug in tomllib.loads(path.read_text(encoding="utf-8"))["bug"]:
        changes = [(change["file"], change["old"], change["new"]) for change in bug["change"]]
        yield Tooth(bug["name"], changes, bug.get("faults", ()), bug.get("says", ()), bug.get("tests", ()))


TEETH: Sequence[Tooth] = tuple(_read(Path(__file__).with_name("planted.toml")))


def planted(tooth: Tooth, into: Path) -> Path:
    """Copy the source into a folder, change it, and return where it lies.

    Raises:
        ValueError: What is to be changed does not stand there exactly once.
    """
    source = into / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name, old, new in tooth.changes:
        path = source / "callgenie" / name
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{tooth.name}: {name} holds {text.count(old)} times: {old}")
        path.write_text(text.replace(old, new), encoding="utf-8")
    return source


def bites(tooth: Tooth) -> tuple[bool, str]:
    """Plant the bug; tell whether something went red, and what."""
    with tempfile.TemporaryDirectory(prefix="callgenie-teeth-") as folder:
        source = planted(tooth, Path(folder))
        commands = [
            *(["tests.faults", "--source", str(source), "--fault", fault] for fault in tooth.faults),
            *(["pytest", "-q", "-x", "-p", "no:cacheprovider", test] for test in tooth.tests),
        ]
        for command in commands:
            path = os.pathsep.join([str(source), str(ROOT)])
            done = subprocess.run(  # noqa: S603 -- our own programs
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": path},
                capture_output=True,
                text=True,
                timeout=SECONDS_MAX,
                check=False,
            )
            lines = [line.strip() for line in done.stdout.splitlines()]
            red = [line for line in lines if _is_caught(tooth, line)]
            if done.returncode != 0 and red:
                return True, red[0]
    return False, f"{done.stdout[-200:]}{done.stderr[-200:]}"


def _is_caught(tooth: Tooth, line: str) -> bool:
    return line.startswith("FAILED") or (line.startswith("VIOLATION") and any(words in line for words in tooth.says))


def main() -> int:
    """Plant them one by one; exit with 1 if one is not caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.teeth", description=__doc__)
    parser.add_argument("--only", default="", help="Only those with this in their name.")
    chosen = parser.parse_args()
    missed = 0
    for tooth in TEETH:
        if chosen.only not in tooth.name:
            continue
        began = time.monotonic()
        caught, line = bites(tooth)
        missed += not caught
        say(
            f"{'caught' if caught else 'MISSED'}  {tooth.name} ({time.monotonic() - began:.0f} s)\n        {line[:200]}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
