"""The carrier itself: signed webhooks, TwiML, the media socket, status callbacks."""

import asyncio
import contextlib
import functools
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from callgenie.audio.wav import StereoWavWriter
from callgenie.kernel.ids import Randomness, SystemRandomness
from callgenie.telephony.simulator.dialect import Dialect
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.report import CallReport, DialReport, Ending
from callgenie.telephony.simulator.script import Step
from callgenie.telephony.simulator.stream import MediaCall, Witness
from callgenie.telephony.twilio.media import SAMPLE_RATE
from callgenie.telephony.twilio.rest import OutgoingCall
from callgenie.telephony.twilio.signature import HEADER, sign
from callgenie.telephony.twilio.twiml import ConnectStream, Dial, HangUp, Verb, read

VOICE_PATH: Final = "/api/telephony/twilio/voice"
STATUS_PATH: Final = "/api/telephony/twilio/status"
ACCOUNT_SID: Final = "AC" + "5" * 32

# Stands for an HTTP status where there was no answer at all.
UNREACHABLE: Final = 0

# Twilio gives a webhook this long before it gives up on the call.
WEBHOOK_SECONDS_MAX: Final = 15.0

_NOTHING: Final[Mapping[str, str]] = {}


def webhook_client() -> httpx.AsyncClient:
    """Return what a carrier asks a server with."""
    # Loopback needs no proxy, whatever the environment says.
    return httpx.AsyncClient(verify=_authorities(), timeout=WEBHOOK_SECONDS_MAX, trust_env=False)


def upgrade_status_of(error: InvalidHandshake | OSError) -> int:
    """Return what a server answered that opened no media socket; `UNREACHABLE` when it answered nothing."""
    return error.response.status_code if isinstance(error, InvalidStatus) else UNREACHABLE


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Read what certificates are verified by: 40 ms, and the same for every carrier there is."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True)
class Transferee:
    """Somebody whom a caller may be put through to: what becomes of it, after how long, and how long they talk."""

    outcome: str = "completed"
    rings_ms: int = 3_000
    seconds: int = 30


@dataclass(frozen=True, slots=True)
class Callee:
    """Somebody who is called: what becomes of it, after how long, and what they do once they have answered."""

    outcome: str = "completed"
    rings_ms: int = 4_000
    steps: Sequence[Step] = ()


@dataclass(frozen=True, slots=True)
class Dialling:
    """Who calls whom, and what becomes of it; `session_id` is the carrier's CallSid, made up when left out."""

    from_number: str
    to_number: str
    steps: Sequence[Step] = ()
    recording: Path | None = None
    faults: Faults = NO_FAULTS
    session_id: str | None = None
    transferee: Transferee = Transferee()
    status_path: str = STATUS_PATH
    extra: Mapping[str, str] = field(default_factory=dict)
    witness: Witness | None = None


class SimulatedCarrier:
    """Calls a server as Twilio would. Use it as `async with`; any number of calls may run at once.

    Args:
        base_url: Where the server really listens.
        auth_token: What requests are signed with; the server must have been given the same one.
        public_url: What the server believes its address to be, when that differs.
    """

    def __init__(
        self,
        base_url: str,
        auth_token: str,
        *,
        public_url: str | None = None,
        account_sid: str = ACCOUNT_SID,
        randomness: Randomness | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._public_url = (public_url or base_url).rstrip("/")
        self._auth_token = auth_token
        self._account_sid = account_sid
        self._randomness = randomness or SystemRandomness()
        self._http = webhook_client()

    async def __aenter__(self) -> Self:
        """Return the carrier."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close the connections to the server."""
        await self._http.aclose()

    async def call(self, dialling: Dialling) -> CallReport:
        """Place a call and hold it until it is over.

        Raises:
            TwimlError: The server answered with something that is no TwiML.
            httpx.HTTPError: The server cannot be reached.
        """
        if dialling.session_id is None:
            dialling = replace(dialling, session_id=self._sid("CA"))
        began = asyncio.get_running_loop().time()
        answers = [await self.ring(dialling) for _ in range(1 + dialling.faults.webhook_repeats)]
        report = CallReport(
            session_id=dialling.session_id or "",
            webhook_statuses=tuple(answer.status_code for answer in answers),
            webhook_ms=(asyncio.get_running_loop().time() - began) * 1_000 / len(answers),
            ended_by=Ending.CARRIER,
        )
        if not answers[-1].is_success:
            return report
        report = await self._follow(dialling, replace(report, verbs=read(answers[-1].text)))
        if report.stream is not None:
            report = replace(report, recording=dialling.recording)
        return replace(report, status_answers=await self._report_statuses(dialling, report))

    async def place(
        self, order: OutgoingCall, call_sid: str, callee: Callee, *, faults: Faults = NO_FAULTS
    ) -> CallReport:
        """Call somebody on the server's order, and hold the call until it is over.

        Raises:
            TwimlError: The server answered with something that is no TwiML.
            httpx.HTTPError: The server cannot be reached.
        """
        dialling = Dialling(
            order.from_number,
            order.to_number,
            callee.steps,
            faults=faults,
            session_id=call_sid,
            status_path=self._path(order.status_callback),
            extra={"Direction": "outbound-api"},
        )
        answers = [await self.report_status(dialling, status) for status in ("initiated", "ringing")]
        await asyncio.sleep(min(callee.rings_ms / 1_000, order.ring_seconds))
        outcome = "no-answer" if callee.rings_ms / 1_000 > order.ring_seconds else callee.outcome
        report = CallReport(call_sid, (), 0.0, Ending.CARRIER)
        if outcome != "completed":
            answers.append(await self.report_status(dialling, outcome, CallDuration="0"))
            return replace(report, status_answers=tuple(answer.status_code for answer in answers))
        answers.append(await self.report_status(dialling, "in-progress"))
        answer = await self.post(self._path(order.url), self._form(dialling, "in-progress"))
        report = replace(report, webhook_statuses=(answer.status_code,))
        if answer.is_success:
            report = await self._follow(dialling, replace(report, verbs=read(answer.text)))
        before = tuple(answer.status_code for answer in answers)
        return replace(report, status_answers=before + await self._report_statuses(dialling, report))

    async def ring(self, dialling: Dialling) -> httpx.Response:
        """Send the voice webhook and return the server's answer."""
        return await self.post(VOICE_PATH, self._form(dialling, "ringing"))

    async def report_status(self, dialling: Dialling, status: str, **more: str) -> httpx.Response:
        """Send one status callback and return the server's answer."""
        return await self.post(dialling.status_path, {**self._form(dialling, status), **more})

    async def post(self, path: str, form: Mapping[str, str]) -> httpx.Response:
        """Send a signed form to one of the server's webhooks."""
        signature = sign(self._auth_token, self._public_url + path, form.items())
        return await self._http.post(self._base_url + path, data=dict(form), headers={HEADER: signature})

    async def open_media(self, url: str) -> ClientConnection:
        """Open the media socket that TwiML named, with a signed upgrade.

        Raises:
            InvalidHandshake: The server refuses the upgrade, with `InvalidStatus`, or is gone before it has answered.
        """
        signature = sign(self._auth_token, url)
        base = urlsplit(self._base_url)
        scheme = "wss" if base.scheme == "https" else "ws"
        address = urlsplit(url)._replace(scheme=scheme, netloc=base.netloc).geturl()
        return await connect(
            address,
            additional_headers={HEADER: signature},
            compression=None,
            ping_interval=None,
            proxy=None,
            max_queue=None,
        )

    async def _follow(self, dialling: Dialling, report: CallReport) -> CallReport:
        verbs = deque(report.verbs)
        with contextlib.ExitStack() as stack:
            recorder = None
            if dialling.recording is not None and any(isinstance(verb, ConnectStream) for verb in verbs):
                recorder = stack.enter_context(StereoWavWriter(dialling.recording, sample_rate=SAMPLE_RATE))
            call = MediaCall(dialling.steps, recorder=recorder, faults=dialling.faults, witness=dialling.witness)
            while verbs and not isinstance(verb := verbs.popleft(), HangUp):
                if isinstance(verb, Dial):
                    report, verbs = await self._put_through(dialling, report, verb)
                if not isinstance(verb, ConnectStream):
                    continue
                if dialling.faults.abandons:
                    return replace(report, ended_by=Ending.CALLER)
                report = await self._stream(report, call, verb)
                if report.ended_by is Ending.CALLER or (dialling.faults.line_dies and _died(report)):
                    return report
                if verb.action:
                    report, verbs = await self._ask(dialling, report, verb.action)
        return replace(report, ended_by=Ending.CARRIER if _died(report) else Ending.ASSISTANT)

    async def _stream(self, report: CallReport, call: MediaCall, verb: ConnectStream) -> CallReport:
        try:
            socket = await self.open_media(verb.url)
        except (InvalidHandshake, OSError) as error:
            return replace(report, upgrade_status=upgrade_status_of(error), ended_by=Ending.CARRIER)
        dialect = Dialect(account_sid=self._account_sid, call_sid=report.session_id, stream_sid=self._sid("MZ"))
        ending = await call.run(socket, dialect, verb.parameters)
        return replace(report, stream=call.report(ending), ended_by=ending)

    async def _put_through(self, dialling: Dialling, report: CallReport, verb: Dial) -> tuple[CallReport, deque[Verb]]:
        other = dialling.transferee
        rings_seconds = min(other.rings_ms / 1_000, verb.timeout_seconds)
        outcome = "no-answer" if other.rings_ms / 1_000 > verb.timeout_seconds else other.outcome
        seconds = other.seconds if outcome == "completed" else 0
        await asyncio.sleep(rings_seconds + seconds)
        dialled = DialReport(verb.number, verb.caller_id or dialling.from_number, outcome, seconds)
        report = replace(report, dials=(*report.dials, dialled))
        about = {"DialCallSid": self._sid("CA"), "DialCallStatus": outcome, "DialBridged": str(bool(seconds)).lower()}
        if outcome == "completed":
            about["DialCallDuration"] = str(seconds)
        return await self._ask(dialling, report, verb.action, about)

    async def _ask(
        self, dialling: Dialling, report: CallReport, action: str, about: Mapping[str, str] = _NOTHING
    ) -> tuple[CallReport, deque[Verb]]:
        """Ask an action URL how the call goes on."""
        await asyncio.sleep(dialling.faults.reconnects_after_ms / 1_000)
        path = self._path(action)
        verbs: tuple[Verb, ...] = ()
        for _ in range(1 + dialling.faults.action_repeats):
            try:
                answer = await self.post(path, {**self._form(dialling, "in-progress"), **about})
            except httpx.TransportError:
                status, verbs = UNREACHABLE, ()
            else:
                status, verbs = answer.status_code, read(answer.text) if answer.is_success else ()
            report = replace(report, action_statuses=(*report.action_statuses, status))
        return replace(report, verbs=report.verbs + verbs), deque(verbs)

    async def _report_statuses(self, dialling: Dialling, report: CallReport) -> tuple[int, ...]:
        seconds = 0 if report.stream is None else -(-report.stream.duration_ms // 1_000)
        last = "no-answer" if dialling.faults.abandons else "completed"
        statuses = ["ringing", "in-progress", last] if dialling.faults.status_backwards else [last]
        answers: list[int] = []
        for status in reversed(statuses):
            for _ in range(1 + dialling.faults.status_repeats):
                try:
                    answer = await self.report_status(dialling, status, CallDuration=str(seconds))
                    answers.append(answer.status_code)
                except httpx.TransportError:
                    # The server may have been killed in the middle of the call; the call is reported all the same.
                    answers.append(UNREACHABLE)
        return tuple(answers)

    def _form(self, dialling: Dialling, status: str) -> dict[str, str]:
        return {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": dialling.session_id or "",
            "CallStatus": status,
            "Called": dialling.to_number,
            "Caller": dialling.from_number,
            "Direction": "inbound",
            "From": dialling.from_number,
            "FromCity": "",
            "To": dialling.to_number,
            **dialling.extra,
        }

    def _path(self, address: str) -> str:
        return address.removeprefix(self._public_url)

    def _sid(self, kind: str) -> str:
        return kind + self._randomness.token_bytes(16).hex()


def _died(report: CallReport) -> bool:
    """Tell whether the carrier had trouble with the last media socket."""
    return report.ended_by is Ending.CARRIER and (report.stream is not None or report.upgrade_status is not None)
