"""One running mongod: started, made a replica set of one, started again when it is lost, stopped."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from callgenie.kernel.child_process import ChildProcess
from callgenie.kernel.errors import DomainError
from callgenie.mongo.errors import MongodFailedError
from callgenie.mongo.folder import DataFolder
from callgenie.mongo.program import REPLICA_SET, SOCKET, STOP_SECONDS, mongod_command

_log = structlog.get_logger(__name__)

MONGOD_LOST = "mongod.lost"
MONGOD_BACK = "mongod.back"
MONGOD_RESTART_FAILED = "mongod.restart_failed"

# A quarter of a gigabyte is WiredTiger's least, and plenty for one business's calls.
CACHE_GB: Final = 0.25

# After a crash mongod first replays its journal, which can take a while on a slow disk; silence this long means stuck.
_READY_SECONDS: Final = 120.0
_PATIENCE_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 0.02

# Pauses between attempts to start a mongod that was lost. There is no last attempt: a full disk may be made room on.
_RESTART_PAUSE_FIRST_SECONDS: Final = 0.2
_RESTART_PAUSE_LONGEST_SECONDS: Final = 15.0

_ALREADY_INITIALISED: Final = 23
# The end of mongod's log that is searched for its reason.
_LOG_TAIL_BYTES: Final = 64 * 1024
_REASON_CHARACTERS_MAX: Final = 300
# One journal file of ours: with less mongod cannot begin.
_DISK_FREE_MIN_BYTES: Final = 20 * 1024 * 1024


class EmbeddedServer:
    """The mongod of one data folder, whose lock we hold."""

    def __init__(self, folder: DataFolder, program: Path, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._program = program
        self._progress = progress
        self._process: ChildProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._log_start = 0

    async def start(self) -> None:
        """Run mongod until it takes writes, and from then on start it again whenever it is lost.

        Raises:
            MongodFailedError: It ended, or did not become ready.
            DataFolderUnusableError: Its files cannot be written.
        """
        self._progress("Starting the database.")
        await self._start_once()
        self._keeper = asyncio.create_task(self._keep(), name="embedded mongod")

    async def stop(self) -> None:
        """Stop mongod and wait until it is gone. Twice is harmless."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        await self._stop_once()
        if self._folder.database_runs():
            # Its watcher was killed, so closing the pipe told nobody.
            await self._shut_down_through_socket()

    async def _start_once(self) -> None:
        await self._clear_orphan()
        await self._spawn()
        await self._become_ready()

    async def _stop_once(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.close()

    async def _keep(self) -> None:
        pause = _RESTART_PAUSE_FIRST_SECONDS
        while self._process is not None:
            await self._process.wait()
            await self._stop_once()
            _log.error(MONGOD_LOST, reason=self._reason())
            while True:
                await asyncio.sleep(pause)
                try:
                    await self._start_once()
                except (DomainError, OSError):
                    _log.exception(MONGOD_RESTART_FAILED)
                    await self._stop_once()
                    pause = min(pause * 2, _RESTART_PAUSE_LONGEST_SECONDS)
                else:
                    _log.warning(MONGOD_BACK)
                    pause = _RESTART_PAUSE_FIRST_SECONDS
                    break

    async def _clear_orphan(self) -> None:
        """End a mongod that lost its watcher, and wait for one whose watcher is about to end it."""
        if not self._folder.database_runs():
            return
        self._progress("Waiting for the database of an earlier run to end.")
        await self._shut_down_through_socket()
        end = asyncio.get_running_loop().time() + STOP_SECONDS + _PATIENCE_SECONDS
        while self._folder.database_runs():
            if asyncio.get_running_loop().time() > end:
                raise MongodFailedError(
                    f"Another mongod has the database in {self._folder.data} open and does not end. "
                    f"Its process id is in {self._folder.data / 'mongod.lock'}: stop that process, then try again."
                )
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _shut_down_through_socket(self) -> None:
        # By its socket, never by its process id: ids are used again, and what listens in this folder is ours.
        async with self._client() as client:
            with suppress(PyMongoError):
                await client.admin.command("shutdown", force=True)

    async def _spawn(self) -> None:
        folder = self._folder
        with folder.usable():
            folder.rotate_log()
            self._log_start = folder.log.stat().st_size if folder.log.exists() else 0
            output = os.open(folder.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._process = await ChildProcess.start(
                *mongod_command(self._program, folder.path, cache_gb=CACHE_GB),
                # The watcher kills a mongod that does not end by itself, so a little longer than that is enough.
                stop_seconds=STOP_SECONDS + _PATIENCE_SECONDS,
                cwd=folder.path,
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=output,
                # Ctrl-C in a terminal goes to a whole group; the database must outlive the calls that are being ended.
                start_new_session=True,
            )
        finally:
            os.close(output)

    async def _become_ready(self) -> None:
        loop = asyncio.get_running_loop()
        begin = told = loop.time()
        while not await self._listens():
            self._check_alive()
            if loop.time() - begin > _READY_SECONDS:
                raise self._failed("did not become ready")
            if loop.time() - told > _PATIENCE_SECONDS:
                self._progress("Still waiting for the database; after a crash it first puts its files in order.")
                told = loop.time()
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        async with self._client() as client:
            while not await self._takes_writes(client):
                self._check_alive()
                if loop.time() - begin > _READY_SECONDS:
                    raise self._failed("did not become ready")
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _listens(self) -> bool:
        # Asked by hand: the driver looks at a server only twice a second.
        try:
            _, writer = await asyncio.open_unix_connection(str(self._folder.socket))
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    async def _takes_writes(self, client: AsyncMongoClient[dict[str, Any]]) -> bool:
        try:
            hello = await client.admin.command("hello")
            if "setName" not in hello:
                member = {"_id": 0, "host": SOCKET}
                await client.admin.command({"replSetInitiate": {"_id": REPLICA_SET, "members": [member]}})
        except OperationFailure as error:
            if error.code == _ALREADY_INITIALISED:
                return False
            raise self._failed(f"could not become a replica set ({error.code})") from error
        except PyMongoError:
            return False
        return bool(hello["isWritablePrimary"])

    def _client(self) -> AsyncMongoClient[dict[str, Any]]:
        return AsyncMongoClient(self._folder.uri, serverSelectionTimeoutMS=2_000)

    def _check_alive(self) -> None:
        if self._process is None or self._process.returncode is not None:
            raise self._failed("ended while starting")

    def _failed(self, what: str) -> MongodFailedError:
        reason = self._reason()
        told = f": {reason}" if reason else ""
        return MongodFailedError(f"The embedded MongoDB {what}{told} Its log is {self._folder.log}.")

    def _reason(self) -> str:
        """Return what mongod complained about since it was started, as a sentence, or nothing.

        Its first complaint is the cause; those that follow say how it fell. On a full disk it cannot say anything.
        """
        with suppress(OSError):
            if (free := shutil.disk_usage(self._folder.path).free) < _DISK_FREE_MIN_BYTES:
                return f"only {free // 1024} KiB are free on the disk of {self._folder.path}."
        complaints = [text for line in _tail(self._folder.log, self._log_start) if (text := _complaint(line))]
        said = complaints or [line for line in _tail(self._folder.output, 0) if not line.startswith("{")]
        return f"{' '.join(said[0].split())[:_REASON_CHARACTERS_MAX].rstrip('. ')}." if said else ""


def _tail(path: Path, start: int) -> list[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - _LOG_TAIL_BYTES))
            return [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return []


def _complaint(line: str) -> str:
    """Return what a line of mongod's log says went wrong; nothing for the others."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    match entry:
        case {"s": "E" | "F", "attr": {"error": str(text)} | {"error": {"errmsg": str(text)}}}:
            return text
        case {"s": "E" | "F", "msg": str(message), "attr": {"message": {"msg": str(text)}}}:
            return f"{message}: {text}"
        case {"s": "E" | "F", "msg": str(message), "attr": {"message": str(text)} | {"reason": str(text)}}:
            return f"{message}: {text}"
        case {"s": "E" | "F", "msg": str(message)} if message.strip():
            return message
    return ""
