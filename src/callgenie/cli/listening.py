"""The server's socket, and the HTTP server on it."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, cast

import uvicorn

from callgenie.cli.bounded_http import UNFINISHED_HEADS_BYTES_MAX, BoundedHttpProtocol
from callgenie.cli.bounded_socket import BoundedSocketProtocol
from callgenie.cli.bounded_transport import ConnectionLimits
from callgenie.http.fair_share import FairShare
from callgenie.kernel.errors import ConflictError, InvalidError

# After the calls have been drained only short requests are left; who is still connected by then is not coming back.
_REQUESTS_LINGER_SECONDS: Final = 5
# A media message is some 300 bytes, and no message of ours or of a carrier comes near this.
_SOCKET_MESSAGE_BYTES_MAX: Final = 64 * 1024
# Unsent bytes that the kernel holds for one connection. By itself it takes up to 4 MB of an answer that nobody reads,
# and the progress of a client that reads slowly would be seen late.
_UNSENT_BYTES_MAX: Final = 128 * 1024
# Proxies keep connections for a minute or so; idle ones beyond this only cost descriptors.
_KEEP_ALIVE_SECONDS: Final = 75


class PortInUseError(ConflictError):
    """Something else listens where the server should."""

    code = "port_in_use"


class ListenError(InvalidError):
    """The server cannot listen where it was told to."""

    code = "cannot_listen"


def listen(host: str, port: int) -> socket.socket:
    """Take the port; connections are refused until an `HttpServer` answers on it.

    Raises:
        PortInUseError: Another program has the port.
        ListenError: The address is not one of this machine, or may not be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(f"{host} is no address to listen on. Choose one of this machine's with --host.") from error
    # A name such as localhost may have an address of each sort; who connects tries the older one in any case.
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listening = socket.socket(family, kind, protocol)
    try:
        # Without it the port stays taken for a minute after a stop.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # Connections inherit it.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES_MAX)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise _cannot_listen(error, host, port) from error
    return listening


def address_of(host: str, listening: socket.socket) -> str:
    """Return the URL under which this machine reaches the server."""
    place, port = listening.getsockname()[:2]
    if ipaddress.ip_address(place).is_unspecified:
        place = "::1" if listening.family == socket.AF_INET6 else "127.0.0.1"
    elif not _is_address(host):
        place = host
    return f"http://[{place}]:{port}" if ":" in place else f"http://{place}:{port}"


def is_exposed(listening: socket.socket) -> bool:
    """Tell whether other machines can reach the socket."""
    return not ipaddress.ip_address(listening.getsockname()[0]).is_loopback


class HttpServer:
    """Answers requests on a socket until it is stopped."""

    def __init__(self, app: Any, listening: socket.socket, limits: ConnectionLimits | None = None) -> None:
        limits = limits or ConnectionLimits()
        heads = FairShare(UNFINISHED_HEADS_BYTES_MAX)
        self._listening = listening
        self._server = _Server(
            uvicorn.Config(
                app,
                # The server calls them with what it has, as it would their classes.
                http=cast("Any", partial(BoundedHttpProtocol, limits, heads)),
                ws=cast("Any", partial(BoundedSocketProtocol, limits)),
                ws_max_size=_SOCKET_MESSAGE_BYTES_MAX,
                # Audio does not compress, and trying costs a call more than all else that we do for it.
                ws_per_message_deflate=False,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                # Whose forwarding headers are believed is a setting of ours, not of the server's environment.
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_REQUESTS_LINGER_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to answer.

        Raises:
            PortInUseError: Another program began to listen on the port since it was taken.
        """
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listening]), name="http server")
        answers = asyncio.create_task(self._server.answers.wait(), name="http server answers")
        await asyncio.wait({self._task, answers}, return_when=asyncio.FIRST_COMPLETED)
        answers.cancel()
        if self._task.done():
            try:
                await self._task
            except OSError as error:
                host, port = self._listening.getsockname()[:2]
                raise _cannot_listen(error, host, port) from error

    async def answer_until(self, over: asyncio.Event) -> None:
        """Wait until it is over, or the server has ended by itself."""
        if self._task is not None:
            waiting = asyncio.create_task(over.wait(), name="http server may end")
            await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    async def stop(self) -> None:
        """Let requests in progress finish, and answer no more."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers of its own, which would end it before the calls are drained."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self.answers.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to the process."""
        yield


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _cannot_listen(error: OSError, host: str, port: int) -> PortInUseError | ListenError:
    match error.errno:
        case errno.EADDRINUSE:
            return PortInUseError(
                f"Another program listens on port {port} of {host}. Stop it, or choose another port with --port "
                "(0 takes any that is free)."
            )
        case errno.EACCES | errno.EPERM:
            return ListenError(
                f"This user may not listen on port {port}. Choose one above 1023 with --port, and let a proxy in front "
                "take the one that is public."
            )
        case errno.EADDRNOTAVAIL:
            return ListenError(f"{host} is not an address of this machine. Choose one that is with --host.")
    return ListenError(f"The server cannot listen on port {port} of {host}: {error.strerror or error}.")
