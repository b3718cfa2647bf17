"""The server as several processes: one parent with the port and the database, and workers that answer.

The parent takes the port once and its workers inherit it, so that a worker which dies takes no connection attempt with
it: those that come meanwhile wait or go to the others. The database that comes with us belongs to the parent.
"""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import structlog

from callgenie.cli.listening import address_of
from callgenie.cli.process import SERVER_READY, SERVER_STOPPED, SERVER_STOPPING, Progress, Stop, announced, ground
from callgenie.kernel.cancellation import complete
from callgenie.kernel.child_process import ChildProcess
from callgenie.kernel.errors import UnavailableError
from callgenie.settings import Settings, inherited_environment

_log = structlog.get_logger(__name__)

WORKER_LOST: Final = "worker.lost"

# What a worker says, and what it is told; RELOAD is a STOP for which nobody's call is waited for.
READY: Final = b"r"
STOP: Final = b"s"
RELOAD: Final = b"l"

# What `callgenie serve` runs; two descriptors, the server's address and the data folder follow.
WORKER: Final = (sys.executable, "-m", "callgenie", "worker")

# A worker that dies again and again has a reason that starting it faster does not mend.
_PAUSE_FIRST_SECONDS: Final = 0.1
_PAUSE_LONGEST_SECONDS: Final = 15.0
_STEADY_SECONDS: Final = 30.0

# Beyond the draining: short requests that finish, connections that are closed, models that are put away.
_PUT_AWAY_SECONDS: Final = 20.0


class WorkerFailedError(UnavailableError):
    """A worker ended while the server was starting."""

    code = "worker_failed"


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that was started, and the socket to it."""

    process: ChildProcess
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def becomes_ready(self) -> bool:
        """Wait until it answers requests; false when it ended first."""
        try:
            return bool(await self.reader.read(1))
        except ConnectionError:
            return False

    def tell(self, order: bytes) -> None:
        """Give it an order, if it is still there to hear it."""
        with suppress(OSError):
            self.writer.write(order)

    async def close(self) -> None:
        """Kill it if it still runs, await its exit, and close the socket to it."""
        self.writer.close()
        await self.process.close()


async def run_workers(
    settings: Settings,
    progress: Progress,
    on_ready: Callable[[str], None] | None = None,
    *,
    count: int,
    command: Sequence[str] = WORKER,
    changes: Callable[[], AsyncIterator[object]] | None = None,
) -> None:
    """Serve with `count` processes until SIGTERM or SIGINT; then let their calls finish, and stop everything.

    Args:
        settings: Those of the server; the workers read the same, and are told what flags changed.
        progress: Is told each step.
        on_ready: Gets the address once every worker answers there.
        count: How many workers.
        command: What a worker is, for tests.
        changes: Yields whenever the workers should be replaced.

    Raises:
        WorkerFailedError: One ended while starting; what it said stands on standard error.
        DomainError: As `run_server`.
    """
    stop = Stop(progress)
    with stop.on_any_signal():
        async with ground(settings, progress) as (listening, _, _):
            url = address_of(settings.host, listening)
            crew = _Crew(settings, listening, url, command, patient=changes is not None)
            async with crew.at_work(count):
                with announced(settings, url):
                    stop.started()
                    _log.info(SERVER_READY, url=url, workers=count)
                    if on_ready is not None:
                        on_ready(url)
                    await _until_asked(stop, crew, changes)
                    _log.info(SERVER_STOPPING, drain_seconds=settings.drain_seconds)
                    await crew.dismiss()
    _log.info(SERVER_STOPPED)


async def _until_asked(stop: Stop, crew: "_Crew", changes: Callable[[], AsyncIterator[object]] | None) -> None:
    async def follow() -> None:
        if changes is not None:
            async for _ in changes():
                crew.renew()

    following = asyncio.create_task(follow(), name="changes")
    try:
        await stop.asked.wait()
    finally:
        following.cancel()


class _Crew:
    """The workers, each in a place of its own that is filled again when it becomes empty."""

    def __init__(
        self, settings: Settings, listening: socket.socket, url: str, command: Sequence[str], *, patient: bool
    ) -> None:
        self._settings = settings
        self._listening = listening
        self._url = url
        self._command = command
        self._patient = patient
        self._workers: dict[int, Worker] = {}
        self._leaving = False
        self._renewed = asyncio.Event()

    @asynccontextmanager
    async def at_work(self, count: int) -> AsyncIterator[None]:
        """Keep `count` workers running during the block, which begins when all of them answer."""
        ready = [asyncio.Event() for _ in range(count)]
        keeping = [
            asyncio.create_task(self._keep(place, event), name=f"worker {place}") for place, event in enumerate(ready)
        ]
        try:
            await self._all_ready(keeping, ready)
            yield
        finally:
            self._leaving = True
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
            await self._end_all()

    @staticmethod
    async def _all_ready(keeping: Sequence["asyncio.Task[None]"], ready: Sequence[asyncio.Event]) -> None:
        async def all_are() -> None:
            for event in ready:
                await event.wait()

        waiting = asyncio.create_task(all_are(), name="workers ready")
        try:
            await asyncio.wait({waiting, *keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        for task in keeping:
            if task.done():
                task.result()

    def renew(self) -> None:
        """Replace every worker at once, without waiting for anybody."""
        self._renewed.set()
        for worker in self._workers.values():
            worker.tell(RELOAD)

    async def dismiss(self) -> None:
        """Tell all to stop, and wait until their calls are over and they are gone."""
        self._leaving = True
        for worker in self._workers.values():
            worker.tell(STOP)
        processes = [worker.process for worker in self._workers.values()]
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_seconds + _PUT_AWAY_SECONDS):
                await asyncio.gather(*(process.wait() for process in processes))

    async def _end_all(self) -> None:
        await complete(self._close_all())

    async def _close_all(self) -> None:
        await asyncio.gather(*(worker.close() for worker in self._workers.values()))

    async def _keep(self, place: int, ready: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        pause = _PAUSE_FIRST_SECONDS
        while True:
            self._renewed.clear()
            began = loop.time()
            worker = await self._start(place)
            if await worker.becomes_ready():
                ready.set()
            code = await worker.process.wait()
            await worker.close()
            if self._leaving:
                return
            if self._renewed.is_set():
                continue
            if not ready.is_set() and not self._patient:
                raise WorkerFailedError(f"A worker ended while it started (exit code {code}); the reason stands above.")
            _log.error(WORKER_LOST, place=place, pid=worker.process.pid, code=code)
            # A developer's server is there also while the code is broken.
            ready.set()
            if loop.time() - began > _STEADY_SECONDS:
                pause = _PAUSE_FIRST_SECONDS
            await self._rest(pause)
            pause = min(pause * 2, _PAUSE_LONGEST_SECONDS)

    async def _rest(self, seconds: float) -> None:
        """Wait before the next attempt; a developer's next change ends the waiting."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._patient else seconds):
                await self._renewed.wait()

    async def _start(self, place: int) -> Worker:
        ours, theirs = socket.socketpair()
        descriptors = (self._listening.fileno(), theirs.fileno())
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                process = await ChildProcess.start(
                    *self._command,
                    *map(str, descriptors),
                    self._url,
                    "--data-dir",
                    os.fspath(self._settings.data_dir.expanduser().absolute()),
                    stdin=DEVNULL,
                    pass_fds=descriptors,
                    env=inherited_environment(),
                    # Ctrl-C in a terminal goes to a whole group; when workers stop is the parent's to say.
                    start_new_session=True,
                )
            except BaseException:
                writer.close()
                raise
        self._workers[place] = worker = Worker(process, reader, writer)
        return worker
