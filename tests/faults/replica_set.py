"""Three real mongod processes as one replica set, each of which can be killed, frozen, woken and started again."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from callgenie.mongo.program import find_mongod, watched

NAME = "faults"
# The defaults are for networks between continents. `docs/how-to/own-replica-set.md` recommends these and says why.
SETTINGS = {"electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500, "heartbeatTimeoutSecs": 2}
PARAMETERS = ("oplogNetworkTimeoutBufferSeconds=1", "oplogFetcherSteadyStateMaxFetcherRestarts=0")
READY_SECONDS = 60
STOP_SECONDS = 3.0
_MEMBERS = 3
_SMALL_DISK_FREE_BYTES = 48 * 1024 * 1024


@dataclass
class Node:
    """One mongod. Its files stay when it is killed, and it comes back with them."""

    number: int
    folder: Path
    port: int
    watcher: "subprocess.Popen[bytes] | None" = None
    frozen: bool = False
    extra: tuple[str, ...] = field(default=())

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return int((self.folder / "db" / "mongod.lock").read_text())

    def start(self) -> None:
        """Start it, on the files that are there."""
        for name in ("db", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        command = watched(
            str(find_mongod(None)),
            *("--dbpath", str(self.folder / "db"), "--logpath", str(self.folder / "log" / "mongod.log"), "--logappend"),
            *("--replSet", NAME, "--bind_ip", "127.0.0.1", "--port", str(self.port), "--nounixsocket", "--quiet"),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--noscripting"),
            *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=20MB)"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--setParameter", "enableTestCommands=1"),
            *(word for parameter in PARAMETERS for word in ("--setParameter", parameter)),
            *self.extra,
            stop_seconds=STOP_SECONDS,
        )
        # Its watcher ends it when we are gone, however that happens, also when it is frozen.
        self._release()
        self.watcher = subprocess.Popen(  # noqa: S603 -- our own programs
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self.frozen = False

    def is_running(self) -> bool:
        return self.watcher is not None and self.watcher.poll() is None

    def kill(self) -> None:
        """End it as a power cut would; one that has ended stays so."""
        assert self.watcher is not None
        if self.watcher.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.watcher.wait(10)
        self._release()

    def freeze(self) -> None:
        """Stop its clock: it keeps its connections and answers nobody."""
        os.kill(self.pid, signal.SIGSTOP)
        self.frozen = True

    def wake(self) -> None:
        """Let it go on as if no time had passed."""
        os.kill(self.pid, signal.SIGCONT)
        self.frozen = False

    @contextmanager
    def small_disk(self) -> Iterator[Path]:
        """End it and put its files on a disk with little room, for the length of the block; it is not started again."""
        self.kill()
        used = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        aside = self.folder.with_suffix(".aside")
        self.folder.rename(aside)
        self.folder.mkdir()
        room = used + _SMALL_DISK_FREE_BYTES
        mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "callgenie-faults", str(self.folder)]
        subprocess.run(mount, check=True)  # noqa: S603 -- needs root, and is undone below
        try:
            shutil.copytree(aside, self.folder, dirs_exist_ok=True)
            shutil.rmtree(aside)
            yield self.folder
            shutil.copytree(self.folder, aside)
        finally:
            if self.is_running():
                self.kill()
            subprocess.run(["umount", str(self.folder)], check=True)  # noqa: S603, S607 -- the mount from above
            if aside.exists():
                self.folder.rmdir()
                aside.rename(self.folder)

    def stop(self) -> None:
        """End it for good."""
        if self.watcher is None:
            return
        if self.frozen and self.is_running():
            self.wake()
        self._release()
        try:
            self.watcher.wait(STOP_SECONDS + 10)
        finally:
            self.watcher.kill()
            self.watcher.wait()

    def _release(self) -> None:
        """Close our end of the watcher's pipe, which ends it."""
        if self.watcher is not None:
            assert self.watcher.stdin is not None
            self.watcher.stdin.close()


class ReplicaSet:
    """The three of them, and a client that sees who leads."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        hosts = ",".join(node.host for node in nodes)
        self.uri = f"mongodb://{hosts}/callgenie?replicaSet={NAME}"
        self.client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            self.uri, w="majority", readConcernLevel="majority", serverSelectionTimeoutMS=1_000, socketTimeoutMS=3_000
        )

    async def primary(self) -> Node:
        """Wait for a primary that a majority follows, and return it."""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                with contextlib.suppress(PyMongoError):
                    # A frozen primary is still believed to be one for a while; a write is the proof.
                    await self.client.admin.command(
                        {"appendOplogNote": 1, "data": {"who": "leads"}, "writeConcern": {"w": "majority"}}
                    )
                    address = await self.client.primary
                    if address is not None:
                        return next(node for node in self.nodes if node.port == address[1])
                await asyncio.sleep(0.1)

    async def lead(self, node: Node) -> None:
        """Have this one be the primary."""
        async with asyncio.timeout(READY_SECONDS):
            while await self.primary() is not node:
                async with AsyncMongoClient[dict[str, Any]](node.host, directConnection=True) as client:
                    with contextlib.suppress(PyMongoError):
                        await client.admin.command({"replSetStepUp": 1})
                await asyncio.sleep(0.5)

    async def heal(self) -> None:
        """Wake and start whoever does not run, and wait until writes reach all three."""
        for node in self.nodes:
            if node.frozen:
                node.wake()
            if not node.is_running():
                node.start()
        await self.primary()
        async with asyncio.timeout(READY_SECONDS):
            while True:
                with contextlib.suppress(PyMongoError):
                    command = {"appendOplogNote": 1, "data": {"all": "here"}}
                    answer = await self.client.admin.command(
                        {**command, "writeConcern": {"w": len(self.nodes), "wtimeout": 1_000}}
                    )
                    # The driver raises it for writes of its own only.
                    if "writeConcernError" not in answer:
                        return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def replica_set() -> AsyncIterator[ReplicaSet]:
    """Run three nodes on free loopback ports, in a folder that goes away with them."""
    with tempfile.TemporaryDirectory(prefix="callgenie-faults-", ignore_cleanup_errors=True) as folder:
        ports = _free_ports(_MEMBERS)
        nodes = [Node(number, Path(folder) / f"node{number}", port) for number, port in enumerate(ports)]
        cluster = ReplicaSet(nodes)
        try:
            for node in nodes:
                node.start()
            await _initiate(nodes)
            await cluster.heal()
            yield cluster
        finally:
            await cluster.client.close()
            for node in nodes:
                node.stop()


async def _initiate(nodes: list[Node]) -> None:
    members = [{"_id": node.number, "host": node.host} for node in nodes]
    async with (
        asyncio.timeout(READY_SECONDS),
        AsyncMongoClient[dict[str, Any]](nodes[0].host, directConnection=True, serverSelectionTimeoutMS=500) as client,
    ):
        while True:
            with contextlib.suppress(PyMongoError):
                await client.admin.command({"replSetInitiate": {"_id": NAME, "members": members, "settings": SETTINGS}})
                return
            await asyncio.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
