"""The database that comes with us: started on the data folder, or joined when another process of ours runs it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import SecretStr

from callgenie.mongo.client import Database, connect
from callgenie.mongo.errors import DataFolderInUseError
from callgenie.mongo.folder import DataFolder, Hold, Owner, Purpose
from callgenie.mongo.program import find_mongod
from callgenie.mongo.server import EmbeddedServer

Progress = Callable[[str], None]

# A command is done in a few seconds; a person who starts the server meanwhile would rather wait than try again.
_SERVE_WAITS_SECONDS: Final = 15.0
# A command may meet a server that starts, which after a crash can take its database a while.
_COMMAND_WAITS_SECONDS: Final = 60.0
# A stopping server lets an import or the like finish, but not for long; a command has time.
_SERVE_LINGERS_SECONDS: Final = 5.0
_COMMAND_LINGERS_SECONDS: Final = 600.0
_LOOK_AGAIN_SECONDS: Final = 0.05


class DatabaseSettings(Protocol):
    """What of the settings decides where the database is."""

    @property
    def data_dir(self) -> Path:
        """Where the embedded database keeps its files."""
        ...

    @property
    def mongod(self) -> Path | None:
        """The mongod to start, if one was chosen."""
        ...

    @property
    def mongodb_uri(self) -> SecretStr | None:
        """A database that runs elsewhere."""
        ...


@asynccontextmanager
async def open_database(
    settings: DatabaseSettings, *, purpose: Purpose, progress: Progress, listeners: Sequence[Any] = ()
) -> AsyncIterator[Database]:
    """Connect to the database of the settings, or to the embedded one; close (and stop) it afterwards.

    Raises:
        DomainError: One of `mongo.errors`, each of which says what to do.
    """
    if settings.mongodb_uri is not None:
        progress("Connecting to MongoDB.")
        database = await connect(settings.mongodb_uri.get_secret_value(), listeners=listeners)
        try:
            yield database
        finally:
            await database.close()
        return
    async with embedded_database(settings, purpose=purpose, progress=progress) as uri:
        database = await connect(uri, listeners=listeners)
        try:
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def embedded_database(settings: DatabaseSettings, *, purpose: Purpose, progress: Progress) -> AsyncIterator[str]:
    """Yield the URI of the data folder's database, which runs at least as long as the block.

    `serve` wants to be the one that runs it; a `command` joins whoever does, and runs it itself only when nobody does.

    Raises:
        DataFolderUnusableError: The folder cannot be made, read or written.
        DataFolderInUseError: Another process has it and does not let go.
        MongodNotFoundError: There is no mongod.
        MongodFailedError: It ended, or did not become ready.
    """
    folder = DataFolder(settings.data_dir)
    folder.prepare_database()
    hold, owned = await _enter(folder, purpose, progress)
    try:
        if not owned:
            yield folder.uri
            return
        server = EmbeddedServer(folder, find_mongod(settings.mongod), progress)
        try:
            await server.start()
            with folder.usable():
                folder.announce()
            yield folder.uri
        finally:
            try:
                await _leave(folder, purpose, progress)
            finally:
                await server.stop()
    finally:
        hold.release()


async def _enter(folder: DataFolder, purpose: Purpose, progress: Progress) -> tuple[Hold, bool]:
    """Become the folder's owner (true) or a guest of the owner (false); wait for whichever comes first."""
    loop = asyncio.get_running_loop()
    end = loop.time() + (_SERVE_WAITS_SECONDS if purpose == "serve" else _COMMAND_WAITS_SECONDS)
    told = False
    while True:
        with folder.usable():
            if (hold := folder.take(purpose)) is not None:
                return hold, True
            if purpose == "command" and (hold := folder.join()) is not None:
                return hold, False
            owner = folder.owner()
        if loop.time() >= end or (purpose == "serve" and owner is not None and owner.purpose == "serve"):
            raise _in_use(folder, owner)
        if not told and owner is not None:
            progress(f"Waiting for process {owner.pid}, which works on the same data folder.")
            told = True
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _in_use(folder: DataFolder, owner: Owner | None) -> DataFolderInUseError:
    if owner is None:
        return DataFolderInUseError(f"Another process holds the lock of the data folder {folder.path}. Wait for it.")
    if owner.purpose == "command":
        return DataFolderInUseError(
            f"A command (process {owner.pid}) still works on the data folder {folder.path}. "
            "Try again when it is done, or choose another folder with --data-dir."
        )
    running = folder.server()
    where = f" and answers at {running.url}" if running is not None else ""
    return DataFolderInUseError(
        f"CallGenie already runs on the data folder {folder.path}: process {owner.pid}{where}. "
        "Stop it first, or choose another folder with --data-dir."
    )


async def _leave(folder: DataFolder, purpose: Purpose, progress: Progress) -> None:
    """Let nobody else join, and give those who did time to finish."""
    if not folder.path.exists():
        # Somebody deleted it, so nobody can have joined, and what is left to do is to stop.
        return
    folder.withdraw()
    loop = asyncio.get_running_loop()
    end = loop.time() + (_SERVE_LINGERS_SECONDS if purpose == "serve" else _COMMAND_LINGERS_SECONDS)
    told = False
    while (hold := folder.left_alone()) is None and loop.time() < end:
        if not told:
            progress("Waiting for another command that uses the same database.")
            told = True
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    if hold is not None:
        hold.release()
