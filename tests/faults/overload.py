"""Four times more requests than the server can do, for a minute, beside live calls. `make overload`.

First the peak: as many clients as keep it busy, each with one request at a time. Then requests come at a fixed rate
that asks nobody whether the last one was answered. What counts is what is still done well: goodput, the answers that
came in time, in parts of the peak; what the excess is told; memory; and what callers hear meanwhile.
"""

import argparse
import asyncio
import itertools
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import psutil
from tests.faults.__main__ import say
from tests.faults.office import open_office
from tests.faults.replica_set import replica_set
from tests.faults.workers import AUTH_TOKEN, PUBLIC_URL, Worker, workers
from tests.faults.workload import CALLER, Owner
from tests.support.switchboard import tone

from callgenie.mongo.schema import init_db
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Action, Listen, Play, rehearse

PEAK_SECONDS = 10.0
CLIENTS = 24
TIMES = 4
# What a client waits for an answer before it is of no use any more.
IN_TIME_SECONDS = 5.0
CALLS = 4
GOODPUT_MIN = 0.8
_OUT_AT_ONCE_MAX = 500


@dataclass
class Tally:
    """What came back. `told` counts HTTP statuses; 0 is no answer."""

    told: Counter[int] = field(default_factory=Counter)
    in_time: int = 0
    without_retry_after: int = 0
    seconds: float = 0.0

    @property
    def goodput(self) -> float:
        """Requests a second that were done in time."""
        return self.in_time / self.seconds


class Clients:
    """Saves exchanges of one owner, each a conversation of its own."""

    def __init__(self, worker: Worker, owner: Owner) -> None:
        self._url = worker.url + "/api/user/conversations"
        self._headers = {"Authorization": f"Bearer {owner.token}"}
        self._numbers = itertools.count()
        self._out = 0
        limits = httpx.Limits(max_connections=_OUT_AT_ONCE_MAX, max_keepalive_connections=_OUT_AT_ONCE_MAX)
        self.http = httpx.AsyncClient(timeout=30, trust_env=False, limits=limits)

    async def save(self, tally: Tally) -> None:
        """Send one, and count what came back."""
        number = next(self._numbers)
        body = {
            "sessionId": f"load-{number}",
            "phoneNumber": CALLER,
            "userMessage": "Do you deliver?",
            "aiResponse": "Yes, inside the city.",
        }
        began = time.monotonic()
        self._out += 1
        try:
            response = await self.http.post(self._url, json=body, headers=self._headers)
        except httpx.HTTPError:
            tally.told[0] += 1
            return
        finally:
            self._out -= 1
        tally.told[response.status_code] += 1
        tally.in_time += response.is_success and time.monotonic() - began <= IN_TIME_SECONDS
        tally.without_retry_after += response.is_server_error and "retry-after" not in response.headers

    async def at_peak(self, seconds: float) -> Tally:
        """Keep the server as busy as it can be."""
        tally, end = Tally(seconds=seconds), time.monotonic() + seconds

        async def client() -> None:
            while time.monotonic() < end:
                await self.save(tally)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return tally

    async def at_rate(self, rate: float, seconds: float) -> Tally:
        """Send so many a second, whatever becomes of them."""
        tally, began, sent = Tally(seconds=seconds), time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while (passed := time.monotonic() - began) < seconds:
                due = int(passed * rate) - sent
                # A generator that drowns in its own requests measures itself.
                for _ in range(max(0, min(due, _OUT_AT_ONCE_MAX - self._out))):
                    group.create_task(self.save(tally))
                sent += due
                await asyncio.sleep(0.01)
        return tally


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


async def overload(seconds: float) -> int:
    """Measure and say; return 1 if a goal is missed."""
    async with replica_set() as cluster:
        await init_db(cluster.client["callgenie"])
        async with workers(cluster.uri, 1) as (worker,):
            owners, _ = await open_office(worker, cluster.client["callgenie"])
            clients = Clients(worker, owners[1])
            await clients.at_peak(2)
            peak = await clients.at_peak(PEAK_SECONDS)
            say(f"peak: {peak.goodput:.0f} a second, {dict(peak.told)}")
            assert worker.process is not None
            memory = psutil.Process(worker.process.pid).memory_info
            before, over = memory().rss, asyncio.Event()
            calling = [asyncio.create_task(hold_calls(worker, owners[2], over)) for _ in range(CALLS)]
            await asyncio.sleep(2)
            loaded = await clients.at_rate(peak.goodput * TIMES, seconds)
            grown = (memory().rss - before) / 1e6
            over.set()
            reports = [report for each in await asyncio.gather(*calling) for report in each]
            after = await clients.at_peak(PEAK_SECONDS)
            await clients.http.aclose()
    streams = [report.stream for report in reports if report.stream is not None]
    ratio = loaded.goodput / peak.goodput
    say(f"{TIMES} times that for {seconds:.0f} s: {loaded.goodput:.0f} a second done in time, {ratio:.2f} of the peak")
    say(f"    told: {dict(loaded.told)}; 5xx without Retry-After: {loaded.without_retry_after}")
    say(f"    memory: {grown:+.0f} MB; afterwards {after.goodput:.0f} a second")
    say(
        f"    calls: {len(reports)}, of them answered {len(streams)}, "
        f"holes in speech {sum(len(stream.gaps) for stream in streams)}, "
        f"simulator late by at most {max((stream.lag_ms_max for stream in streams), default=0):.0f} ms"
    )
    return 0 if ratio >= GOODPUT_MIN and not loaded.without_retry_after else 1


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    return asyncio.run(overload(parser.parse_args().seconds))


if __name__ == "__main__":
    sys.exit(main())
