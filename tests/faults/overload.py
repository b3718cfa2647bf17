"""Four times more requests than the server can do, for a minute, beside live calls. `make overload`.

First the peak: as many clients as keep it busy, each with one request at a time. Then requests come at a fixed rate
that asks nobody whether the last one was answered. Callers are on the line all the while. The clients are a process of
their own, so that they and the callers do not wait for each other, and the server has a core to itself where there are
two: what it does with too many requests is the question, and not what it does without a processor. What counts is what
is still done well: goodput, the answers that came in time, in parts of the peak; what the excess is told; memory; and
what callers hear meanwhile.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import psutil
from tests.faults.__main__ import say
from tests.faults.clients import Target, at_peak, at_rate
from tests.faults.nursery import open_nursery
from tests.faults.office import open_office
from tests.faults.replica_set import ReplicaSet, replica_set
from tests.faults.workers import AUTH_TOKEN, PUBLIC_URL, Worker, workers
from tests.faults.workload import CALLER, Owner
from tests.support.switchboard import tone

from callgenie.mongo.schema import init_db
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Action, Listen, Play, rehearse

PEAK_SECONDS = 10.0
TIMES = 4
GOODPUT_MIN = 0.8
# What 48 requests in hand, their answers and the driver's connections may take; the excess must not be kept.
GROWTH_MB_MAX = 100
# We send 200 ms ahead of the ear. A simulator that is later than half of that makes holes of its own.
ON_TIME_MS = 100.0


async def hold_calls(worker: Worker, owner: Owner, until: asyncio.Event) -> list[CallReport]:
    """Hold calls one after the other until told to stop; return how they went."""
    assert owner.number is not None
    reports: list[CallReport] = []
    actions: list[Action] = [Listen()]
    for _ in range(4):
        actions += [Play(tone(500), label="question"), Listen(quiet_ms=500)]
    steps = await rehearse(actions)
    while not until.is_set():
        async with SimulatedCarrier(worker.url, AUTH_TOKEN, public_url=PUBLIC_URL) as carrier:
            reports.append(await carrier.call(Dialling(CALLER, owner.number, steps)))
    return reports


@contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """Start what is started within on these cores; it stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def overload(seconds: float) -> int:
    """Measure and say; return 1 if a goal is missed, 2 if the run shows nothing."""
    first, *others = sorted(os.sched_getaffinity(0))
    async with AsyncExitStack() as stack:
        stack.enter_context(on(set(others) or {first}))
        cluster = await stack.enter_async_context(replica_set())
        await init_db(cluster.client["callgenie"])
        with on({first}):
            nursery = await stack.enter_async_context(open_nursery())
        (worker,) = await stack.enter_async_context(workers(cluster.uri, nursery, 1))
        return await _overload(cluster, worker, seconds)


async def _overload(cluster: ReplicaSet, worker: Worker, seconds: float) -> int:
    owners, _ = await open_office(worker, cluster.client["callgenie"])
    target = Target(worker.url, owners[1].token)
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        calling = [group.create_task(hold_calls(worker, owners[2], over)) for _ in range(owners[2].limit_concurrent)]
        await at_peak(target, 2)
        peak = await at_peak(target, PEAK_SECONDS)
        say(f"peak: {peak.goodput:.0f} a second, {peak.told}")
        assert worker.process is not None
        memory = psutil.Process(worker.process.pid).memory_info
        before = memory().rss
        loaded = await at_rate(target, peak.goodput * TIMES, seconds)
        grown = (memory().rss - before) / 1e6
        after = await at_peak(target, PEAK_SECONDS)
        over.set()
    reports = [report for each in calling for report in each.result()]
    streams = [report.stream for report in reports if report.stream is not None]
    ratio, times = loaded.goodput / peak.goodput, loaded.rate / peak.goodput
    say(f"{times:.1f} times that for {seconds:.0f} s: {loaded.goodput:.0f} a second in time, {ratio:.2f} of the peak")
    say(f"    told: {loaded.told}; 429 and 5xx without Retry-After: {loaded.without_retry_after}")
    say(f"    memory: {grown:+.0f} MB; afterwards {after.goodput:.0f} a second")
    judged = [stream for stream in streams if stream.lag_ms_max <= ON_TIME_MS]
    holes = sum(len(stream.gaps) for stream in judged)
    say(
        f"    calls: {len(reports)}, of them answered {len(streams)}, "
        f"holes in the speech of {len(judged)} whose simulator was on time: {holes}"
    )
    if times < TIMES * 0.9:
        say("    The clients did not come so far, so this run shows nothing: give it a machine with more cores.")
        return 2
    wrong = {
        f"goodput below {GOODPUT_MIN} of the peak": ratio < GOODPUT_MIN,
        "refusals without Retry-After": loaded.without_retry_after > 0,
        "requests without an answer": loaded.told.get("0", 0) > 0,
        f"memory grew by more than {GROWTH_MB_MAX} MB": grown > GROWTH_MB_MAX,
        "calls that were not answered": len(streams) < len(reports),
        "no call was held": not reports,
        "holes in speech": holes > 0,
    }
    for what in (found := [what for what, is_so in wrong.items() if is_so]):
        say(f"    MISSED: {what}")
    return 1 if found else 0


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    return asyncio.run(overload(parser.parse_args().seconds))


if __name__ == "__main__":
    sys.exit(main())
