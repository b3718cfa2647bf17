import asyncio
import threading

import pytest

from callgenie.voice.ports import ProviderError
from callgenie.voice.providers import workers as module
from callgenie.voice.providers.workers import Workers


async def test_work_runs_in_a_thread_and_its_result_and_failure_come_back() -> None:
    workers = Workers()
    assert await workers.run("model", threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await workers.run("model", divmod, 1, 0)
    workers.close()


async def test_too_much_work_is_refused_at_once_and_taken_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAITING_MAX", 1)
    workers = Workers()
    gate = threading.Event()
    jobs = [asyncio.ensure_future(workers.run("model", gate.wait, 5)) for _ in range(workers.threads + 1)]
    await asyncio.sleep(0)
    with pytest.raises(ProviderError) as refused:
        await workers.run("model", gate.wait, 5)
    assert (refused.value.category, refused.value.permanent) == ("overloaded", False)
    gate.set()
    await asyncio.gather(*jobs)
    assert await workers.run("model", gate.wait, 5)
    workers.close()


async def test_a_job_that_nobody_waits_for_any_more_still_counts_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_WAITING_MAX", 0)
    workers = Workers()
    gate = threading.Event()
    jobs = [asyncio.ensure_future(workers.run("model", gate.wait, 5)) for _ in range(workers.threads)]
    await asyncio.sleep(0)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    with pytest.raises(ProviderError):
        await workers.run("model", gate.wait, 5)
    gate.set()
    workers.close()  # waits for the threads
    await asyncio.sleep(0.05)
    assert workers._jobs == 0
