"""App processes on one database, each of which can be killed, frozen, drained and started again."""

import asyncio
import contextlib
import json
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.nursery import Forked, Nursery

from callgenie.mongo.folder import DataFolder
from callgenie.settings import environment_without_settings

AUTH_TOKEN = "the auth token of a test account"
PUBLIC_URL = "https://calls.example.com"
MAIL_FROM = "CallGenie <hello@callgenie.test>"
READY_SECONDS = 60
STOP_SECONDS = 60
_SECRET = "not a secret outside of a fault run, and long enough"


@dataclass
class Worker:
    """One `callgenie serve` with scripted voices."""

    number: int
    folder: Path
    environment: Mapping[str, str]
    nursery: Nursery
    process: Forked | None = None
    url: str = ""
    frozen: bool = False
    deaths: int = field(default=0)

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = await self.nursery.fork(self.folder, self.environment, self.log)
        async with asyncio.timeout(READY_SECONDS):
            while True:
                found = DataFolder(self.folder).server()
                if found is not None and found.pid == self.process.pid:
                    self.url = found.url
                    return
                if self.process.poll() is not None:
                    raise RuntimeError(f"worker {self.number} ended before it was ready: {self.last_words()}")
                await asyncio.sleep(0.05)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)
        self.deaths += 1

    def freeze(self) -> None:
        """Stop its clock: sockets stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)
        self.frozen = True

    def wake(self) -> None:
        """Let it go on as if no time had passed."""
        self._signal(signal.SIGCONT)
        self.frozen = False

    def drain(self) -> None:
        """Ask it to end once its calls are over."""
        self._signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Wait for the end that `drain` asked for; return the exit code."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, STOP_SECONDS)

    async def heal(self) -> None:
        """Wake or start it, if need be."""
        if self.frozen:
            self.wake()
        if not self.is_running():
            await self.start()

    def why(self, request_id: str) -> str:
        """Return what a request failed with, and where; nothing where the log does not say so."""
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if said.get("request_id") == request_id and "where" in said:
                    return f"{said['error']} in {said['where']}"
        return ""

    def last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2_000:]

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)


@asynccontextmanager
async def workers(mongodb_uri: str, nursery: Nursery, count: int = 2, **settings: str) -> AsyncIterator[list[Worker]]:
    """Run so many app processes; whatever still runs afterwards is ended."""
    environment = environment_without_settings(
        MONGODB_URI=mongodb_uri,
        TWILIO_AUTH_TOKEN=AUTH_TOKEN,
        PUBLIC_URL=PUBLIC_URL,
        JWT_SECRET=_SECRET,
        PASSWORD_PEPPER=_SECRET,
        BCRYPT_COST="4",
        RATE_LIMITS="off",
        EMAIL_VERIFICATION="optional",
        MAIL_FROM=MAIL_FROM,
        DRAIN_SECONDS="8",
        **settings,
    )
    with tempfile.TemporaryDirectory(prefix="callgenie-workers-", ignore_cleanup_errors=True) as folder:
        crew = [Worker(number, Path(folder) / f"worker{number}", environment, nursery) for number in range(count)]
        try:
            await crew[0].start()
            await asyncio.gather(*(worker.start() for worker in crew[1:]))
            yield crew
        finally:
            for worker in crew:
                if worker.process is not None and worker.is_running():
                    with contextlib.suppress(ProcessLookupError):
                        worker.process.kill()
                    worker.process.wait(10)
