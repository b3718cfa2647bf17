"""Programs of ours run as processes of their own, so that they can be killed."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from callgenie.kernel.child_process import ChildProcess
from callgenie.settings import Settings

ROOT = Path(__file__).resolve().parents[2]

# How long a test waits for what must come. Only a failure lasts so long: half of what a test may take at all. A server
# with its database starts in five seconds on a quiet machine, and in more than a minute where ten programs want a core.
PATIENCE_SECONDS: Final = 150.0

# The tests, and the code beside them before any that is installed: a work tree's tests run its own code.
_OUR_PATH: Final = os.pathsep.join([str(ROOT / "src"), str(ROOT)])

# What our own programs understand as "that is enough now", so that no test has to be faster than a program's sleep.
LET_GO: Final = signal.SIGUSR1

# Unbuffered, a line and its end are written apart, and the lines of a server's workers run into each other. Without
# compiled modules, each of some hundred programs compiles all of ours again.
_OF_PYTHON: Final = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Running:
    """A process that was started; `said` collects the lines it wrote."""

    process: "subprocess.Popen[str]"
    said: list[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_for(self, beginning: str) -> str:
        """Read lines until one begins so; return the rest of it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        raise AssertionError(f"ended ({self.process.wait()}) without saying {beginning!r}: {self.said}")

    def stop_listening(self) -> None:
        """Close our end of its output; whatever it still writes fails."""
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.stdout = None

    def let_go(self) -> None:
        """Tell a program of `tests.support` that what it was kept up by is over."""
        self.process.send_signal(LET_GO)

    def end(self, number: signal.Signals | None = None) -> int:
        """Send the signal, wait for the end, keep what was said; return the exit code."""
        if number is not None:
            self.process.send_signal(number)
        assert self.process.stdout is not None
        # Not by `communicate`, which passes over what `wait_for` has read ahead.
        self.said += [line.rstrip() for line in self.process.stdout]
        return self.process.wait(PATIENCE_SECONDS)

    def descendants(self, name: str) -> list[psutil.Process]:
        found = psutil.Process(self.pid).children(recursive=True)
        return [process for process in found if any(Path(word).name == name for word in process.cmdline()[:4])]


@contextlib.contextmanager
def running(module: str, *arguments: object, **environment: str) -> Iterator[Running]:
    """Run `python -m module arguments` with no setting but those given; whatever still runs afterwards is killed."""
    process = subprocess.Popen(  # noqa: S603 -- our own programs
        [sys.executable, "-W", "error", "-m", module, *map(str, arguments)],
        # Not where somebody may keep a .env of their own.
        cwd=tempfile.gettempdir(),
        env=_surroundings() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A test that sends Ctrl-C to the group must not hit pytest.
        start_new_session=True,
    )
    try:
        yield Running(process, [])
    finally:
        if process.poll() is None:
            descendants = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            for descendant in descendants:
                with contextlib.suppress(psutil.NoSuchProcess):
                    descendant.kill()
        process.communicate()


@contextlib.contextmanager
def started(*command: object, **options: Any) -> "Iterator[subprocess.Popen[bytes]]":
    """Run `command` as `subprocess.Popen` does, but kill it and await its exit at the end of the block."""
    with subprocess.Popen(list(map(str, command)), **options) as process:  # noqa: S603 -- our own programs
        try:
            yield process
        finally:
            process.kill()


async def output_of(*command: str, **options: Any) -> bytes:
    """Run `command` to its end, and return what it writes to its standard output."""
    async with await ChildProcess.start(*command, stdout=asyncio.subprocess.PIPE, **options) as process:
        assert process.stdout is not None
        printed = await process.stdout.read()
        assert await process.wait() == 0, f"{command} ended with {process.returncode}"
        return printed


def _surroundings() -> dict[str, str]:
    left_out = _OF_PYTHON | {str(field.validation_alias) for field in Settings.model_fields.values()}
    return {name: value for name, value in os.environ.items() if name not in left_out} | {"PYTHONPATH": _OUR_PATH}


def children() -> set[int]:
    """Return the ids of this process's children, also of those that have ended and were not waited for."""
    lists = list(Path("/proc/self/task").glob("*/children"))
    if not lists:
        # The portable way looks at every process of the machine, which for every test is minutes in all.
        return {child.pid for child in psutil.Process().children()}
    found = set[int]()
    for each in lists:
        with contextlib.suppress(OSError):  # a thread that has just ended
            found.update(map(int, each.read_text().split()))
    return found


def open_files() -> set[tuple[str, str]]:
    """Return the open files of this process, each as its number and what it is; none where the system does not tell."""
    folder = Path("/proc/self/fd")
    found = set[tuple[str, str]]()
    for each in list(folder.iterdir()) if folder.is_dir() else ():
        with contextlib.suppress(OSError):  # the folder itself, which was open while it was read
            found.add((each.name, str(each.readlink())))
    return found


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def becomes_true(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Look again and again, for at most `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
