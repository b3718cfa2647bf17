"""Callers on noisy lines, hundreds in one process: the simulated carrier's webhooks, and media sockets cheap enough.

The simulator's own caller takes as much of a core as the server takes for the call, so that on a small machine it
would be the first to be late. This one writes its web socket frames by hand, masked with zeros, which a server cannot
tell from any other mask, and drives all lines from one clock.
"""

import asyncio
import base64
import os
import random
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self, cast
from urllib.parse import urlsplit

import httpx
import numpy as np

from callgenie.audio.g711 import pcm_to_ulaw
from callgenie.telephony.messages import Clear, Mark
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.dialect import Dialect
from callgenie.telephony.simulator.playback import FRAME_BYTES, Playback
from callgenie.telephony.twilio.media import Media, read_order
from callgenie.telephony.twilio.signature import HEADER, sign
from callgenie.telephony.twilio.twiml import ConnectStream, Say, read
from callgenie.voice.ports import FRAME_MS

# Lines are spread evenly over the 20 ms of a frame, as the calls of a carrier are.
PHASES: Final = 10
# So long a caller hears nothing before the next question, and waits for an answer before asking again.
QUIET_MS: Final = 700
PATIENCE_MS: Final = 6_000
_UPGRADE_SECONDS_MAX: Final = 15.0
_NOISE_FRAMES: Final = 101  # a prime, so that the noise does not beat with anything


@dataclass(slots=True)
class LineReport:
    """What became of one call.

    Attributes:
        webhook_ms: How long the voice webhook took.
        announcement: What the carrier's voice said where the call was refused.
        failed: Why there was neither a call nor a refusal.
        gap_ms: Holes inside the assistant's speech, because audio came late.
        answer_ms: From the end of each question to the first sound of its answer.
        unanswered: Questions without an answer in six seconds.
        cut_off: The server ended the call before its caller did.
    """

    webhook_ms: float = 0.0
    announcement: str = ""
    failed: str = ""
    held: bool = False
    cut_off: bool = False
    gap_ms: list[int] = field(default_factory=list)
    answer_ms: list[int] = field(default_factory=list)
    unanswered: int = 0


class Sounds:
    """A second or two of noise and the questions with the same noise under them, as mu-law frames."""

    def __init__(self, questions: Sequence[bytes], noise_dbfs: float | None, seed: int = 1) -> None:
        chance = np.random.default_rng(seed)
        loudness = 0.0 if noise_dbfs is None else 32_768 * 10 ** (noise_dbfs / 20)

        def frames(pcm: np.ndarray) -> list[bytes]:
            noisy = np.clip(pcm + chance.normal(0.0, 1.0, pcm.size) * loudness, -32_768, 32_767).astype("<i2")
            ulaw = pcm_to_ulaw(noisy.tobytes())
            return [ulaw[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff") for at in range(0, len(ulaw), FRAME_BYTES)]

        self.noise = frames(np.zeros(_NOISE_FRAMES * FRAME_BYTES))
        self.questions = [frames(np.frombuffer(pcm, "<i2").astype(np.float64)) for pcm in questions]


class Line(asyncio.Protocol):
    """One caller and the media socket of the call."""

    def __init__(
        self, sounds: Sounds, report: LineReport, dialect: Dialect, request: bytes, opening: list[str]
    ) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = False
        self._sounds, self._report, self._dialect = sounds, report, dialect
        self._request, self._opening = request, opening
        self._playback = Playback()
        self._transport: asyncio.Transport | None = None
        self._read = b""
        self._upgraded = self._leaving = False
        self._frame = random.randrange(_NOISE_FRAMES)  # noqa: S311 -- no secret
        self._asked = random.randrange(len(sounds.questions))  # noqa: S311
        self._speech: list[bytes] = []
        self._quiet_ms = self._waited_ms = 0
        self._waits = True
        self._timed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the web socket."""
        # The event loop's own transports are of no common class.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take what the server sends."""
        self._read += data
        if not self._upgraded:
            head, ends, rest = self._read.partition(b"\r\n\r\n")
            if not ends:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._end("upgrade refused")
                return
            self._read, self._upgraded = rest, True
            for message in self._opening:
                self._send(message)
            if not self.opened.done():
                self.opened.set_result(None)
        self._take_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the call is over."""
        del exc
        self._end("connection lost")

    def tick(self) -> None:
        """Let 20 ms pass."""
        heard = self._playback.play()
        if heard is None:
            self._quiet_ms += FRAME_MS
        else:
            self._quiet_ms = 0
            if self._timed:
                self._report.answer_ms.append(self._waited_ms)
            self._waits = self._timed = False
        self._waited_ms += FRAME_MS
        for name in self._playback.reached_marks():
            self._send(self._dialect.mark(name))
        self._send(self._dialect.media(self._spoken()))

    def hang_up(self) -> None:
        """Put the receiver down."""
        self._leaving = True
        if not self.over and self._transport is not None:
            self._send(self._dialect.stop())
            self._transport.write(b"\x88\x82\x00\x00\x00\x00\x03\xe8")
        self._report.gap_ms.extend(gap.ms for gap in self._playback.gaps)

    def _spoken(self) -> bytes:
        if self._speech:
            frame = self._speech.pop()
            if not self._speech:
                self._waited_ms, self._waits, self._timed = 0, True, True
            return frame
        if self._waits and self._waited_ms >= PATIENCE_MS:
            self._report.unanswered += self._timed
            self._waits = self._timed = False
        if not self._waits and self._quiet_ms >= QUIET_MS:
            self._asked = (self._asked + 1) % len(self._sounds.questions)
            self._speech = self._sounds.questions[self._asked][::-1]
        self._frame = (self._frame + 1) % _NOISE_FRAMES
        return self._sounds.noise[self._frame]

    def _send(self, message: str) -> None:
        payload = message.encode("ascii")
        size = len(payload)
        head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x81, 0xFE, size)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head + b"\0\0\0\0" + payload)

    def _take_frames(self) -> None:
        read, at = self._read, 0
        while len(read) - at >= 2:
            size, start = read[at + 1] & 0x7F, at + 2
            if size == 126:
                size, start = int.from_bytes(read[at + 2 : at + 4]), at + 4
            elif size == 127:
                size, start = int.from_bytes(read[at + 2 : at + 10]), at + 10
            if len(read) < start + size:
                break
            opcode, payload, at = read[at] & 0x0F, read[start : start + size], start + size
            if opcode == 1:
                self._take(payload)
            elif opcode == 8:
                self._end("closed by the server")
        self._read = read[at:]

    def _take(self, payload: bytes) -> None:
        match read_order(payload.decode("ascii")):
            case Media(ulaw):
                self._playback.take(ulaw)
            case Mark(name):
                self._playback.mark(name)
            case Clear():
                self._playback.clear()

    def _end(self, why: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(why))
        if not self.over and not self._leaving:
            self._report.cut_off = True
        self.over = True
        if self._transport is not None:
            self._transport.close()


class Lines:
    """All callers, and the one clock that drives them."""

    def __init__(self, url: str, auth_token: str, sounds: Sounds) -> None:
        self.lag_ms_max = 0.0
        self._url, self._auth_token, self._sounds = url, auth_token, sounds
        self._carrier = SimulatedCarrier(url, auth_token)
        self._phases: list[set[Line]] = [set() for _ in range(PHASES)]
        self._clock: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._carrier.__aenter__()
        self._clock = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._clock is not None:
            self._clock.cancel()
        await self._carrier.__aexit__(None, None, None)

    @property
    def open(self) -> int:
        """How many calls are being held."""
        return sum(not line.over for phase in self._phases for line in phase)

    async def call(self, from_number: str, to_number: str, until: asyncio.Event) -> LineReport:
        """Call, and hold the call until told to hang up."""
        report = LineReport()
        dialling = Dialling(from_number, to_number, session_id="CA" + os.urandom(16).hex())
        began = time.monotonic()
        try:
            answer = await self._carrier.ring(dialling)
            report.webhook_ms = (time.monotonic() - began) * 1_000
            verbs = read(answer.raise_for_status().text)
            stream = next((verb for verb in verbs if isinstance(verb, ConnectStream)), None)
            if stream is None:
                report.announcement = " ".join(verb.text for verb in verbs if isinstance(verb, Say))
            else:
                await self._hold(stream, dialling, report, until)
            await self._carrier.report_status(dialling, "completed", CallDuration="0")
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            report.failed = type(error).__name__
            report.webhook_ms = report.webhook_ms or (time.monotonic() - began) * 1_000
        return report

    async def _hold(self, stream: ConnectStream, dialling: Dialling, report: LineReport, until: asyncio.Event) -> None:
        address = urlsplit(self._url)
        assert dialling.session_id is not None
        dialect = Dialect(
            account_sid="AC" + "5" * 32, call_sid=dialling.session_id, stream_sid="MZ" + os.urandom(16).hex()
        )
        request = (
            f"GET {urlsplit(stream.url).path} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"{HEADER}: {sign(self._auth_token, stream.url)}\r\n\r\n"
        ).encode()
        opening = dialect.opening(stream.parameters)
        assert address.hostname is not None
        assert address.port is not None
        _, line = await asyncio.get_running_loop().create_connection(
            lambda: Line(self._sounds, report, dialect, request, opening), address.hostname, address.port
        )
        async with asyncio.timeout(_UPGRADE_SECONDS_MAX):
            await line.opened
        report.held = True
        phase = min(self._phases, key=len)
        phase.add(line)
        try:
            await until.wait()
        finally:
            phase.discard(line)
            line.hang_up()
        await asyncio.sleep(0.2)
        line.connection_lost(None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        step = FRAME_MS / 1_000 / PHASES
        due, turn = loop.time(), 0
        while True:
            due += step
            await asyncio.sleep(due - loop.time())
            self.lag_ms_max = max(self.lag_ms_max, (loop.time() - due) * 1_000)
            for line in self._phases[turn % PHASES]:
                if not line.over:
                    line.tick()
            turn += 1
