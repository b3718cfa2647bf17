"""An event loop on which waiting costs no real time, while real work still gets all the time it needs.

When nothing is ready and nothing real is in flight, the loop's clock jumps to the next timer. While something real
is in flight (a job in an executor, an operation on MongoDB, or whatever holds `real_work`) the clock stands still,
so that nothing times out because a machine was slow, and the same test takes the same virtual time every time.

Everything on the loop may be real: a uvicorn server, a web socket client and their loopback sockets need no
accounting, since what one end has sent lies ready for the other before the loop looks.

Two things are outside its knowledge: threads that nobody started through `run_in_executor`, and other processes
than MongoDB. Wrap waiting for them in `loop.real_work("what it is")`.
"""

import asyncio
import functools
import io
import selectors
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakSet

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)

T = TypeVar("T")
P = ParamSpec("P")

# Under load the kernel may hand loopback data over a moment after the sender wrote it. A long jump could turn that
# moment into a timeout, so the loop looks once more for a real millisecond first; short jumps only look twice.
LONG_JUMP_SECONDS: Final = 0.1
LONG_JUMP_GRACE_SECONDS: Final = 0.001

# Real work that takes longer than this is stuck, such as a command to a frozen database. From then on the clock
# runs at the real pace, so that the timeouts of the code under test get their turn.
PATIENCE_SECONDS: Final = 20.0

# No test needs so much real time, not even on a machine that is ten times as slow. What goes on longer waits for
# something that cannot come, while timers that tick for ever keep its clock jumping. The test run's own limit is a
# signal, and whichever task it strikes may swallow it.
LONGEST_REAL_SECONDS: Final = 250.0

# An arbitrary moment; not zero, so that code that takes 0.0 for "never" is found out.
FIRST_MOMENT: Final = 1_000.0


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector event loop whose clock jumps over waiting."""

    def __init__(
        self, *, patience_seconds: float = PATIENCE_SECONDS, longest_real_seconds: float = LONGEST_REAL_SECONDS
    ) -> None:
        self._moment = FIRST_MOMENT
        self._in_flight: Counter[str] = Counter()
        super().__init__(_JumpingSelector(self, patience_seconds, longest_real_seconds))

    def time(self) -> float:
        """Return the virtual seconds."""
        return self._moment

    @property
    def in_flight(self) -> dict[str, int]:
        """What the clock stands still for, and how many of each."""
        return dict(+self._in_flight)

    def advance(self, seconds: float) -> None:
        """Move the clock; the selector does, nobody else needs to."""
        self._moment += seconds

    def begin(self, work: str) -> None:
        """Hold the clock for a piece of real work, until the `finish` that belongs to it."""
        self._in_flight[work] += 1

    def finish(self, work: str) -> None:
        """Give the clock back."""
        self._in_flight[work] -= 1

    def hold(self, work: str) -> None:
        """Hold the clock for a piece of real work whose end may be told twice, or whose start may be."""
        self._in_flight[work] = 1

    def release(self, work: str) -> None:
        """Give the clock back, if `work` holds it."""
        self._in_flight.pop(work, None)

    @contextmanager
    def real_work(self, work: str) -> Iterator[None]:
        """Hold the clock while something real, of which the loop does not know, is waited for."""
        self.begin(work)
        try:
            yield
        finally:
            self.finish(work)

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Run `func` in a thread; the clock stands still until the loop has seen its result."""
        self.begin("executor")
        try:
            future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        except BaseException:
            self.finish("executor")
            raise
        future.add_done_callback(lambda _: self.finish("executor"))
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """Wait for the threads of the default executor, in real time."""
        with self.real_work("executor shutdown"):
            await super().shutdown_default_executor(*args, **kwargs)


class EndlessTestError(Exception):
    """A test took more real time than any needs; says what each of its tasks waits for."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        text = io.StringIO()
        for task in asyncio.all_tasks(loop):
            task.print_stack(file=text)
        super().__init__(f"in flight: {loop.in_flight}\n{text.getvalue()}")


class _JumpingSelector(selectors.BaseSelector):
    """A selector that never waits for a timer: it moves the loop's clock instead."""

    def __init__(self, loop: VirtualTimeLoop, patience_seconds: float, longest_real_seconds: float) -> None:
        self._loop = loop
        self._patience_seconds = patience_seconds
        self._latest = time.monotonic() + longest_real_seconds
        self._real = selectors.DefaultSelector()
        self._stuck = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        left = self._latest - time.monotonic()
        if left <= 0:
            raise EndlessTestError(self._loop)
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            return self._real.select(left)
        if self._loop.in_flight:
            return self._await_real_work(timeout)
        self._stuck = False
        ready = self._real.select(LONG_JUMP_GRACE_SECONDS if timeout >= LONG_JUMP_SECONDS else 0)
        if not ready:
            self._loop.advance(timeout)
        return ready

    def _await_real_work(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        began = time.monotonic()
        ready = self._real.select(timeout if self._stuck else self._patience_seconds)
        if self._stuck:
            self._loop.advance(min(timeout, time.monotonic() - began))
        self._stuck = self._stuck or not ready
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.get_key(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


def mongo_listeners(loop: VirtualTimeLoop) -> list[Any]:
    """Return listeners that hold the clock during every operation of one MongoDB client.

    Give them to one client only, whose URI says `serverMonitoringMode=poll`: a streaming monitor keeps an answer
    pending for ten seconds at a time, and nothing tells that waiting from work.
    """
    # No listener for servers or topologies: their events go through a queue whose producer blocks the loop when it is
    # full, and in virtual time that is soon.
    return [_Operations(loop), _Heartbeats(loop)]


class _Operations(ConnectionPoolListener, CommandListener):
    """Counts from asking the pool for a connection until it is given back, and while one is being set up.

    A change stream that waits for the next change is not at work, though it has a connection.
    """

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        # The tasks that wait so; each has its connection until then.
        self._waiting: set[asyncio.Task[Any] | None] = set()

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "getMore" and "maxTimeMS" in event.command:
            self._waiting.add(asyncio.current_task())
            self._loop.finish("mongo operation")

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self._waited(event.command_name)

    def failed(self, event: CommandFailedEvent) -> None:
        self._waited(event.command_name)

    def _waited(self, command: str) -> None:
        if command == "getMore" and asyncio.current_task() in self._waiting:
            self._waiting.discard(asyncio.current_task())
            self._loop.begin("mongo operation")

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:  # noqa: ARG002 - the port's
        self._loop.begin("mongo operation")

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:  # noqa: ARG002 - the port's
        self._loop.finish("mongo operation")

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:  # noqa: ARG002 - the port's
        # One that is cancelled while it waits is given back without a word of how the command ended.
        if asyncio.current_task() in self._waiting:
            self._waiting.discard(asyncio.current_task())
        else:
            self._loop.finish("mongo operation")

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        self._loop.hold(_connection(event))

    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        self._loop.release(_connection(event))

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        self._loop.release(_connection(event))

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        pass

    def pool_created(self, event: PoolCreatedEvent) -> None:
        pass

    def pool_ready(self, event: PoolReadyEvent) -> None:
        pass

    def pool_cleared(self, event: PoolClearedEvent) -> None:
        pass

    def pool_closed(self, event: PoolClosedEvent) -> None:
        pass


def _connection(event: ConnectionCreatedEvent | ConnectionReadyEvent | ConnectionClosedEvent) -> str:
    return f"mongo connection {event.connection_id} to {event.address}"


class _Heartbeats(ServerHeartbeatListener):
    """Counts the monitors' checks; a server has one at a time."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        self._monitors: WeakSet[asyncio.Task[Any]] = WeakSet()

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        if event.awaited:
            return
        work = f"mongo heartbeat to {event.connection_id}"
        self._loop.hold(work)
        monitor = asyncio.current_task()
        if monitor is not None and monitor not in self._monitors:
            # A monitor that is cancelled in the middle of a check does not say so.
            self._monitors.add(monitor)
            monitor.add_done_callback(lambda _: self._loop.release(work))

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        self._loop.release(f"mongo heartbeat to {event.connection_id}")

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        self._loop.release(f"mongo heartbeat to {event.connection_id}")


def running_virtual_loop() -> VirtualTimeLoop:
    """Return the running loop, which must be a virtual one."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop), "this needs a test that runs virtually"
    return loop


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on a new loop with virtual time; tasks that it leaves behind are an error of the test."""

    async def watched() -> T:
        result = await main
        await asyncio.sleep(0)
        leaked = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not leaked, f"left running: {leaked}"
        return result

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(watched())


def virtually(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Make an async test run in virtual time; its fixtures must not be async, for those live on another loop."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def body() -> None:
            await test(*args, **kwargs)

        run_virtually(body())

    return run
