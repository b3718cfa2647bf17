"""Child processes: each exit is awaited and each pipe closed, also when a start or a stop is cancelled.

asyncio alone does neither. It closes a process's transport once every output has reached its end, which a reader that
has stopped reading never sees; and a caller that kills a process and goes on leaves the exit to the garbage collector.
"""

import asyncio
from asyncio.subprocess import SubprocessStreamProtocol
from contextlib import suppress
from typing import Any, Final, Self

from callgenie.kernel.cancellation import complete

# A killed process ends at once unless it hangs in the kernel, on a dead disk for example. Nobody can end that one.
_KILLED_SECONDS_MAX: Final = 5.0
# As in `asyncio.create_subprocess_exec`.
_LIMIT_BYTES: Final = 64 * 1024


class ChildProcess:
    """A running program. Close it, with `close` or by `async with`; then it has ended and holds no file of ours."""

    def __init__(
        self, transport: asyncio.SubprocessTransport, protocol: "_StreamProtocol", stop_seconds: float
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        self._stop_seconds = stop_seconds
        self.stdin = protocol.stdin
        self.stdout = protocol.stdout
        self.pid = transport.get_pid()

    @classmethod
    async def start(
        cls, *command: str, stop_seconds: float = 0.0, limit: int = _LIMIT_BYTES, **options: Any
    ) -> "ChildProcess":
        """Start `command`; if the calling task is cancelled meanwhile, close the process before this returns.

        Args:
            command: The program and its arguments.
            stop_seconds: The time that `close` gives it to end by itself, once its standard input has ended, before it
                is killed.
            limit: The size of the buffer for its output, in bytes.
            options: As for `asyncio.create_subprocess_exec`.

        Raises:
            OSError: It cannot be started.
        """
        started: list[ChildProcess] = []

        async def start() -> None:
            transport, protocol = await asyncio.get_running_loop().subprocess_exec(
                lambda: _StreamProtocol(limit), *command, **{"stdin": None, "stdout": None, "stderr": None, **options}
            )
            started.append(cls(transport, protocol, stop_seconds))

        try:
            await complete(start())
        except asyncio.CancelledError:
            for child in started:
                await child.close()
            raise
        return started[0]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def returncode(self) -> int | None:
        """The exit code, negative after a signal; None while the process runs."""
        return self._transport.get_returncode()

    async def wait(self) -> int:
        """Wait for the exit, and return its code. Output that was not read yet can still be read."""
        await self._protocol.exited.wait()
        code = self.returncode
        assert code is not None  # noqa: S101 - asyncio sets it before it reports the exit
        return code

    def kill(self) -> None:
        """Kill the process, if it still runs."""
        # asyncio may have closed the transport already, which then knows no process.
        with suppress(ProcessLookupError):
            self._transport.kill()

    async def close(self) -> None:
        """End the process, await its exit, and close its pipes, even if the calling task is cancelled meanwhile.

        May be called more than once, and by several tasks at a time.
        """
        await complete(self._close())

    async def _close(self) -> None:
        if self.stdin is not None:
            self.stdin.close()
        if self._stop_seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._stop_seconds):
                    await self._protocol.exited.wait()
        if self.returncode is None:
            self.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_KILLED_SECONDS_MAX):
                # First the exit: closing the transport earlier would take the exit code from asyncio's own watcher.
                await self._protocol.exited.wait()
                self._transport.close()
                await self._protocol.closed.wait()
        self._transport.close()


class _StreamProtocol(SubprocessStreamProtocol):
    """asyncio's streams, with an event for the exit and one for the moment after which nothing is open any more."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.closed.set()
