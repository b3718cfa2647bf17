"""What goes on while things break: an office that records calls, callers, sign-ins, forgotten passwords, a race."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import Any

import httpx
from tests.faults.history import History, OperationOutcome
from tests.faults.workers import AUTH_TOKEN, PUBLIC_URL, Worker
from tests.support.switchboard import tone

from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Listen, Pause, Play, Step, rehearse
from callgenie.telephony.twilio.twiml import TwimlError

PASSWORD = "correct horse battery"
CALLER = "+14155550188"
REQUEST_SECONDS_MAX = 12.0
# A client that did not hear an answer asks again, as ours are told to.
ATTEMPTS_MAX = 4
_PAUSE_SECONDS = 0.15
_QUESTIONS_OF_A_LONG_CALL = 7
_REFUSED_SECONDS_MAX = 1.5
# An old primary that still believes in itself is told otherwise by the next heartbeat.
_ALIVE_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of the run, and what their plan grants."""

    user_id: str
    email: str
    token: str
    number: str | None
    limit_calls: int
    limit_seconds: int
    limit_concurrent: int


@dataclass
class Workload:
    """Everything that is asked of the workers. Every operation goes to a random one that should be there."""

    history: History
    crew: Sequence[Worker]
    owners: Sequence[Owner]
    racers: Sequence[Owner]
    randomness: random.Random
    reports: list[CallReport] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    stopped_at: float = 0.0
    # Where each caller who is on the line was put through to, and since when.
    calling: dict[str, tuple[Worker, float]] = field(default_factory=dict)

    def stop(self) -> None:
        """Let everybody finish what they are at."""
        if not self.stopping.is_set():
            self.stopped_at = self.history.now()
            self.stopping.set()

    def holds_a_call(self, worker: Worker) -> bool:
        """Tell whether somebody talks with a worker; who is refused is gone before that."""
        since = self.history.now() - _REFUSED_SECONDS_MAX
        return any(who is worker and began < since for who, began in self.calling.values())

    async def run(self) -> None:
        """Work until stopped."""
        limits = httpx.Limits(max_connections=60)
        async with (
            httpx.AsyncClient(timeout=REQUEST_SECONDS_MAX, trust_env=False, limits=limits) as http,
            asyncio.TaskGroup() as group,
        ):
            for number in range(len(self.owners)):
                group.create_task(self._repeatedly(partial(self._record, http, number)))
                group.create_task(self._repeatedly(partial(self._record, http, number, 1)))
                # Two callers each: one more than the free plan has room for at a time.
                for _ in range(2):
                    group.create_task(self._repeatedly(partial(self._call, number)))
            # Long enough for more seconds to be asked for, and granted, while things break.
            group.create_task(self._call(len(self.owners) - 1, questions=_QUESTIONS_OF_A_LONG_CALL))
            group.create_task(self._repeatedly(lambda: self._sign_in_and_out(http)))
            group.create_task(self._repeatedly(lambda: self._forget(http)))
            for owner in self.racers:
                group.create_task(self._take_number(http, owner))

    # Each of these is one round; what it does is logged before and after.

    async def _record(self, http: httpx.AsyncClient, client: int, parts: int = 2) -> None:
        """Save a conversation of two exchanges, the second of which completes it; or begin one and leave it."""
        owner = self.owners[client % len(self.owners)]
        session_id = f"recorded.{client}.{parts}.{self.history.now():.3f}"
        seconds = self.randomness.randint(1, 40)
        for part in range(1, parts + 1):
            body: dict[str, Any] = {
                "sessionId": session_id,
                "phoneNumber": CALLER,
                "userMessage": f"question {part} of {session_id}",
                "aiResponse": f"answer {part} of {session_id}",
                "exchangeId": f"exchange-{part}",
            }
            if part == 2:
                body |= {"status": "completed", "duration": seconds}
            facts = {"owner": owner.user_id, "part": part, "seconds": seconds}
            done = await self._until_known(
                http, owner, "save", f"{session_id}/{part}", facts, "/api/user/conversations", body
            )
            if not done:
                return

    async def _until_known(
        self,
        http: httpx.AsyncClient,
        owner: Owner,
        kind: str,
        key: str,
        facts: dict[str, Any],
        path: str,
        body: dict[str, Any],
    ) -> bool:
        for _ in range(ATTEMPTS_MAX):
            with self.history.doing(kind, key, **facts) as operation:
                response = await self._post(http, path, body, token=owner.token)
                operation.answered(response)
            if operation.outcome is not OperationOutcome.UNKNOWN:
                return operation.outcome is OperationOutcome.OK
            await asyncio.sleep(0.2)
        return False

    async def _call(self, client: int, questions: int | None = None) -> None:
        """Let a caller ring, ask some questions and hang up; the carrier repeats and shuffles what it reports."""
        owner = self.owners[client % len(self.owners)]
        assert owner.number is not None
        session_id = "CA" + self.randomness.randbytes(16).hex()
        steps: list[Listen | Play | Pause] = [Listen()]
        for _ in range(questions or self.randomness.randint(1, 3)):
            steps += [Play(tone(500), label="question"), Listen(quiet_ms=500)]
        # Quiet before the end: the last turn was kept earlier than the call was over.
        steps.append(Pause(self.randomness.randint(0, 2_500)))
        shuffled = Faults(webhook_repeats=self.randomness.randint(0, 1), status_repeats=1, status_backwards=True)
        rehearsed: tuple[Step, ...] = await rehearse(steps)
        dialling = Dialling(CALLER, owner.number, rehearsed, faults=shuffled, session_id=session_id)
        worker, elsewhere = self._worker(), self._worker()
        with self.history.doing("call", session_id, owner=owner.user_id) as operation:
            self.calling[session_id] = worker, self.history.now()
            repeating = asyncio.create_task(self._repeat_later(elsewhere, dialling))
            try:
                report = await self._held(worker, dialling)
            finally:
                del self.calling[session_id]
                await repeating
            if report is None:
                return
            self._judge(report)
            self.reports.append(report)
            operation.facts |= {"answered": report.stream is not None, "said": report.announcement}
            if report.stream is not None:
                operation.outcome = OperationOutcome.OK
                operation.facts |= {
                    "seconds": report.stream.duration_ms / 1_000,
                    "answers": len(report.stream.latencies_ms),
                    "holes": len(report.stream.gaps),
                    # For whoever reads the history: when each question began and ended, and was answered, in ms.
                    "exchanges": [astuple(exchange)[1:] for exchange in report.stream.exchanges],
                }
                await self._end_at_once(dialling)
            elif report.verbs and report.announcement:
                operation.outcome = OperationOutcome.FAIL

    async def _held(self, worker: Worker, dialling: Dialling) -> CallReport | None:
        async with SimulatedCarrier(worker.url, AUTH_TOKEN, public_url=PUBLIC_URL) as carrier:
            try:
                return await carrier.call(dialling)
            except TwimlError as error:
                self.history.complain(f"call {dialling.session_id} was answered with no TwiML: {error}")
                return None

    async def _repeat_later(self, worker: Worker, dialling: Dialling) -> None:
        """Let the voice webhook come a second time, late, and at whichever process."""
        await asyncio.sleep(self.randomness.uniform(0, 3))
        with contextlib.suppress(httpx.HTTPError):
            async with SimulatedCarrier(worker.url, AUTH_TOKEN, public_url=PUBLIC_URL) as carrier:
                answer = await carrier.ring(dialling)
                self._look_at(f"the repeated webhook of {dialling.session_id}", answer.status_code)

    async def _end_at_once(self, dialling: Dialling) -> None:
        """Let every process be told at the same moment, once more, that the call is over."""

        async def tell(worker: Worker) -> None:
            with contextlib.suppress(httpx.HTTPError):
                async with SimulatedCarrier(worker.url, AUTH_TOKEN, public_url=PUBLIC_URL) as carrier:
                    answer = await carrier.report_status(dialling, "completed")
                    self._look_at(f"a status of {dialling.session_id}", answer.status_code)

        await asyncio.gather(*(tell(worker) for worker in self.crew if not worker.frozen))

    def _judge(self, report: CallReport) -> None:
        for status in (*report.webhook_statuses, *report.status_answers, *report.action_statuses):
            self._look_at(f"a webhook of {report.session_id}", status)

    def _look_at(self, what: str, status: int) -> None:
        if status >= httpx.codes.INTERNAL_SERVER_ERROR and status != httpx.codes.SERVICE_UNAVAILABLE:
            self.history.complain(f"{what} was answered with {status}")

    async def _sign_in_and_out(self, http: httpx.AsyncClient) -> None:
        """Sign in, look, sign out; once that is acknowledged, no worker may know the session any more."""
        owner = self.randomness.choice(list(self.owners))
        with self.history.doing("login", owner.email) as signing_in:
            response = await self._post(http, "/api/auth/login", {"email": owner.email, "password": PASSWORD})
            signing_in.answered(response)
        if signing_in.outcome is not OperationOutcome.OK:
            await asyncio.sleep(_PAUSE_SECONDS)
            return
        token = response.json()["accessToken"]
        with self.history.doing("logout", token) as operation:
            operation.answered(await self._post(http, "/api/auth/logout", None, token=token))
        if operation.outcome is OperationOutcome.OK:
            with self.history.doing("look-after-logout", token) as looking:
                looked = await http.get(self._worker().url + "/api/user/profile", headers=_bearer(token))
                looking.answered(looked)
                if looked.is_success:
                    seconds = await self._stays_alive(http, token)
                    self.history.complain(
                        f"a session was alive after its sign-out was acknowledged at {operation.ended:.1f} s, "
                        f"and for {seconds:.1f} s more"
                    )
        await asyncio.sleep(_PAUSE_SECONDS)

    async def _stays_alive(self, http: httpx.AsyncClient, token: str) -> float:
        """Return for how long any worker still takes a token, up to some seconds: was a read old, or the session?"""
        found_at = last_at = self.history.now()
        while self.history.now() - found_at < _ALIVE_SECONDS_MAX:
            for worker in self.crew:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(worker.url + "/api/user/profile", headers=_bearer(token))).is_success:
                        last_at = self.history.now()
            await asyncio.sleep(_PAUSE_SECONDS)
        return last_at - found_at

    async def _forget(self, http: httpx.AsyncClient) -> None:
        owner = self.randomness.choice(list(self.owners))
        with self.history.doing("forgot", owner.email) as operation:
            operation.answered(await self._post(http, "/api/auth/forgot-password", {"email": owner.email}))
        await asyncio.sleep(2.0)

    async def _take_number(self, http: httpx.AsyncClient, owner: Owner) -> None:
        """Ask until it is known; all racers want the same few numbers."""
        await asyncio.sleep(self.randomness.uniform(0, 6))
        while not self.stopping.is_set():
            with self.history.doing("number", owner.user_id) as operation:
                response = await self._post(http, "/api/user/assign-phone", {}, token=owner.token)
                operation.answered(response)
                if response.is_success:
                    operation.facts["number"] = response.json()["phoneNumber"]
            if operation.outcome is not OperationOutcome.UNKNOWN:
                return
            await asyncio.sleep(0.3)

    async def _repeatedly(self, work: Callable[[], Awaitable[None]]) -> None:
        while not self.stopping.is_set():
            await work()
            await asyncio.sleep(self.randomness.uniform(0, _PAUSE_SECONDS))

    async def _post(
        self, http: httpx.AsyncClient, path: str, body: dict[str, Any] | None, *, token: str | None = None
    ) -> httpx.Response:
        worker = self._worker()
        response = await http.post(worker.url + path, json=body, headers=_bearer(token) if token else {})
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR and (
            response.status_code != httpx.codes.SERVICE_UNAVAILABLE or "retry-after" not in response.headers
        ):
            why = worker.why(response.headers.get("x-request-id", ""))
            self.history.complain(f"{path} answered {response.status_code}: {why or response.text[:200]}")
        return response

    def _worker(self) -> Worker:
        there = [worker for worker in self.crew if worker.is_running() and not worker.frozen]
        return self.randomness.choice(there or list(self.crew))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
