"""A child process has ended and holds nothing once it is closed, whatever it did and whenever that was asked."""

import asyncio
import gc
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

import pytest
from tests.support.processes import children, open_files

from callgenie.kernel.child_process import ChildProcess

SLEEPS = (sys.executable, "-c", "import time; time.sleep(600)")
# More than asyncio buffers: the reading stops, and the end of the output is never seen.
FLOODS = (sys.executable, "-c", "import os\nwhile True: os.write(1, bytes(65_536))")
ENDS_WITH_ITS_INPUT = (sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(7)")


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    # Earlier tests of the same process may have left children and files that last as long as it does.
    processes, files = children(), open_files()
    yield
    assert children() - processes == set()
    assert open_files() - files == set()
    gc.collect()  # an unclosed transport is a warning, and so a failure of this very test


async def test_a_process_that_sleeps_is_killed() -> None:
    child = await ChildProcess.start(*SLEEPS, stdin=PIPE, stdout=PIPE)
    assert child.returncode is None
    await child.close()
    assert child.returncode == -SIGKILL


async def test_a_process_whose_output_nobody_reads_is_killed() -> None:
    async with await ChildProcess.start(*FLOODS, stdout=PIPE, limit=1_024) as child:
        assert child.stdout is not None
        await child.stdout.readexactly(10)
    assert child.returncode == -SIGKILL


async def test_a_process_may_end_by_itself_when_its_input_ends() -> None:
    child = await ChildProcess.start(*ENDS_WITH_ITS_INPUT, stop_seconds=60, stdin=PIPE)
    await child.close()
    assert child.returncode == 7


async def test_a_process_that_does_not_end_with_its_input_is_killed_after_its_time() -> None:
    child = await ChildProcess.start(*SLEEPS, stop_seconds=0.05, stdin=PIPE)
    await child.close()
    assert child.returncode == -SIGKILL


async def test_a_process_that_has_ended_is_closed_with_its_own_exit_code() -> None:
    async with await ChildProcess.start(*ENDS_WITH_ITS_INPUT, stdin=DEVNULL, stdout=PIPE) as child:
        assert await child.wait() == 7
    assert child.returncode == 7


async def test_what_a_process_wrote_before_its_exit_can_still_be_read() -> None:
    async with await ChildProcess.start(sys.executable, "-c", "print('done')", stdout=PIPE) as child:
        await child.wait()
        assert child.stdout is not None
        assert await child.stdout.read() == b"done\n"


async def test_closing_twice_and_by_two_tasks_is_harmless() -> None:
    child = await ChildProcess.start(*SLEEPS, stdout=PIPE)
    await asyncio.gather(child.close(), child.close())
    await child.close()
    assert child.returncode == -SIGKILL


async def test_a_program_that_there_is_not_raises_what_the_system_says() -> None:
    with pytest.raises(FileNotFoundError):
        await ChildProcess.start("/nowhere/program", stdin=PIPE, stdout=PIPE)


@pytest.mark.parametrize("turns", range(8))
async def test_a_start_that_is_cancelled_leaves_no_process(turns: int) -> None:
    starting = asyncio.create_task(ChildProcess.start(*SLEEPS, stdin=PIPE, stdout=PIPE))
    for _ in range(turns):
        await asyncio.sleep(0)
    done = starting.done()
    starting.cancel()
    with suppress(asyncio.CancelledError):
        child = await starting
        assert done
        await child.close()


@pytest.mark.parametrize("turns", range(4))
async def test_a_close_that_is_cancelled_is_finished_all_the_same(turns: int) -> None:
    child = await ChildProcess.start(*SLEEPS, stdin=PIPE, stdout=PIPE)
    closing = asyncio.create_task(child.close())
    await asyncio.sleep(0)
    for _ in range(turns):
        closing.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError):
        await closing
    assert child.returncode == -SIGKILL


async def test_a_process_that_gets_time_to_stop_is_not_killed_because_the_stop_is_cancelled(tmp_path: Path) -> None:
    flag = tmp_path / "stopped in order"
    slow = "import pathlib, sys, time; sys.stdin.read(); time.sleep(0.2); pathlib.Path(sys.argv[1]).touch()"
    child = await ChildProcess.start(sys.executable, "-c", slow, str(flag), stop_seconds=60, stdin=PIPE)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await child.close()
    assert child.returncode == 0
    assert flag.exists()
