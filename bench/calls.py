"""(c) and (d): simulated calls at once in one server process, the simulator in this one.

(c) has scripted ears, mind and voice, so that what is left is CallGenie's own work: the media socket, the detector of
speech, turn taking, playback, the record. (d) has the embedded providers, one core for the server and its database,
and asks how long a caller waits.
"""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote

import httpx

from bench.measured_server import QUESTIONS
from bench.processes import RunningServer, server
from callgenie.mongo.client import connect
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Listen, Pause, Play, Step, rehearse
from callgenie.voice.providers.nanotts import NanoTextToSpeech
from callgenie.voice.providers.workers import Workers
from callgenie.voice.timings import Timings

NUMBER = "+14155550123"
CALLER = "+14155550188"
# Nearly in step: all callers speak at the same time, which is the worst that they can do to each other.
APART_SECONDS = 0.17
# An exchange takes some six seconds, so callers this far apart speak now alone and now into each other.
SPREADS_SECONDS = (1.3, 1.9, 2.6)
EXCHANGES = 5
SETTLE_SECONDS = 4.0
WINDOW_SECONDS = 16.0
FAQ = [
    {"question": "Do you deliver cakes?", "answer": "Yes, we deliver inside the city for five pounds."},
    {"question": "Where can I park my car?", "answer": "You can park for free behind the shop."},
]


@dataclass(frozen=True, slots=True)
class Load:
    """What the server did while so many calls were running.

    `added_ms` is what CallGenie itself took for each answer: `serverE2e` without the quiet that it waits for on
    purpose. The providers are scripted and take no time.
    """

    calls: int
    cpu_percent: float
    memory_mb: float
    lag_p99_ms: float
    gaps: int = 0
    late_ms_max: float = 0.0
    added_ms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long callers waited for an answer, as the server and as they themselves saw it."""

    calls: int
    in_step: bool
    answers: int
    server_p50_ms: float
    server_p95_ms: float
    heard_p50_ms: float
    heard_p95_ms: float


async def measure_load(at_once: Sequence[int]) -> tuple[Load, list[Load]]:
    """Return the idle server's figures and those at each number of calls."""
    async with Office("scripted") as office:
        await asyncio.sleep(SETTLE_SECONDS)
        # One call first, so that what is loaded once is not counted as the first call's.
        await office.calls(1)
        idle = await office.watch(0)
        return idle, [await office.load(calls) for calls in at_once]


async def measure_waiting(at_once: Sequence[int]) -> list[Waiting]:
    """Return how long answers took at each number of calls, and at the last number when all callers speak at once."""
    async with Office("embedded", cores=1) as office:
        await office.calls(1)
        apart = [await office.waiting(calls) for calls in at_once]
        return [*apart, await office.waiting(at_once[-1], in_step=True)]


class Office:
    """A server with one user on the largest plan, and a carrier that calls them."""

    def __init__(self, providers: str, *, cores: int | None = None) -> None:
        self._running = server(providers, cores=cores)

    async def __aenter__(self) -> Self:
        self._server: RunningServer = await self._running.__aenter__()
        self._http = httpx.AsyncClient(base_url=self._server.url, timeout=30, trust_env=False)
        self._carrier = SimulatedCarrier(self._server.url, self._server.auth_token)
        self._steps = await _script()
        await self._set_up()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._carrier.__aexit__(None, None, None)
        await self._http.aclose()
        await self._running.__aexit__(None, None, None)

    async def _set_up(self) -> None:
        body = {"email": "bench@example.com", "password": "measure twice cut once", "name": "Bench"}
        answer = (await self._http.post("/api/auth/register", json=body)).raise_for_status().json()
        self._http.headers["Authorization"] = f"Bearer {answer['accessToken']}"
        database = await connect(self._server.mongodb_uri())
        try:
            await NumberPool(NumberStore(database.db)).import_numbers([NUMBER])
            await database.db["userprofiles"].update_one({}, {"$set": {"subscription.plan": "enterprise"}})
        finally:
            await database.close()
        (await self._http.post("/api/user/assign-phone", json={})).raise_for_status()
        business = {"company": "Harbour Bakery", "greeting": "Harbour Bakery, good morning.", "faq": FAQ}
        (await self._http.patch("/api/user/profile", json={"business": business})).raise_for_status()

    async def calls(self, number: int, apart_seconds: float = APART_SECONDS) -> list[CallReport]:
        """Make so many calls at once, and return what became of them."""

        async def call(place: int) -> CallReport:
            await asyncio.sleep(place * apart_seconds)
            return await self.call()

        reports = await asyncio.gather(*(call(place) for place in range(number)))
        assert all(report.stream is not None for report in reports), [report.announcement for report in reports]
        return list(reports)

    async def call(self) -> CallReport:
        """Make one call, which may be refused; return what became of it."""
        return await self._carrier.call(Dialling(CALLER, NUMBER, self._steps))

    def memory_mb(self) -> float:
        """Return the server's own memory."""
        return self._server.memory_mb()

    async def loop(self) -> dict[str, float]:
        """Return how late the server's event loop was since the last time."""
        figures: dict[str, float] = (await self._http.get("/bench/loop")).raise_for_status().json()
        return figures

    async def watch(self, calls: int) -> Load:
        """Return what the server does in a while."""
        await self.loop()
        before = self._server.cpu_seconds()
        await asyncio.sleep(WINDOW_SECONDS)
        cpu_percent = (self._server.cpu_seconds() - before) / WINDOW_SECONDS * 100
        loop = await self.loop()
        return Load(calls, cpu_percent, self._server.memory_mb(), loop["p99"])

    async def load(self, calls: int) -> Load:
        """Return what the server does while so many calls run."""
        ringing = asyncio.create_task(self.calls(calls))
        await asyncio.sleep(SETTLE_SECONDS + calls * APART_SECONDS)
        seen = await self.watch(calls)
        reports = await ringing
        streams = [report.stream for report in reports if report.stream is not None]
        on_purpose = Timings().reply_after_question_ms
        return replace(
            seen,
            gaps=sum(len(stream.gaps) for stream in streams),
            late_ms_max=max(stream.lag_ms_max for stream in streams),
            added_ms=tuple(served - on_purpose for served in await self._served(reports)),
        )

    async def waiting(self, calls: int, *, in_step: bool = False) -> Waiting:
        """Return how long the answers of so many calls took."""
        reports: list[CallReport] = []
        for apart_seconds in [APART_SECONDS] if in_step else SPREADS_SECONDS:
            reports += await self.calls(calls, apart_seconds)
        heard = [latency for report in reports if report.stream for latency in report.stream.latencies_ms]
        served = await self._served(reports)
        return Waiting(calls, in_step, len(served), *_p50_p95(served), *_p50_p95(heard))

    async def _served(self, reports: Sequence[CallReport]) -> list[int]:
        """Return `serverE2e` of every answer, as the record has it."""
        served: list[int] = []
        for report in reports:
            answer = await self._http.get(f"/api/user/conversations/{quote(report.session_id, safe='')}")
            for turn in answer.raise_for_status().json()["turns"]:
                e2e = (turn.get("latency") or {}).get("serverE2e")
                if turn["role"] == "assistant" and e2e is not None:
                    served.append(e2e)
        return served


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value below which so many percent of the others are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _p50_p95(values: Sequence[float]) -> tuple[float, float]:
    return statistics.median(values), percentile(values, 95)


async def spoken_questions() -> list[bytes]:
    """Return what callers ask, as PCM at 8 kHz."""
    voice = NanoTextToSpeech(Workers())
    return [
        b"".join([piece async for piece in voice.stream(text, sample_rate=8_000, language="en", voice="nanotts-en-gb")])
        for text in QUESTIONS
    ]


async def _script() -> tuple[Step, ...]:
    spoken = await spoken_questions()
    steps: list[Listen | Play | Pause] = [Listen()]
    for turn in range(EXCHANGES):
        steps += [Play(spoken[turn % len(spoken)], label=QUESTIONS[turn % len(spoken)]), Listen(quiet_ms=700)]
    return await rehearse(steps)
