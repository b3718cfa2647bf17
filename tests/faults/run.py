"""One seeded run: an office at work, something breaks, everything mends, and the checker looks."""

import asyncio
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.checks import check_everything, come_to_rest, session_faults, watch_limits
from tests.faults.history import History, Operation, OperationOutcome
from tests.faults.nemesis import NEMESES, Stage
from tests.faults.nursery import Nursery
from tests.faults.office import open_office
from tests.faults.replica_set import ReplicaSet
from tests.faults.workers import Worker, workers
from tests.faults.workload import Workload
from tests.support.mail_sink import mail_sink

from callgenie.mongo.schema import init_db

_BEFORE_SECONDS = 3.0
_AFTER_SECONDS = 5.0
# We send 200 ms ahead of the ear. A simulator that is later than half of that makes holes of its own.
_ON_TIME_MS = 100.0
# A save is slow when it takes twice as long as the slowest of those before anything broke, and more than this.
_SLOW_FACTOR = 2
_SLOW_SECONDS_MIN = 0.5
# In all others no worker ends before its calls have, and the database is never away for as long as a lease.
_WORKERS_DIE = frozenset({"kill-worker", "freeze-worker", "restart-everything"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to.

    `gap_seconds` is the longest time in which no save was acknowledged; `slow_seconds` is how long after the last
    thing was broken some save still took longer than before it all. Holes in speech are only looked for in
    `calls_judged`, those whose simulator was itself on time: the others would tell of this machine.
    """

    fault: str
    seed: int
    operations: int
    acknowledged: int
    unknown: int
    calls_answered: int
    calls_judged: int
    gap_seconds: float
    slow_seconds: float
    speech_gaps: int
    faults: tuple[str, ...]


async def run(
    cluster: ReplicaSet,
    nursery: Nursery,
    fault: str,
    seed: int,
    *,
    said: Callable[[str], None] = lambda _line: None,
    log: Path | None = None,
) -> Verdict:
    """Run one fault with one seed on a database of its own."""
    # One each: how often the office draws depends on how fast it is, and what breaks must not depend on that.
    workings, breakings = (random.Random(f"{fault}/{seed}/{whose}") for whose in ("office", "nemesis"))  # noqa: S311
    name = f"run-{fault}-{seed}"[:60]
    db = cluster.client.get_database(name)
    await cluster.client.drop_database(name)
    uri = cluster.uri.replace("/callgenie?", f"/{name}?")
    history = History(log)
    await init_db(db)
    async with (
        mail_sink() as letterbox,
        workers(uri, nursery, SMTP_HOST="127.0.0.1", SMTP_PORT=str(letterbox.port), SMTP_TLS="none") as crew,
    ):
        ends = _BEFORE_SECONDS + 5 if fault == "turn-month" else None
        owners, racers = await open_office(crew[0], db, period_ends_in_seconds=ends)
        workload = Workload(history, crew, owners, racers, workings)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch_limits(db, owners, history, over))
            working = group.create_task(workload.run())
            try:
                await asyncio.sleep(_BEFORE_SECONDS)
                stage = Stage(
                    cluster=cluster,
                    crew=crew,
                    randomness=breakings,
                    said=history.breaking(said),
                    complain=history.complain,
                    letterbox=letterbox,
                    db=db,
                    holds_a_call=workload.holds_a_call,
                )
                await NEMESES[fault](stage)
                await _mend(cluster, crew)
                mended_at = history.now()
                await asyncio.sleep(_AFTER_SECONDS)
                workload.stop()
                await working
            finally:
                # Also when the nemesis fails: a driver may swallow a cancellation, but everybody heeds these.
                workload.stop()
                over.set()
            await watching
        if ends is not None and len(await db["usage"].distinct("periodStart")) < 2:
            history.complain("the month did not turn, so the run shows nothing")
        if not any(
            save.outcome is OperationOutcome.OK and (save.ended or 0) > mended_at for save in history.of("save")
        ):
            history.complain("no save was acknowledged any more, though all was mended")
        lived = fault not in _WORKERS_DIE
        if not await come_to_rest(db, workers_lived=lived):
            history.complain("nothing came to rest within a minute")
        faults = await check_everything(db, history, owners, racers, letterbox, workers_lived=lived)
        faults += await session_faults(history, crew)
        if log is not None and faults:
            for worker in crew:
                shutil.copy(worker.log, log.with_suffix(f".worker{worker.number}.jsonl"))
    history.close()
    await cluster.client.drop_database(name)
    return _verdict(fault, seed, history, workload, tuple(faults))


async def _mend(cluster: ReplicaSet, crew: list[Worker]) -> None:
    await cluster.heal()
    for worker in crew:
        await worker.heal()


def _slow_seconds(saves: Sequence[Operation], broken_at: Sequence[float]) -> float:
    if not broken_at:
        return 0.0
    before = [_seconds(save) for save in saves if save.ended is not None and save.ended < broken_at[0]]
    usual = max(_SLOW_SECONDS_MIN, _SLOW_FACTOR * max(before, default=0.0))
    slow = [save.ended for save in saves if save.ended is not None and _seconds(save) > usual]
    return max(0.0, max(slow, default=0.0) - broken_at[-1])


def _seconds(operation: Operation) -> float:
    return (operation.ended or operation.began) - operation.began


def _verdict(fault: str, seed: int, history: History, workload: Workload, faults: tuple[str, ...]) -> Verdict:
    saves = history.of("save")
    saved = sorted(save.ended or 0.0 for save in saves if save.outcome is OperationOutcome.OK)
    # Also from the last one to the end of the work, should none have come any more.
    gaps = [later - earlier for earlier, later in zip(saved, [*saved[1:], workload.stopped_at], strict=False)]
    streams = [report.stream for report in workload.reports if report.stream is not None]
    judged = [stream for stream in streams if stream.lag_ms_max <= _ON_TIME_MS]
    return Verdict(
        fault=fault,
        seed=seed,
        operations=len(history.operations),
        acknowledged=sum(1 for operation in history.operations if operation.outcome is OperationOutcome.OK),
        unknown=sum(1 for operation in history.operations if operation.outcome is OperationOutcome.UNKNOWN),
        calls_answered=len(streams),
        calls_judged=len(judged),
        gap_seconds=max(gaps, default=0.0),
        slow_seconds=_slow_seconds(saves, history.broken_at),
        speech_gaps=sum(len(stream.gaps) for stream in judged),
        faults=faults,
    )
