"""Processes that a benchmark starts and watches: their CPU seconds, their memory, their clean end."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from callgenie.kernel.child_process import ChildProcess
from callgenie.mongo.folder import DataFolder
from callgenie.settings import environment_without_settings

SERVER_READY_SECONDS_MAX = 90
LOG_FILE = "bench.log"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server of our own, with its data in a folder that goes away with it."""

    url: str
    data_dir: Path
    process: psutil.Process
    auth_token: str

    def cpu_seconds(self) -> float:
        """Return the CPU the server has used so far, without its mongod."""
        times = self.process.cpu_times()
        return times.user + times.system

    def memory_mb(self) -> float:
        """Return the server's own memory: what it has written, without the libraries and models that are mapped in.

        Whether those 13 MB count as its own depends on whether another process has mapped the same files just then.
        """
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return float(self.process.memory_full_info().uss) / 1e6
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
        return int(lines["RssAnon"].split()[0]) * 1024 / 1e6

    def logged(self) -> Counter[str]:
        """Return how often each event was logged so far."""
        lines = (self.data_dir / LOG_FILE).read_text(encoding="utf-8").splitlines()
        return Counter(json.loads(line)["event"] for line in lines if line.startswith("{"))

    def mongodb_uri(self) -> str:
        """Return where the server's embedded database listens."""
        return DataFolder(self.data_dir).uri


@asynccontextmanager
async def server(
    providers: str = "scripted", *, cores: int | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[RunningServer]:
    """Run the measured server on free ports with a new data folder, and stop it at the end.

    With `cores`, it and its database have only so many of the machine's to themselves and never another.
    """
    auth_token = os.urandom(16).hex()
    with tempfile.TemporaryDirectory(prefix="callgenie-bench-") as folder, (Path(folder) / LOG_FILE).open("wb") as log:
        data_dir = Path(folder)
        child = await ChildProcess.start(
            sys.executable,
            "-m",
            "bench.measured_server",
            folder,
            providers,
            *([] if cores is None else [str(cores)]),
            env=environment_without_settings(
                TWILIO_AUTH_TOKEN=auth_token, BCRYPT_COST="4", RATE_LIMITS="off", **(settings or {})
            ),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
        async with child:
            process = psutil.Process(child.pid)
            try:
                url = await _address(DataFolder(data_dir), child)
                yield RunningServer(url, data_dir, process, auth_token)
            finally:
                if child.returncode is None:
                    process.terminate()
                await asyncio.wait_for(child.wait(), 60)


async def _address(folder: DataFolder, child: ChildProcess) -> str:
    until = time.monotonic() + SERVER_READY_SECONDS_MAX
    while time.monotonic() < until:
        if child.returncode is not None:
            raise RuntimeError(f"the server ended with {child.returncode} before it was ready")
        running = folder.server()
        if running is not None:
            return running.url
        await asyncio.sleep(0.05)
    raise RuntimeError("the server was not ready in time")
