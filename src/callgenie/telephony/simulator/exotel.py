"""Exotel in a box: the Voicebot applet's stream and status callbacks. No webhook comes before the socket."""

import binascii
import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from callgenie.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from callgenie.audio.resample import QuickResampler
from callgenie.audio.wav import StereoWavWriter
from callgenie.kernel.ids import Randomness, SystemRandomness
from callgenie.telephony.exotel import messages
from callgenie.telephony.exotel.secret import basic_authorization
from callgenie.telephony.simulator.carrier import UNREACHABLE, Dialling, upgrade_status_of, webhook_client
from callgenie.telephony.simulator.dialect import Heard, text_in
from callgenie.telephony.simulator.report import CallReport, Ending
from callgenie.telephony.simulator.stream import MediaCall
from callgenie.telephony.twilio.media import SAMPLE_RATE, Media

MEDIA_PATH: Final = "/api/telephony/exotel/media"
STATUS_PATH: Final = "/api/telephony/exotel/status"

# Exotel sends the caller's audio in pieces of 100 ms.
_PIECE_MS: Final = 100


class ExotelDialect:
    """Exotel's messages: snake_case, PCM at the rate that the applet was set to."""

    def __init__(self, start: Mapping[str, str], *, sample_rate: int = SAMPLE_RATE) -> None:
        self._start = dict(start)
        self._rate = sample_rate
        self._outwards = QuickResampler(SAMPLE_RATE, sample_rate)
        self._inwards = QuickResampler(sample_rate, SAMPLE_RATE)
        self._piece_bytes = sample_rate * 2 * _PIECE_MS // 1_000
        self._pcm = bytearray()
        self._sequence = 0
        self._chunk = 0

    def opening(self, parameters: Mapping[str, str]) -> list[str]:
        """Return the first messages on a socket."""
        layout = {"encoding": "audio/x-raw", "sample_rate": str(self._rate), "bit_rate": "16"}
        start = {**self._start, "custom_parameters": dict(parameters), "media_format": layout}
        return [json.dumps({"event": "connected"}), self._message("start", start)]

    def audio(self, ulaw: bytes) -> list[str]:
        """Take one frame of the caller's audio; return a piece when it is full."""
        self._pcm += self._outwards.push(ulaw_to_pcm(ulaw))
        if len(self._pcm) < self._piece_bytes:
            return []
        payload = binascii.b2a_base64(bytes(self._pcm[: self._piece_bytes]), newline=False).decode("ascii")
        del self._pcm[: self._piece_bytes]
        self._chunk += 1
        media = {"chunk": str(self._chunk), "timestamp": str(self._chunk * _PIECE_MS), "payload": payload}
        return [self._message("media", media)]

    def mark(self, name: str) -> str:
        """Return the message that gives a mark back."""
        return self._message("mark", {"name": name})

    def dtmf(self, digit: str) -> str:
        """Return the message that says which key was pressed."""
        return self._message("dtmf", {"digit": digit, "duration": "100"})

    def stop(self) -> str:
        """Return the last message."""
        stop = {name: self._start[name] for name in ("call_sid", "account_sid")}
        return self._message("stop", {**stop, "reason": "callended"})

    def read(self, message: str | bytes) -> Heard:
        """Return what the other side wants, its audio as mu-law.

        Raises:
            CarrierProtocolError: It is not a message of the protocol, or audio of a length that sounds broken.
        """
        order = messages.read_order(text_in(message))
        if isinstance(order, messages.Media):
            return Media(pcm_to_ulaw(self._inwards.push(order.pcm)))
        return order

    def _message(self, event: str, content: Mapping[str, Any]) -> str:
        self._sequence += 1
        sid = self._start["stream_sid"]
        return json.dumps({"event": event, "sequence_number": str(self._sequence), "stream_sid": sid, event: content})


class SimulatedExotel:
    """Calls a server as Exotel would. Use it as `async with`; any number of calls may run at once.

    Args:
        base_url: Where the server really listens.
        secret: What requests show; the server must have been given the same one.
        sample_rate: What the applet is set to: 8, 16 or 24 kHz.
    """

    def __init__(
        self, base_url: str, secret: str, *, sample_rate: int = SAMPLE_RATE, randomness: Randomness | None = None
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": basic_authorization("callgenie", secret)}
        self._rate = sample_rate
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

        No webhook comes first, so it is the media socket that finds out whether there is a server. One that is there
        and goes away before it has answered is reported.

        Raises:
            OSError: The server cannot be reached.
        """
        session_id = dialling.session_id or self._sid()
        dialling = replace(dialling, session_id=session_id)
        report = CallReport(session_id=session_id, webhook_statuses=(), webhook_ms=0.0, ended_by=Ending.CALLER)
        if not dialling.faults.abandons:
            report = await self._stream(dialling, report)
        return replace(report, status_answers=await self._report_statuses(dialling))

    async def open_media(self) -> ClientConnection:
        """Open the media socket.

        Raises:
            OSError: The server cannot be reached.
            InvalidHandshake: The server refuses the upgrade, with `InvalidStatus`, or is gone before it has answered.
        """
        address = "ws" + self._base_url.removeprefix("http") + MEDIA_PATH
        return await connect(
            address,
            additional_headers=self._headers,
            compression=None,
            ping_interval=None,
            proxy=None,
            max_queue=None,
        )

    async def report_status(self, session_id: str, status: str) -> httpx.Response:
        """Send one status callback, in the form that Exotel sends unless asked for another."""
        fields = {"CallSid": session_id, "DateUpdated": "2026-01-15 14:30:45", "Status": status, "RecordingUrl": ""}
        parts = {name: (None, value) for name, value in fields.items()}
        return await self._http.post(self._base_url + STATUS_PATH, files=parts, headers=self._headers)

    def dialect(self, dialling: Dialling) -> ExotelDialect:
        """Return what speaks for one call."""
        start = {
            "stream_sid": self._sid(),
            "call_sid": dialling.session_id or self._sid(),
            "account_sid": "simulated1m",
            "from": dialling.from_number,
            "to": dialling.to_number,
        }
        return ExotelDialect(start, sample_rate=self._rate)

    async def _stream(self, dialling: Dialling, report: CallReport) -> CallReport:
        try:
            socket = await self.open_media()
        except InvalidHandshake as error:
            return replace(report, upgrade_status=upgrade_status_of(error), ended_by=Ending.CARRIER)
        with contextlib.ExitStack() as stack:
            recorder = None
            if dialling.recording is not None:
                recorder = stack.enter_context(StereoWavWriter(dialling.recording, sample_rate=SAMPLE_RATE))
            call = MediaCall(dialling.steps, recorder=recorder, faults=dialling.faults, witness=dialling.witness)
            ending = await call.run(socket, self.dialect(dialling), dialling.extra)
        return replace(report, stream=call.report(ending), ended_by=ending, recording=dialling.recording)

    async def _report_statuses(self, dialling: Dialling) -> tuple[int, ...]:
        last = "no-answer" if dialling.faults.abandons else "completed"
        statuses = [last, "in-progress"] if dialling.faults.status_backwards else [last]
        answers: list[int] = []
        for status in statuses:
            for _ in range(1 + dialling.faults.status_repeats):
                try:
                    answers.append((await self.report_status(dialling.session_id or "", status)).status_code)
                except httpx.TransportError:
                    # The server may have been killed in the middle of the call; the call is reported all the same.
                    answers.append(UNREACHABLE)
        return tuple(answers)

    def _sid(self) -> str:
        return self._randomness.token_bytes(16).hex()
