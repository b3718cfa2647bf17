"""The demo's own `callgenie serve`: started as a process, watched, and stopped."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callgenie.kernel.child_process import ChildProcess
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.weights import MODELS_DIR
from callgenie.mongo.folder import DataFolder
from callgenie.mongo.program import watched
from callgenie.settings import environment_without_settings

# The first start loads the models and builds the indexes; a slow disk may take its time.
READY_SECONDS_MAX: Final = 120
STOP_SECONDS_MAX: Final = 30
# The watcher kills a server that has not stopped by then; it is killed itself only if it does not even do that.
_WATCHER_SECONDS_MAX: Final = STOP_SECONDS_MAX + 5.0
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
    folder: DataFolder, auth_token: str, progress: Callable[[str], None], models_dir: Path | None = None
) -> AsyncIterator[DemoServer]:
    """Run `callgenie serve` on a free port with the data folder, and stop it at the end of the block.

    It ends with this process, however this process ends: a watcher holds it by a pipe. The demo is about itself, so
    nothing that is set for a real server reaches it, neither from the environment nor from a `.env`, but for where this
    machine keeps the weights of the models.

    Raises:
        DemoServerError: It ended, or was not ready in time; the sentence holds its last words.
    """
    folder.prepare_database()
    other = folder.server()
    if other is not None:
        raise DemoServerError(
            f"A server runs on {folder.path} already (process {other.pid}, {other.url}). Stop it first."
        )
    weights = {} if models_dir is None else {MODELS_DIR: str(models_dir)}
    serve = (sys.executable, "-m", "callgenie", "serve", "--host", "127.0.0.1", "--port", "0")
    log = folder.log.parent / "server.log"
    with log.open("wb") as lines:
        child = await ChildProcess.start(
            *watched(*serve, "--data-dir", str(folder.path), stop_seconds=STOP_SECONDS_MAX),
            stop_seconds=_WATCHER_SECONDS_MAX,
            env=environment_without_settings(TWILIO_AUTH_TOKEN=auth_token, CALLGENIE_LOG_FORMAT="json", **weights),
            cwd=folder.path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=lines,
            # Ctrl-C is for the demo, which then stops its server in order.
            start_new_session=True,
        )
        try:
            yield DemoServer(await _ready(child, folder, log), log)
        finally:
            progress("Stopping the server")
            # The end of the pipe is what the watcher waits for.
            await child.close()


async def _ready(child: ChildProcess, folder: DataFolder, log: Path) -> str:
    loop = asyncio.get_running_loop()
    until = loop.time() + READY_SECONDS_MAX
    while loop.time() < until:
        if child.returncode is not None:
            raise DemoServerError(f"The server ended before it was ready. Its last words:\n{_tail(log)}")
        server = folder.server()
        if server is not None:
            return server.url
        await asyncio.sleep(0.05)
    raise DemoServerError(f"The server was not ready after {READY_SECONDS_MAX} s. Its last words:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])
