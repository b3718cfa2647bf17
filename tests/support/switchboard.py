"""A whole server for telephone calls, and a carrier that calls it: real sockets, real database, virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from fastapi import FastAPI
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.metering import CALLER, SECRET, Office, SetClock, open_office
from tests.support.serving import serving
from tests.support.virtual_database import virtual_database
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from callgenie.billing.models import MeteredCall
from callgenie.calls import exotel_routes, twilio_routes, web_routes
from callgenie.calls.after_stream import AfterStream
from callgenie.calls.after_transfer import AfterTransfer
from callgenie.calls.carrier_legs import CarrierLegs
from callgenie.calls.greeter import Greeter
from callgenie.calls.live import LiveCalls
from callgenie.calls.media_streams import MediaStreams
from callgenie.calls.memory import CallerMemory
from callgenie.calls.models import AnsweredCall
from callgenie.calls.origins import Origins
from callgenie.calls.outbound import OutboundCalls
from callgenie.calls.recorded import NOT_RECORDED, Recording
from callgenie.calls.twilio import MEDIA_PATH
from callgenie.calls.web_calls import WebCalls
from callgenie.conversations.caller_store import CallerStore
from callgenie.conversations.models import Conversation
from callgenie.conversations.outbound_store import OutboundCallStore
from callgenie.conversations.settlement import Settlement
from callgenie.conversations.transfer_store import TransferStore
from callgenie.http import edge
from callgenie.http.pages import CursorSigner
from callgenie.kernel.clock import Clock, LoopClock
from callgenie.kernel.ids import SessionId, SystemRandomness, UserId
from callgenie.kernel.vocabulary import PlanName
from callgenie.mongo.schema import COLLECTIONS
from callgenie.numbers.do_not_call import DoNotCallList
from callgenie.numbers.do_not_call_store import DoNotCallStore
from callgenie.telephony.simulator.carrier import ACCOUNT_SID, Dialling, SimulatedCarrier
from callgenie.telephony.simulator.dialect import Dialect, connected
from callgenie.telephony.simulator.exotel import SimulatedExotel
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.report import CallReport, StreamReport
from callgenie.telephony.simulator.script import Action, rehearse
from callgenie.telephony.twilio.rest import TwilioApi
from callgenie.telephony.twilio.twiml import ConnectStream, read
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.scripted import Answer, scripted_providers
from callgenie.voice.turn import SessionEnd

SHUTTING_DOWN = 91
AUTH_TOKEN = "the auth token of a test account"
EXOTEL_SECRET = "a secret that Exotel shows"
NUMBER = "+14155550100"
TEXTS = ("when are you open", "where are you", "goodbye")
ANSWERS = {"open": "We are open from nine to five.", "where": "At the corner of Main Street."}

# Puts together what records calls, on the board's database and clock.
RecordingMaker = Callable[[AsyncDatabase[dict[str, Any]], Clock], Recording]


def tone(ms: int) -> bytes:
    """Return sound that passes for speech: 16-bit PCM at 8 kHz."""
    samples = np.sin(np.arange(ms * 8) * (2 * np.pi * 250 / 8_000)) * 8_000
    pcm: bytes = samples.astype("<i2").tobytes()
    return pcm


class BoardClock(LoopClock):
    """The loop's seconds, and the time of day of the office."""

    def __init__(self, wall: SetClock) -> None:
        super().__init__(wall.now())
        self._wall = wall

    def now(self) -> datetime:
        return self._wall.now()


class WatchedCalls(LiveCalls):
    """The calls of a process, which tells when one of them is settled: its caller may be gone long before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settled: dict[SessionId, asyncio.Event] = {}

    async def run(self, answered: AnsweredCall, *args: Any, **kwargs: Any) -> SessionEnd:
        settled = self._settled[answered.session_id] = asyncio.Event()
        try:
            return await super().run(answered, *args, **kwargs)
        finally:
            settled.set()

    async def settled(self, session_id: str) -> None:
        """Wait until a call that was taken here is over, written and counted."""
        if (settled := self._settled.get(SessionId(session_id))) is not None:
            await settled.wait()


@dataclass(frozen=True)
class Switchboard:
    """What a test can look at and turn."""

    url: str
    office: Office
    live: WatchedCalls
    carrier: SimulatedCarrier
    exotel: SimulatedExotel
    services: SimpleNamespace
    owner: UserId

    def dialling(self, session_id: str = "CA1", **more: Any) -> Dialling:
        return Dialling(CALLER, NUMBER, session_id=session_id, **more)

    async def dial(
        self,
        *actions: Action,
        session_id: str = "CA1",
        faults: Faults = NO_FAULTS,
        to_number: str = NUMBER,
        from_number: str = CALLER,
        tape: Path | None = None,
    ) -> CallReport:
        """Call by Twilio; `tape` is where the carrier keeps what it has heard of both sides."""
        steps = await rehearse(actions)
        return await self.call(
            Dialling(from_number, to_number, steps, faults=faults, session_id=session_id, recording=tape)
        )

    async def call(self, dialling: Dialling, by: SimulatedExotel | None = None) -> CallReport:
        """Call by Twilio or by another, and wait until the call is settled."""
        report = await (by or self.carrier).call(dialling)
        await self.live.settled(report.session_id)
        return report

    async def token(self, session_id: str = "CA1") -> str:
        """Let a call ring; return what its first stream must show."""
        answer = await self.carrier.ring(self.dialling(session_id))
        verb = read(answer.text)[0]
        assert isinstance(verb, ConnectStream)
        return verb.parameters["token"]

    async def open_stream(self, session_id: str, token: str, stream: str | None = None) -> ClientConnection:
        """Open a media socket by hand."""
        socket = await self.carrier.open_media(self.services.public_url.replace("http", "ws", 1) + MEDIA_PATH)
        dialect = Dialect(account_sid=ACCOUNT_SID, call_sid=session_id, stream_sid="MZ1")
        await socket.send(connected())
        await socket.send(dialect.start({"token": token} | ({} if stream is None else {"stream": stream})))
        return socket

    async def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Return every document of the product."""
        names = [collection.name for collection in COLLECTIONS]
        return {name: await self.office.db[name].find().sort("_id", 1).to_list() for name in names}

    async def usage(self) -> dict[str, Any]:
        """Return the only usage document there is."""
        found = await self.office.db.usage.find().to_list()
        assert len(found) == 1
        document: dict[str, Any] = found[0]
        return document

    async def use_up(self, *, all_but_seconds: int) -> None:
        """Leave only so many seconds of the plan in the period of now."""
        terms = await self.office.customers.terms.of(self.owner)
        assert terms.plan.seconds is not None
        earlier = MeteredCall(self.owner, terms.period_at(self.office.clock.now()).start, SessionId("earlier"))
        seconds = terms.plan.seconds - all_but_seconds
        soon = datetime.now(UTC) + timedelta(seconds=30)
        await self.office.ledger.admit_recorded(earlier, terms.plan, duration=seconds, admit_by=soon)
        await self.office.ledger.settle(earlier, billable_seconds=seconds, counted=False)

    @asynccontextmanager
    async def database_away(self) -> AsyncIterator[None]:
        """Let every operation of the product fail as it does while a primary shuts down."""
        commands = ["find", "findAndModify", "update", "insert", "aggregate"]
        async with self._failing({"failCommands": commands, "errorCode": SHUTTING_DOWN}, "alwaysOn"):
            yield

    @asynccontextmanager
    async def acknowledgements_lost(self, command: str = "update") -> AsyncIterator[None]:
        """Let the next turns, or what `command` does, be written, and the writer be told that this is not known."""
        error = {"code": SHUTTING_DOWN, "errmsg": "the acknowledgement was lost", "errorLabels": []}
        async with self._failing({"failCommands": [command], "writeConcernError": error}, {"times": 40}):
            yield

    @asynccontextmanager
    async def _failing(self, data: dict[str, Any], mode: str | dict[str, int]) -> AsyncIterator[None]:
        admin = self.office.db.client.admin
        await admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})
        try:
            yield
        finally:
            await admin.command({"configureFailPoint": "failCommand", "mode": "off"})

    async def is_at_rest(self) -> bool:
        """Tell whether nothing is held, and what was counted is what the record says."""
        usage = await self.usage()
        calls = await self.office.db.conversations.find({"billableSeconds": {"$gt": 0}}).to_list()
        return (usage["held"], usage["holds"], usage["calls"], usage["seconds"]) == (
            0,
            {},
            sum(call["counted"] for call in calls),
            sum(call["billableSeconds"] for call in calls),
        )

    async def comes_to_rest(self) -> bool:
        """Wait until it is so: when the carrier hangs up, the last words and the settlement are still to be written."""
        for _ in range(100):
            if await self.is_at_rest():
                return True
            await asyncio.sleep(0.1)
        return False

    async def turns(self, session_id: str = "CA1") -> list[tuple[str, str]]:
        conversation = await self.office.conversation(session_id)
        return [(turn["role"], turn["text"]) for turn in conversation["turns"]]


async def close_code_of(socket: ClientConnection) -> int | None:
    """Wait until the other side has closed the socket; return with which code."""
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass
    return socket.close_code


@asynccontextmanager
async def switchboard(
    mongodb_uri: str,
    *,
    texts: Sequence[str] = TEXTS,
    answers: Mapping[str, Answer] = ANSWERS,
    plan: PlanName = PlanName.FREE,
    auth_token: str | None = AUTH_TOKEN,
    exotel_secret: str | None = EXOTEL_SECRET,
    exotel_rate: int = 8_000,
    public_url: str | None = None,
    max_call_seconds: int = 1_800,
    now: datetime | None = None,
    catalogue: Callable[[VoiceProviders], VoiceCatalogue] = VoiceCatalogue,
    recording: RecordingMaker = lambda _db, _clock: NOT_RECORDED,
    api: TwilioApi | None = None,
    greets_at_once: bool = False,
    **business: Any,
) -> AsyncIterator[Switchboard]:
    """Serve the telephony routes for one owner with one number, and what is said of their `business`.

    It stays `now` by the wall clock until a test sets `office.clock`; seconds pass on the loop's. `catalogue` adds to
    the scripted providers. `greets_at_once` has greetings made while calls ring.
    """
    async with virtual_database(mongodb_uri) as database:

        def expect(call: Conversation) -> None:
            greeter.expect(call)

        office = open_office(database.db, max_call_seconds=max_call_seconds, expect=expect)
        office.clock.time = now or office.clock.time
        owner = await office.owner(plan, number=NUMBER)
        office.customers.change_business(owner, **business)
        providers = scripted_providers(texts, answers, again=True)
        clock, memory = BoardClock(office.clock), CallerMemory(CallerStore(database.db))
        voices = catalogue(providers)
        greeter = Greeter(office.customers.profiles, voices, clock)
        live = WatchedCalls(office.desk, voices, clock, memory=memory, recording=recording(database.db, clock))
        app, services = _app(office, live, auth_token, exotel_secret, api)
        async with (
            serving(app) as url,
            SimulatedCarrier(url, AUTH_TOKEN, public_url=public_url) as carrier,
            SimulatedExotel(url, EXOTEL_SECRET, sample_rate=exotel_rate) as exotel,
            asyncio.TaskGroup() as group,
        ):
            greeting = group.create_task(greeter.run() if greets_at_once else asyncio.sleep(0), name="greeter")
            services.public_url = public_url or url
            services.outbound_calls = outbound_calls(office, live, api, services.public_url)
            services.web_calls = WebCalls(
                desk=office.desk,
                live=live,
                origins=Origins(services.public_url, ["https://www.example.com"]),
                public_url=services.public_url,
                clock=BoardClock(office.clock),
                randomness=SystemRandomness(),
            )
            yield Switchboard(url, office, live, carrier, exotel, services, owner)
            greeting.cancel()


@asynccontextmanager
async def another_process(board: Switchboard) -> AsyncIterator[Switchboard]:
    """Serve the same database at the same public address from elsewhere, where none of the board's calls run."""
    catalogue = VoiceCatalogue(scripted_providers(TEXTS, ANSWERS))
    live = WatchedCalls(board.office.desk, catalogue, BoardClock(board.office.clock))
    app, services = _app(board.office, live, AUTH_TOKEN, EXOTEL_SECRET)
    public_url = services.public_url = board.services.public_url
    async with (
        serving(app) as url,
        SimulatedCarrier(url, AUTH_TOKEN, public_url=public_url) as carrier,
        SimulatedExotel(url, EXOTEL_SECRET) as exotel,
    ):
        yield Switchboard(url, board.office, live, carrier, exotel, services, board.owner)


def _app(
    office: Office,
    live: LiveCalls,
    auth_token: str | None,
    exotel_secret: str | None,
    api: TwilioApi | None = None,
) -> tuple[FastAPI, SimpleNamespace]:
    streams = MediaStreams(office.desk, live, office.tokens, CarrierLegs(api))
    app = FastAPI()
    app.state.services = SimpleNamespace(
        desk=office.desk,
        live=live,
        streams=streams,
        after_stream=AfterStream(office.calls, TransferStore(office.db), streams),
        after_transfer=AfterTransfer(
            office.calls, TransferStore(office.db), Settlement(office.ledger, office.calls), office.desk, live
        ),
        outbound_calls=outbound_calls(office, live, api),
        settings=SimpleNamespace(
            twilio_auth_token=None if auth_token is None else SecretStr(auth_token),
            exotel_secret=None if exotel_secret is None else SecretStr(exotel_secret),
            exotel_country_code="1",
        ),
    )
    edge.install(app)
    app.include_router(twilio_routes.router)
    app.include_router(web_routes.router)
    app.include_router(exotel_routes.router)
    return app, app.state.services


def outbound_calls(office: Office, live: LiveCalls, api: TwilioApi | None, public_url: str = "") -> OutboundCalls:
    """Return what places calls for the office's users."""
    return OutboundCalls(
        api=api,
        public_url=public_url,
        numbers=office.numbers,
        do_not_call=DoNotCallList(DoNotCallStore(office.db), CursorSigner(SECRET)),
        profiles=office.customers.profiles,
        terms=office.customers.terms,
        calls=office.calls,
        store=OutboundCallStore(office.db),
        ledger=office.ledger,
        legs=CarrierLegs(api),
        live=live,
        tokens=office.tokens,
        clock=office.clock,
        randomness=SystemRandomness(),
    )


def stream_of(report: CallReport) -> StreamReport:
    assert report.stream is not None, report
    return report.stream
