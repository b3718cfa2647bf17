"""One of several processes that answer on the same port; `callgenie serve` starts, replaces and ends them.

A socket joins the two. The worker says `READY` on it; `STOP` and `RELOAD` come back. When its other end closes, the
one who started us is gone, however that happened, and with it the embedded database.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from callgenie.cli.bounded_transport import ConnectionLimits
from callgenie.cli.listening import HttpServer
from callgenie.cli.process import Assemble, Program
from callgenie.cli.stopping import StopRequest
from callgenie.cli.workers import READY, RELOAD
from callgenie.mongo.embedded import open_database
from callgenie.settings import Settings
from callgenie.wiring.secrets import gather_secrets

_log = structlog.get_logger(__name__)

WORKER_READY = "worker.ready"
WORKER_STOPPED = "worker.stopped"

_LEFT_ALONE: Final = 1


async def run_worker(settings: Settings, listening: int, channel: int, url: str, *, assemble: Assemble) -> None:
    """Serve on the inherited socket until told to stop; then drain this process's calls.

    Raises:
        DomainError: The database, the secrets or the voices cannot be had.
    """
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=channel))
    orders = _Orders(reader)
    async with orders.heard():
        secrets = gather_secrets(settings)
        async with (
            open_database(settings, purpose="command", progress=lambda _: None) as database,
            assemble(settings, database, secrets, url) as program,
        ):
            with socket.socket(fileno=listening) as shared:
                http = HttpServer(program.app, shared, ConnectionLimits.of(settings))
                try:
                    await http.start()
                    writer.write(READY)
                    _log.info(WORKER_READY)
                    await _serve(settings, program, http, orders)
                finally:
                    await http.stop()
    writer.close()
    _log.info(WORKER_STOPPED)


async def _serve(settings: Settings, program: Program, http: HttpServer, orders: "_Orders") -> None:
    orders.started()
    await http.answer_until(orders.asked)
    await program.drain(0 if orders.in_a_hurry else settings.drain_seconds)


class _Orders(StopRequest):
    """Hears the server and the signals. Being asked to stop twice is being asked once: both may tell us."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__()
        self.in_a_hurry = False
        self._reader = reader

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[None]:
        """Hear them during the block."""
        with self.on_signals(lambda _number: self.ask()):
            listening = asyncio.create_task(self._listen(), name="orders")
            try:
                yield
            finally:
                listening.cancel()

    async def _listen(self) -> None:
        while order := await self._reader.read(1):
            self.in_a_hurry = order == RELOAD
            self.ask()
        if self.asked.is_set():
            # It was ended while we were still draining: nobody waits for us, and with it the database goes.
            sys.stderr.flush()
            os._exit(_LEFT_ALONE)
        self.ask()
