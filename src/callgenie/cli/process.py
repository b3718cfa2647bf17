"""The server as a process: it says when it is ready, and on SIGTERM or Ctrl-C lets running calls finish."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from callgenie.cli.bounded_transport import ConnectionLimits
from callgenie.cli.listening import HttpServer, address_of, is_exposed, listen
from callgenie.cli.stopping import StopRequest
from callgenie.kernel.secret_file import Secrets
from callgenie.mongo.client import Database
from callgenie.mongo.embedded import open_database
from callgenie.mongo.folder import DataFolder
from callgenie.mongo.schema import init_db
from callgenie.settings import Settings
from callgenie.wiring.secrets import gather_secrets

_log = structlog.get_logger(__name__)

SERVER_READY = "server.ready"
SERVER_STOPPING = "server.stopping"
SERVER_STOPPED = "server.stopped"
SERVER_EXPOSED = "server.exposed"
SERVER_UNLIMITED = "server.unlimited"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """What is served, and how its running calls are brought to an end within some seconds."""

    app: Any
    drain: Callable[[float], Awaitable[object]]


# Settings, database, secrets, and the address under which this machine reaches the server.
Assemble = Callable[[Settings, Database, Secrets, str], AbstractAsyncContextManager[Program]]


async def run_server(
    settings: Settings, progress: Progress, on_ready: Callable[[str], None] | None = None, *, assemble: Assemble
) -> None:
    """Serve until SIGTERM or SIGINT; then drain the calls, and stop everything that was started.

    A second signal ends the process at once. `on_ready` gets the address once requests are answered there.

    Raises:
        PortInUseError: Another program listens on the port.
        ListenError: The address is not one of this machine, or may not be used.
        DomainError: The database or the secrets cannot be had; see `mongo.errors` and `kernel.secret_file`.
    """
    stop = Stop(progress)
    with stop.on_any_signal():
        await _run(settings, progress, on_ready, assemble, stop)
    _log.info(SERVER_STOPPED)


class Stop(StopRequest):
    """Hears the signals of whoever started the server: the first asks it to stop, a second ends it at once."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def on_any_signal(self) -> AbstractContextManager[None]:
        """Hear SIGTERM and SIGINT during the block."""
        return self.on_signals(self._hear)

    def _hear(self, number: int) -> None:
        if self.asked.is_set():
            # Nothing is cleaned up here: the watcher ends the database when this process is gone.
            sys.stderr.flush()
            os._exit(128 + number)
        self._progress("Stopping: running calls may finish. Once more ends them at once.")
        self.ask()


async def _run(
    settings: Settings,
    progress: Progress,
    on_ready: Callable[[str], None] | None,
    assemble: Assemble,
    stop: Stop,
) -> None:
    async with ground(settings, progress) as (listening, secrets, database):
        url = address_of(settings.host, listening)
        async with assemble(settings, database, secrets, url) as program:
            http = HttpServer(program.app, listening, ConnectionLimits.of(settings))
            try:
                await http.start()
                await _serve(settings, program, http, url, on_ready, stop)
            finally:
                await http.stop()


@asynccontextmanager
async def ground(settings: Settings, progress: Progress) -> AsyncIterator[tuple[socket.socket, Secrets, Database]]:
    """Take the port, gather the secrets, open the database and bring it up to date; give all of it back afterwards."""
    DataFolder(settings.data_dir).prepare()
    # The port first: whether it is free is known at once, and nothing has to be stopped again.
    with closing(listen(settings.host, settings.port)) as listening:
        _warn_when_exposed(settings, listening, progress)
        _warn_when_unlimited(settings, progress)
        secrets = _secrets(settings, progress)
        async with open_database(settings, purpose="serve", progress=progress) as database:
            for done in await init_db(database.db):
                progress(done)
            yield listening, secrets, database


@contextmanager
def announced(settings: Settings, url: str) -> Generator[None, None, None]:
    """Say in the data folder where the server answers, during the block."""
    folder = DataFolder(settings.data_dir)
    note = folder.announce_server(url)
    try:
        yield
    finally:
        if note is not None:
            folder.withdraw_server(note)


async def _serve(
    settings: Settings,
    program: Program,
    http: HttpServer,
    url: str,
    on_ready: Callable[[str], None] | None,
    stop: Stop,
) -> None:
    with announced(settings, url):
        stop.started()
        _log.info(SERVER_READY, url=url)
        if on_ready is not None:
            on_ready(url)
        await http.answer_until(stop.asked)
        _log.info(SERVER_STOPPING, drain_seconds=settings.drain_seconds)
        await program.drain(settings.drain_seconds)


def _secrets(settings: Settings, progress: Progress) -> Secrets:
    jwt, pepper = settings.jwt_secret, settings.password_pepper
    if settings.mongodb_uri is not None and (jwt is None or pepper is None):
        progress(
            "JWT_SECRET or PASSWORD_PEPPER is not set: this machine keeps its own in the data folder. "
            "Every machine that works on the same MONGODB_URI must have the same two."
        )
    return gather_secrets(settings)


def _warn_when_exposed(settings: Settings, listening: socket.socket, progress: Progress) -> None:
    if not is_exposed(listening):
        return
    missing = [
        name
        for name, value in (
            ("PUBLIC_URL", settings.public_url),
            ("TWILIO_AUTH_TOKEN", settings.twilio_auth_token or settings.exotel_secret),
        )
        if value is None
    ]
    if missing:
        _log.warning(SERVER_EXPOSED, missing=missing)
        progress(
            f"WARNING: other machines can reach this server, and {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set: a carrier's requests cannot be verified and are refused. "
            "Put TLS in front of it: passwords and tokens travel as they are."
        )


def _warn_when_unlimited(settings: Settings, progress: Progress) -> None:
    if settings.rate_limits == "off":
        _log.warning(SERVER_UNLIMITED)
        progress(
            "WARNING: RATE_LIMITS=off: nobody is limited, and passwords can be tried without end. "
            "This is for load tests only; unset it to serve anybody."
        )
