"""(i): more calls than a process can hold, on noisy lines.

In quiet the detector of speech has next to nothing to do. On a line with noise, as most are, its network runs for all
of it, which is half of what a call costs then. So many callers call one after the other and stay; who is refused does
not call again. Those who are held are asked what they heard, everybody how long the webhook took, and a program that
saves conversations meanwhile, as well as the log, what became of the rest of the server.
"""

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from bench.calls import CALLER, FAQ, percentile, spoken_questions
from bench.lines import LineReport, Lines, Sounds
from bench.processes import RunningServer, server
from callgenie.mongo.client import connect
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore

# The largest plan has fifty calls at once.
OWNERS: Final = 8
APART_SECONDS: Final = 0.1
SETTLE_SECONDS: Final = 4.0
WINDOW_SECONDS: Final = 20.0
CALM_SECONDS: Final = 5.0
PROBE_SECONDS: Final = 0.5
_HANG_UP_SECONDS_MAX: Final = 30.0
# What a process that does too much says.
FAILURES: Final = (
    "job.failed",
    "call.ring_failed",
    "call.beat_failed",
    "call.settlement_left_to_sweeper",
    "call.expired",
    "carrier.media_refused",
    "carrier.stream_lost",
    "http.overloaded",
)


@dataclass(slots=True)
class Full:
    """What became of so many callers. Times are milliseconds.

    Attributes:
        held: Calls that were held to their end.
        cut_off: Calls that were held and ended before their callers hung up.
        failed: Callers who were neither held nor told anything.
        held_webhook_ms: How long the webhooks of calls that were held took, at most.
        refused_webhook_ms: The same of those that were refused.
        gaps: Holes in the assistant's speech, because frames came late; `calls_with_gaps` had them.
        answer_ms: From the end of a question to the first sound of its answer.
        saves: How long a program waited that saved conversations; `saves_failed` were not saved.
        logged: How often the log tells of each failure.
        own_lag_ms: How late the callers' own clock was at most; a run that was later than 200 ms tells little.
    """

    calls: int
    held: int = 0
    refused: int = 0
    failed: int = 0
    cut_off: int = 0
    held_webhook_ms: float = 0.0
    refused_webhook_ms: float = 0.0
    cpu_percent: float = 0.0
    lag_p50_ms: float = 0.0
    lag_p99_ms: float = 0.0
    gaps: int = 0
    calls_with_gaps: int = 0
    answers: int = 0
    unanswered: int = 0
    answer_p50_ms: float = 0.0
    answer_p99_ms: float = 0.0
    saves: int = 0
    saves_failed: int = 0
    save_p50_ms: float = 0.0
    save_max_ms: float = 0.0
    own_lag_ms: float = 0.0
    logged: Counter[str] = field(default_factory=Counter)


async def measure(counts: Sequence[int], noise_dbfs: float | None) -> list[Full]:
    """Return what became of each number of callers, each on a server that has rested."""
    sounds = Sounds(await spoken_questions(), noise_dbfs)
    async with server("scripted") as running:
        office = _Office(running, sounds)
        async with office.http:
            await office.open()
            # What is loaded once, and the first greeting.
            await office.measure(1, window_seconds=1.0)
            return [await office.measure(calls) for calls in counts]


class _Office:
    """Owners whose numbers are called in turn, and one more who saves conversations."""

    def __init__(self, running: RunningServer, sounds: Sounds) -> None:
        self.http = httpx.AsyncClient(base_url=running.url, timeout=30, trust_env=False)
        self._running = running
        self._sounds = sounds
        self._numbers: list[str] = []
        self._token = ""
        self._saved = 0

    async def open(self) -> None:
        """Sign everybody up."""
        database = await connect(self._running.mongodb_uri())
        try:
            await NumberPool(NumberStore(database.db)).import_numbers([f"+1415555{4_000 + n}" for n in range(OWNERS)])
            for number in range(OWNERS):
                body = {"email": f"{number}@example.com", "password": "measure twice cut once", "name": "Bench"}
                registered = (await self.http.post("/api/auth/register", json=body)).raise_for_status().json()
                headers = {"Authorization": f"Bearer {registered['accessToken']}"}
                assigned = await self.http.post("/api/user/assign-phone", json={}, headers=headers)
                self._numbers.append(assigned.raise_for_status().json()["phoneNumber"])
                business = {"company": "Harbour Bakery", "greeting": "Harbour Bakery, good morning.", "faq": FAQ}
                changed = await self.http.patch("/api/user/profile", json={"business": business}, headers=headers)
                changed.raise_for_status()
                self._token = registered["accessToken"]
            await database.db["userprofiles"].update_many({}, {"$set": {"subscription.plan": "enterprise"}})
        finally:
            await database.close()

    async def measure(self, calls: int, window_seconds: float = WINDOW_SECONDS) -> Full:
        """Call so many times, watch for a while, and hang up."""
        before, until, full = self._running.logged(), asyncio.Event(), Full(calls)
        async with Lines(self._running.url, self._running.auth_token, self._sounds) as lines:
            calling = [asyncio.create_task(self._call(lines, place, until)) for place in range(calls)]
            saving = asyncio.create_task(self._save(full))
            await asyncio.sleep(calls * APART_SECONDS + SETTLE_SECONDS)
            await self._loop()
            cpu, began = self._running.cpu_seconds(), time.monotonic()
            lines.lag_ms_max = 0.0
            await asyncio.sleep(window_seconds)
            full.cpu_percent = (self._running.cpu_seconds() - cpu) / (time.monotonic() - began) * 100
            full.own_lag_ms = lines.lag_ms_max
            saving.cancel()
            loop = await self._loop()
            full.lag_p50_ms, full.lag_p99_ms = loop["p50"], loop["p99"]
            until.set()
            done, late = await asyncio.wait(calling, timeout=_HANG_UP_SECONDS_MAX)
            for task in late:
                task.cancel()
        _judge(full, [task.result() for task in done], len(late))
        await asyncio.sleep(CALM_SECONDS)
        now = self._running.logged()
        full.logged = Counter({event: now[event] - before[event] for event in FAILURES if now[event] > before[event]})
        return full

    async def _call(self, lines: Lines, place: int, until: asyncio.Event) -> LineReport:
        await asyncio.sleep(place * APART_SECONDS)
        return await lines.call(CALLER, self._numbers[place % len(self._numbers)], until)

    async def _loop(self) -> dict[str, float]:
        try:
            figures: dict[str, float] = (await self.http.get("/bench/loop")).raise_for_status().json()
        except httpx.HTTPError:
            # A server that does not say how late it is is late.
            return {"p50": _HANG_UP_SECONDS_MAX * 1_000, "p99": _HANG_UP_SECONDS_MAX * 1_000}
        return figures

    async def _save(self, full: Full) -> None:
        waited: list[float] = []
        while True:
            self._saved += 1
            body = {
                "sessionId": f"saved-{self._saved}",
                "phoneNumber": CALLER,
                "userMessage": "Do you deliver?",
                "aiResponse": "Yes, inside the city.",
                "duration": 30,
                "status": "completed",
            }
            began = time.monotonic()
            try:
                answer = await self.http.post(
                    "/api/user/conversations",
                    content=json.dumps(body),
                    headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
                )
                full.saves_failed += not answer.is_success
            except httpx.HTTPError:
                full.saves_failed += 1
            waited.append((time.monotonic() - began) * 1_000)
            full.saves, full.save_p50_ms, full.save_max_ms = len(waited), statistics.median(waited), max(waited)
            await asyncio.sleep(PROBE_SECONDS)


def _judge(full: Full, reports: Sequence[LineReport], late: int) -> None:
    held = [report for report in reports if report.held]
    refused = [report for report in reports if report.announcement]
    full.held = sum(not report.cut_off for report in held)
    full.cut_off = sum(report.cut_off for report in held)
    full.refused = len(refused)
    full.failed = sum(bool(report.failed) for report in reports) + late
    full.held_webhook_ms = max((report.webhook_ms for report in held), default=0.0)
    full.refused_webhook_ms = max((report.webhook_ms for report in refused), default=0.0)
    full.gaps = sum(len(report.gap_ms) for report in held)
    full.calls_with_gaps = sum(bool(report.gap_ms) for report in held)
    answers = [waited for report in held for waited in report.answer_ms]
    full.answers, full.unanswered = len(answers), sum(report.unanswered for report in held)
    if answers:
        full.answer_p50_ms, full.answer_p99_ms = statistics.median(answers), percentile(answers, 99)
