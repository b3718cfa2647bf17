"""Where app processes of fault runs come from: a process that has imported everything, and forks.

Importing takes seconds of a core for each process, which was a third of what a run costs; and what a run asks is what
happens while things break, not how a program is loaded.

`python -m tests.faults.nursery` reads orders as lines of JSON, and answers each with a process id.
"""

import asyncio
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tests.support.processes import ROOT

from callgenie.settings import environment_without_settings

_APP = "tests.faults.app"


@dataclass
class Forked:
    """An app process; it is nobody's child here, so its end is read from the file that the nursery leaves."""

    pid: int
    folder: Path

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        left = _exit_of(self.folder, self.pid)
        return int(left.read_text()) if left.exists() else None

    def wait(self, seconds: float) -> int:
        """Wait for its end, and return its exit code."""
        until = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(_APP, seconds)
            time.sleep(0.01)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; to one that has ended, none."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The forking process, as those see it who order app processes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._one_at_a_time = asyncio.Lock()

    async def fork(self, folder: Path, environment: Mapping[str, str], log: Path) -> Forked:
        """Start an app process on a data folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"folder": str(folder), "environment": dict(environment), "log": str(log)}
        async with self._one_at_a_time:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            answer = await asyncio.to_thread(self._process.stdout.readline)
        if not answer:
            raise RuntimeError(f"the nursery ended with {self._process.wait(10)}")
        return Forked(int(answer), folder)


@asynccontextmanager
async def open_nursery(source: Path = ROOT / "src") -> AsyncIterator[Nursery]:
    """Run one for the code in `source`; whatever came from it ends with it."""
    process = subprocess.Popen(  # noqa: ASYNC220 -- our own program; starting it takes no time
        [sys.executable, "-m", "tests.faults.nursery"],
        env=environment_without_settings(PYTHONPATH=os.pathsep.join([str(source), str(ROOT)])),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Nursery(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, 30)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _exit_of(folder: Path, pid: int) -> Path:
    return folder / f"exit-{pid}"


@dataclass
class _Children:
    """The processes that were forked and have not ended."""

    folders: dict[int, Path]

    def reap(self) -> None:
        """Write down the exit codes of those that have ended."""
        while self.folders:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            left = _exit_of(self.folders.pop(pid), pid)
            with suppress(OSError):  # the run is over, and its folder gone
                left.with_suffix(".new").write_text(str(os.waitstatus_to_exitcode(status)))
                left.with_suffix(".new").rename(left)

    def end(self) -> None:
        """End all of them at once."""
        for pid in self.folders:
            os.kill(pid, signal.SIGKILL)
        while self.folders:
            self.reap()
            time.sleep(0.01)


def _next_order(orders: BinaryIO, children: _Children, wakeups: socket.socket) -> dict[str, str]:
    """Wait for an order, and see to those that end meanwhile; end with all of them when there is none any more."""
    with selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        selector.register(wakeups, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if wakeups in ready:
                wakeups.recv(4_096)
                children.reap()
            if orders in ready:
                line = orders.readline()
                if not line:
                    children.end()
                    sys.exit(0)
                return dict(json.loads(line))


def _become(folder: str, environment: Mapping[str, str], log: str) -> None:
    """Be an app process as if started by itself."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with open(os.devnull, "rb") as nothing, open(log, "ab") as lines:  # noqa: PTH123 -- for their descriptors
        os.dup2(nothing.fileno(), 0)
        os.dup2(lines.fileno(), 1)
        os.dup2(lines.fileno(), 2)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.argv = [_APP, folder]


def main() -> None:
    """Fork whenever told to; the child goes on as the application."""
    app = importlib.import_module(_APP)
    children = _Children({})
    waker, wakeups = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    # Lines that were read ahead would not wake the selector.
    orders = os.fdopen(0, "rb", buffering=0)
    while True:
        order = _next_order(orders, children, wakeups)
        pid = os.fork()
        if pid == 0:
            _become(**order)  # type: ignore[arg-type] # as it was written
            break
        children.folders[pid] = Path(order["folder"])
        print(pid, flush=True)  # noqa: T201 -- the answer
    waker.close()
    wakeups.close()
    code = 1
    try:
        app.main()
        code = 0
    except BaseException:  # noqa: BLE001 -- its last words, as an interpreter would write them
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Libraries that were loaded before the fork tidy up after threads that are not there, and abort.
        os._exit(code)


if __name__ == "__main__":
    main()
