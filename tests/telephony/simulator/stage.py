"""The smallest server that a simulated carrier can call: one that does with the link what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from fastapi import FastAPI, Request, Response, WebSocket
from tests.support.serving import serving

from callgenie.calls.sockets import ServerSocket
from callgenie.telephony.messages import CarrierProtocolError
from callgenie.telephony.simulator.carrier import SimulatedCarrier
from callgenie.telephony.socket import POLICY_VIOLATION
from callgenie.telephony.twilio.link import TwilioLink, receive_start
from callgenie.telephony.twilio.media import Started
from callgenie.telephony.twilio.twiml import connect_stream, hang_up
from callgenie.voice.ports import LinkEvent

TOKEN = "the-token-of-the-test"
ACTION_PATH = "/api/telephony/twilio/stream-ended"
Talk = Callable[[TwilioLink], Awaitable[None]]


def tone(ms: int, *, amplitude: int = 8_000) -> bytes:
    """Sound of 440 Hz: 16-bit PCM at 8 kHz."""
    samples = np.sin(np.arange(ms * 8) * (2 * np.pi * 440 / 8_000)) * amplitude
    pcm: bytes = samples.astype("<i2").tobytes()
    return pcm


@dataclass
class Stage:
    """What the server saw."""

    carrier: SimulatedCarrier
    started: list[Started] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    events: list[LinkEvent] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, link: TwilioLink) -> None:
        """Keep what the carrier sends, to its end."""
        async for event in link.events():
            self.events.append(event)
            self.news.set()

    async def until(self, event: LinkEvent) -> None:
        """Wait for an event."""
        while event not in self.events:
            self.news.clear()
            await self.news.wait()


@asynccontextmanager
async def on_stage(talk: Talk | None = None, *, twiml: str | None = None) -> AsyncIterator[Stage]:
    """Serve a webhook that connects to a media socket on which `talk` happens while all events are kept."""
    app = FastAPI()
    origin: list[str] = []

    @app.post("/api/telephony/twilio/{kind}")
    async def webhook(kind: str, request: Request) -> Response:
        stage.forms.append({key: str(value) for key, value in (await request.form()).items()})
        stream = origin[0].replace("http", "ws", 1) + "/media"
        answer = twiml or connect_stream(stream, {"token": "secret & <safe>"}, action=origin[0] + ACTION_PATH)
        if kind == "stream-ended":
            answer = hang_up()
        return Response("" if kind == "status" else answer, media_type="application/xml")

    @app.websocket("/media")
    async def media(websocket: WebSocket) -> None:
        await websocket.accept()
        socket = ServerSocket(websocket)
        try:
            started = await receive_start(socket)
        except CarrierProtocolError:
            await socket.close(POLICY_VIOLATION)
            return
        stage.started.append(started)
        link = TwilioLink(socket, started.stream_sid)
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.listen(link))
            if talk is not None:
                await talk(link)

    async with serving(app) as url, SimulatedCarrier(url, TOKEN) as carrier:
        origin.append(url)
        stage = Stage(carrier)
        yield stage
