"""The few threads in which models compute, shared by all calls."""

import asyncio
import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from callgenie.voice.ports import ProviderError

P = ParamSpec("P")
T = TypeVar("T")

# A job takes a tenth of a second. Whoever would be the 33rd to wait gets a failure at once, which is retried once
# and then spoken about, instead of an answer that comes when the caller has gone.
_WAITING_MAX: Final = 32

_THREADS_MAX: Final = 8


class Workers:
    """Runs blocking work of providers outside the event loop, a bounded number at a time.

    Args:
        threads: How many jobs run at once; by default as many as there are cores, and at least two.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or max(2, min(os.cpu_count() or 1, _THREADS_MAX))
        self._executor = ThreadPoolExecutor(self.threads, thread_name_prefix="voice")
        self._jobs = 0

    async def run(self, provider: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns.

        Raises:
            ProviderError: Too many jobs wait already.
        """
        if self._jobs >= self.threads + _WAITING_MAX:
            raise ProviderError(provider, "overloaded", permanent=False)
        self._jobs += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(*args, **kwargs))
        except BaseException:
            self._jobs -= 1
            raise
        # A caller who gives up does not stop a thread: the job counts until it is really done.
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Stop the threads, after the jobs that run."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _done(self, future: "asyncio.Future[T]") -> None:
        self._jobs -= 1
        if not future.cancelled():
            future.exception()  # somebody who waits gets it too; nobody else needs a warning about it


def compute_in_one_thread() -> None:
    """Make numpy's matrix products stay in the thread that asks for them.

    OpenBLAS otherwise wakes a thread for each core and lets them spin for the next product: twice the CPU for our small
    matrices, taken from the calls. Another BLAS than the one in numpy's wheels is left as it is.
    """
    spec = find_spec("numpy")
    if spec is None or spec.origin is None:
        return
    for library in (Path(spec.origin).parent.parent / "numpy.libs").glob("libscipy_openblas*"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(str(library)).scipy_openblas_set_num_threads64_(1)
