"""Finds tests that fail now and then: runs each test file alone, in random order, several times.

`python -m tests.flaky [FILE or FOLDER ...] [--rounds 2] [--process-rounds 10]`. Files whose tests start processes come
first and run more often. Each run has a seed of its own, and a failed one is printed with the command that repeats it.
"""

import argparse
import ast
import functools
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.support.processes import ROOT

_STARTS_A_PROCESS: Final = re.compile(r"\bsubprocess\.Popen\(|\bChildProcess\b|\bos\.fork\(|\basync_playwright\(\)")
# Every test may have the database; a file that starts no other process is not meant.
_DATABASE: Final = "tests/support/database.py"
# No test has to be faster, see `timeout` in pyproject.toml; a file has a hundred at most.
_FILE_SECONDS_MAX: Final = 3_600


def main() -> int:
    """Run what the command line says; 1 if a run failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.flaky", description=__doc__)
    parser.add_argument("paths", nargs="*", default=["tests"], help="test files or folders; all of them by default")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each file (default: 2)")
    parser.add_argument(
        "--process-rounds", type=int, default=10, help="runs of those that start processes (default: 10)"
    )
    asked = parser.parse_args()
    files = sorted({file for path in asked.paths for file in test_files(Path(path))}, key=str)
    rounds = {file: asked.process_rounds if starts_processes(file) else asked.rounds for file in files}
    # Round by round, so that every file has had a run early; in each, those that start processes come first.
    runs = [
        file
        for turn in range(max(rounds.values(), default=0))
        for file in sorted(files, key=lambda file: -rounds[file])
        if turn < rounds[file]
    ]
    failures = [failure for file in runs if (failure := run(file))]
    say(f"{len(files)} files, {len(runs)} runs, {len(failures)} failed")
    for failure in failures:
        say(f"  {failure}")
    return int(bool(failures))


def test_files(path: Path) -> list[Path]:
    """Return the test files in a folder, or the file itself."""
    return [path.resolve()] if path.is_file() else sorted(path.resolve().rglob("test_*.py"))


def run(file: Path) -> str | None:
    """Run a file once; return the command that repeats the run if it failed."""
    seed = random.randrange(1_000_000)  # noqa: S311 -- an order, not a secret
    name = str(file.relative_to(ROOT))
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "--random-order", f"--random-order-seed={seed}", name]
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            code: int | None = subprocess.run(  # noqa: S603 -- our own tests
                command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False, timeout=_FILE_SECONDS_MAX
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        output.seek(0)
        printed = output.read().decode(errors="replace")
    say(f"{'ok' if code == 0 else 'failed':6} {time.monotonic() - began:6.1f} s {name} {seed}")
    if code == 0:
        return None
    say(printed)
    return shlex.join(["python", *command[1:]])


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def starts_processes(file: Path) -> bool:
    """Tell whether a test file, or a module that it imports, starts processes besides the database.

    Imports of the tests' own modules are followed, those of the product's are not.
    """
    return any(_STARTS_A_PROCESS.search(module.read_text(encoding="utf-8")) for module in _with_imports(file))


def _with_imports(file: Path) -> set[Path]:
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        module = waiting.pop()
        if module not in found and module != ROOT / _DATABASE:
            found.add(module)
            waiting += _imports(module) if module.is_relative_to(ROOT / "tests") else []
    return found


@functools.cache
def _imports(module: Path) -> list[Path]:
    nodes = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
    names = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module is not None]
    paths = [folder / f"{name.replace('.', os.sep)}.py" for name in names for folder in (ROOT, ROOT / "src")]
    return [path for path in paths if path.is_file()]


if __name__ == "__main__":
    sys.exit(main())
