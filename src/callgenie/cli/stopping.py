"""Being told to stop: what a process of ours hears, and what it is to a process that still starts."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """The wish that this process may stop. It ends one that is still starting, and is waited for by one that serves."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._starting = asyncio.current_task()

    def started(self) -> None:
        """From now on there is something to bring to an end in good order, so that nothing is cut off."""
        self._starting = None

    def ask(self) -> None:
        """Ask it to stop; the second time is no other than the first."""
        if not self.asked.is_set():
            self.asked.set()
            if self._starting is not None:
                self._starting.cancel()

    @contextmanager
    def on_signals(self, hear: Callable[[int], None]) -> Generator[None, None, None]:
        """Have SIGINT and SIGTERM heard during the block, which just ends when the start was ended by `ask`."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, hear, number)
        try:
            yield
        except asyncio.CancelledError:
            # While starting there is nothing to drain, and being told to stop is no failure.
            if not self.asked.is_set():
                raise
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
