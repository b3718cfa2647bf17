"""The demo's own `callgenie serve`: started as a process, watched, and stopped."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callgenie.kernel.errors import UnavailableError
from callgenie.mongo.folder import DataFolder

# The first start loads the models and builds the indexes; a slow disk may take its time.
READY_SECONDS_MAX: Final = 120
STOP_SECONDS_MAX: Final = 30
# What the last lines of a server that would not start say is worth showing; a whole log is not.
TAIL_LINES: Final = 12


class DemoServerError(UnavailableError):
    """The demo's server did not start."""

    code = "demo_server_failed"


@dataclass(frozen=True, slots=True)
class DemoServer:
    """Where the demo's server listens, and where it writes its log."""

    url: str
    log: Path


@asynccontextmanager
async def running_server(
    data_dir: Path, environment: dict[str, str], progress: Callable[[str], None]
) -> AsyncIterator[DemoServer]:
    """Run `callgenie serve` on a free port with `data_dir`, and stop it at the end of the block.

    Raises:
        DemoServerError: It ended, or was not ready in time; the sentence holds its last words.
    """
    log = data_dir / "log" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as lines:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "callgenie",
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--data-dir",
            str(data_dir),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=lines,
            # Ctrl-C is for the demo, which then stops its server in order.
            start_new_session=True,
        )
        try:
            yield DemoServer(await _ready(child, data_dir, log), log)
        finally:
            progress("Stopping the server")
            await _stop(child)


async def _ready(child: asyncio.subprocess.Process, data_dir: Path, log: Path) -> str:
    folder = DataFolder(data_dir)
    loop = asyncio.get_running_loop()
    until = loop.time() + READY_SECONDS_MAX
    while loop.time() < until:
        if child.returncode is not None:
            raise DemoServerError(f"The server ended before it was ready. Its last words:\n{_tail(log)}")
        server = folder.server()
        if server is not None and server.pid == child.pid:
            return server.url
        await asyncio.sleep(0.05)
    raise DemoServerError(f"The server was not ready after {READY_SECONDS_MAX} s. Its last words:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(child.wait(), STOP_SECONDS_MAX)
    except TimeoutError:
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()
