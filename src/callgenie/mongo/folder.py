"""The data folder: where the embedded database lives, who runs it, and who else uses it.

Four files say so. `lock` is held (flock) by the process that runs mongod, the owner. `database.json` tells others
where to connect, and is there only while they may. `users.lock` is held shared by each process that joined, so that
an owner can wait until nobody needs its database any more. `server.json` is held by a running server and says where
it listens. The kernel lets go of a lock when its holder dies, however it dies, so nothing has to be cleaned up after
a crash.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import quote

from callgenie.mongo.errors import DataFolderUnusableError
from callgenie.mongo.program import SOCKET_NAME

Purpose = Literal["serve", "command"]

# What the socket's path may have, in bytes: 108 with a closing zero on Linux, 104 on macOS and the BSDs.
_SOCKET_PATH_MAX: Final = 103

# A longer log is set aside at the next start, and the one set aside before goes.
_LOG_BYTES_MAX: Final = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that runs the database of a folder."""

    pid: int
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A `callgenie serve` that answers at `url`."""

    pid: int
    url: str


class Hold:
    """A lock that is held until it is let go of, or until this process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def write(self, text: str) -> None:
        """Replace what the lock's file says."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)

    def release(self) -> None:
        """Let go. Twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @classmethod
    def take(cls, path: Path, *, shared: bool = False, make: bool = True) -> Self | None:
        """Lock the file; return None while somebody else's lock is in the way.

        Raises:
            FileNotFoundError: There is no such file, and `make` is false.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)


class DataFolder:
    """Paths, locks and notes of one data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.socket = self.path / SOCKET_NAME
        self.data = self.path / "db"
        self.log = self.path / "log" / "mongod.log"
        self.output = self.path / "log" / "mongod.out"
        self._lock = self.path / "lock"
        self._users = self.path / "users.lock"
        self._note = self.path / "database.json"
        self._server = self.path / "server.json"

    @property
    def uri(self) -> str:
        """The connection string of the database in this folder."""
        return f"mongodb://{quote(str(self.socket), safe='')}/callgenie?directConnection=true"

    def prepare(self) -> None:
        """Make the folder, readable by this user only.

        Raises:
            DataFolderUnusableError: It cannot be made.
        """
        with self.usable():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def fits_a_socket(self) -> bool:
        """Whether the folder's path is short enough for a socket in it."""
        return len(os.fsencode(self.socket)) <= _SOCKET_PATH_MAX

    def prepare_database(self) -> None:
        """Make what the embedded database needs in the folder.

        Raises:
            DataFolderUnusableError: It cannot be written, or its path is too long.
        """
        if not self.fits_a_socket:
            longest = _SOCKET_PATH_MAX - len(SOCKET_NAME) - 1
            raise DataFolderUnusableError(
                f"The path of the data folder {self.path} is too long: a socket in it could not be opened. "
                f"Choose one of at most {longest} bytes with --data-dir or CALLGENIE_DATA_DIR."
            )
        self.prepare()
        with self.usable():
            self.data.mkdir(mode=0o700, exist_ok=True)
            self.log.parent.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Turn what the operating system says about the folder into a sentence."""
        try:
            yield
        except OSError as error:
            what = f"{error.strerror or error} ({error.filename or self.path})"
            raise DataFolderUnusableError(
                f"The data folder {self.path} cannot be used: {what}. "
                "Check its permissions and the space on its disk, or choose another with --data-dir."
            ) from error

    def take(self, purpose: Purpose) -> Hold | None:
        """Become the owner; return None while somebody else is."""
        hold = Hold.take(self._lock)
        if hold is not None:
            hold.write(json.dumps({"pid": os.getpid(), "purpose": purpose}))
            # A note still there is that of an owner who was killed.
            self.withdraw()
        return hold

    def owner(self) -> Owner | None:
        """Return who runs the database; None when that process has only just begun, or is gone."""
        said = _read(self._lock)
        match said:
            case {"pid": int(pid), "purpose": "serve" | "command" as purpose}:
                return Owner(pid, purpose)
        return None

    def announce(self) -> None:
        """Tell other processes that they may join."""
        draft = self._note.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({"pid": os.getpid(), "uri": self.uri}), encoding="utf-8")
        draft.replace(self._note)

    def withdraw(self) -> None:
        """Let nobody else join."""
        self._note.unlink(missing_ok=True)

    def join(self) -> Hold | None:
        """Take part in the owner's database; None while there is nothing to join."""
        if not self._announced():
            return None
        hold = Hold.take(self._users, shared=True)
        # An owner withdraws first and then waits for those who hold this lock. Who sees the note with the lock in hand
        # is waited for.
        if hold is not None and not self._announced():
            hold.release()
            return None
        return hold

    def left_alone(self) -> Hold | None:
        """Return a lock that keeps others from joining, once nobody who joined is left."""
        return Hold.take(self._users)

    def database_runs(self) -> bool:
        """Tell whether a mongod has the database open: it locks a file of its own for as long as it lives."""
        try:
            hold = Hold.take(self.data / "mongod.lock", make=False)
        except FileNotFoundError:
            return False
        if hold is None:
            return True
        hold.release()
        return False

    def announce_server(self, url: str) -> Hold | None:
        """Say where the server listens, for as long as the lock is held; None when another one says so already."""
        hold = Hold.take(self._server)
        if hold is not None:
            hold.write(json.dumps({"pid": os.getpid(), "url": url}))
        return hold

    def withdraw_server(self, hold: Hold) -> None:
        """Say no longer where the server listens."""
        self._server.unlink(missing_ok=True)
        hold.release()

    def server(self) -> RunningServer | None:
        """Return the server that runs on this folder, if one does and is ready."""
        try:
            hold = Hold.take(self._server, shared=True, make=False)
        except OSError:
            return None
        if hold is not None:
            # Nobody holds it: it was left behind by a server that was killed.
            hold.release()
            return None
        match _read(self._server):
            case {"pid": int(pid), "url": str(url)}:
                return RunningServer(pid, url)
        return None

    def rotate_log(self) -> None:
        """Set a long log aside; what was set aside before goes."""
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_BYTES_MAX:
                self.log.replace(self.log.with_suffix(".log.1"))

    def _announced(self) -> bool:
        return self._note.exists()


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
