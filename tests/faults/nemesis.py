"""What breaks, when: each fault is a coroutine that breaks something, waits, and leaves the mending to the run."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from tests.faults.checks import age_leases
from tests.faults.replica_set import ReplicaSet
from tests.faults.workers import Worker
from tests.support.mail_sink import Letterbox

_CALL_WITHIN_SECONDS = 20.0
_WRITE_CONCERN_FAILED = 64


@dataclass(frozen=True, slots=True)
class Stage:
    """What a nemesis can reach. `said` takes a line for each thing it does, `complain` what it must not do to us."""

    cluster: ReplicaSet
    crew: Sequence[Worker]
    randomness: random.Random
    said: Callable[[str], None]
    complain: Callable[[str], None]
    letterbox: Letterbox
    db: AsyncDatabase[dict[str, Any]]
    holds_a_call: Callable[[Worker], bool]


async def nothing(stage: Stage) -> None:
    """Break nothing: a run that fails then shows a fault of the run itself."""
    await asyncio.sleep(stage.randomness.uniform(1, 3))


async def kill_primary(stage: Stage) -> None:
    """Kill -9 the primary, and the one that follows it once the first is back."""
    for _ in range(2):
        node = await stage.cluster.primary()
        stage.said(f"kill -9 node {node.number}, the primary")
        node.kill()
        await asyncio.sleep(stage.randomness.uniform(3, 5))
        await stage.cluster.heal()


async def freeze_primary(stage: Stage) -> None:
    """Freeze the primary long enough for another to take over, and wake it with all that it had in its hands."""
    node = await stage.cluster.primary()
    seconds = stage.randomness.uniform(6, 15)
    stage.said(f"freeze node {node.number}, the primary, for {seconds:.1f} s")
    node.freeze()
    await asyncio.sleep(seconds)
    node.wake()
    await asyncio.sleep(2)


async def stop_majority(stage: Stage) -> None:
    """Stop two of three: nobody can take a write until one of them is back."""
    nodes = stage.randomness.sample(stage.cluster.nodes, 2)
    stage.said(f"kill -9 nodes {nodes[0].number} and {nodes[1].number}")
    for node in nodes:
        node.kill()
    await asyncio.sleep(stage.randomness.uniform(3, 7))


async def kill_isolated_primary(stage: Stage) -> None:
    """Kill both secondaries, then the primary: what it took alone is gone, and must not have been acknowledged."""
    node = await stage.cluster.primary()
    others = [other for other in stage.cluster.nodes if other is not node]
    stage.said(f"kill -9 both secondaries, then node {node.number}, the primary")
    # Freezing them would not do: what the primary streamed to them waits in their sockets.
    for other in others:
        other.kill()
    # Shorter than the primary needs to notice that it is alone.
    await asyncio.sleep(1.7)
    node.kill()
    for other in others:
        other.start()
    # They must have chosen a new one before the old one is back, or its writes would be there again.
    await stage.cluster.primary()
    await stage.cluster.heal()


async def freeze_all_nodes(stage: Stage) -> None:
    """Freeze all three: nobody is voted out, and whatever waits in the primary's hands is done late, on waking."""
    for _ in range(2):
        seconds = stage.randomness.uniform(5, 8)
        stage.said(f"freeze all nodes for {seconds:.1f} s")
        for node in stage.cluster.nodes:
            node.freeze()
        await asyncio.sleep(seconds)
        for node in stage.cluster.nodes:
            node.wake()
        await asyncio.sleep(2)


async def freeze_worker(stage: Stage) -> None:
    """Freeze an app process in the middle of its calls, past its leases, and wake it when others have ended them."""
    worker = await _in_a_call(stage)
    stage.said(f"freeze worker {worker.number} past its leases")
    worker.freeze()
    await asyncio.sleep(1)
    await age_leases(stage.db)
    await asyncio.sleep(stage.randomness.uniform(7, 9))
    worker.wake()


async def _in_a_call(stage: Stage) -> Worker:
    """Wait for a moment in which an app process holds a call, and return that one."""
    await asyncio.sleep(stage.randomness.uniform(0.5, 2.5))
    async with asyncio.timeout(_CALL_WITHIN_SECONDS):
        while True:
            for worker in stage.randomness.sample(list(stage.crew), len(stage.crew)):
                if stage.holds_a_call(worker):
                    return worker
            await asyncio.sleep(0.1)


async def take_mail_away(stage: Stage) -> None:
    """Let the mail server refuse everybody for a while, be slow, and break connections after it took a mail."""
    stage.said("the mail server refuses everybody, then it is slow, then it hangs up on what it has taken")
    stage.letterbox.refuse = "451 not now"
    await asyncio.sleep(3)
    stage.letterbox.refuse = None
    stage.letterbox.slow_seconds = 3
    await asyncio.sleep(3)
    stage.letterbox.slow_seconds = 0
    stage.letterbox.drop_after_data = True
    await asyncio.sleep(4)
    stage.letterbox.drop_after_data = False


async def fill_disk(stage: Stage) -> None:
    """Let the primary's disk run full: it ends, and comes back once there is room. Needs root."""
    node = await stage.cluster.primary()
    with node.small_disk() as disk:
        node.start()
        await stage.cluster.heal()
        await stage.cluster.lead(node)
        stage.said(f"fill the disk of node {node.number}, the primary")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(64 * 1024))
        await asyncio.sleep(stage.randomness.uniform(6, 9))
        filler.unlink()
        await stage.cluster.heal()
        await asyncio.sleep(2)
        node.kill()
    node.start()
    await stage.cluster.heal()


async def break_providers(stage: Stage) -> None:
    """Break the model, the voice and the recogniser, one after the other: calls end politely and are counted once."""
    for part in stage.randomness.sample(("model", "speech", "recogniser"), 3):
        how = stage.randomness.choice(("away", "slow", "cut", "garbage"))
        stage.said(f"the {part} is {how}")
        for worker in stage.crew:
            (worker.folder / f"{part}-is").write_text(how)
        await asyncio.sleep(4)
        for worker in stage.crew:
            (worker.folder / f"{part}-is").unlink()


async def turn_month(stage: Stage) -> None:
    """Let every period end in the middle of it all; the office was opened so that it does."""
    stage.said("the month turns")
    await asyncio.sleep(10)


async def kill_worker(stage: Stage) -> None:
    """Kill -9 an app process in the middle of its calls."""
    worker = await _in_a_call(stage)
    stage.said(f"kill -9 worker {worker.number}")
    worker.kill()
    await asyncio.sleep(1)
    await worker.start()


async def restart_worker(stage: Stage) -> None:
    """Ask an app process to end in the middle of its calls, as a deployment does, and start it again."""
    worker = await _in_a_call(stage)
    stage.said(f"SIGTERM to worker {worker.number}")
    worker.drain()
    if code := await worker.ended():
        stage.complain(f"worker {worker.number} was asked to end and ended with {code}: {worker.last_words()}")
    await worker.start()


async def restart_everything(stage: Stage) -> None:
    """Kill -9 all app processes and all nodes, and start them again."""
    stage.said("kill -9 everything")
    for worker in stage.crew:
        worker.kill()
    for node in stage.cluster.nodes:
        node.kill()
    await stage.cluster.heal()
    for worker in stage.crew:
        await worker.start()


async def lose_answers(stage: Stage) -> None:
    """Let the primary do writes and not say by how many: what is repeated then must not count twice."""
    stage.said("lose every third answer to a write")
    admin = stage.cluster.client.admin
    for labels in (["RetryableWriteError"], []):
        # Codes that tell of a shutdown would have the driver wait for another primary, which does not come.
        lost = {"code": _WRITE_CONCERN_FAILED, "errmsg": "the answer was lost", "errorLabels": labels}
        data = {
            "failCommands": ["findAndModify", "update", "insert"],
            "writeConcernError": lost,
            "errorLabels": labels,
            "appName": "callgenie",
        }
        mode = {"activationProbability": 0.33}
        await admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})
        await asyncio.sleep(4)
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})


Nemesis = Callable[[Stage], Awaitable[None]]

NEMESES: Mapping[str, Nemesis] = {
    nemesis.__name__.replace("_", "-"): nemesis
    for nemesis in (
        nothing,
        kill_primary,
        freeze_primary,
        stop_majority,
        kill_worker,
        restart_worker,
        restart_everything,
        lose_answers,
        kill_isolated_primary,
        freeze_all_nodes,
        freeze_worker,
        take_mail_away,
        turn_month,
        fill_disk,
        break_providers,
    )
}
