"""One simulated call's media socket, and the 20 ms clock that drives it."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from callgenie.audio.g711 import ulaw_to_pcm
from callgenie.audio.wav import StereoWavWriter
from callgenie.telephony.messages import CarrierProtocolError, Clear, Ignored, Mark
from callgenie.telephony.simulator.caller import SILENCE, Caller
from callgenie.telephony.simulator.dialect import StreamDialect
from callgenie.telephony.simulator.ear import Ear
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.playback import Playback
from callgenie.telephony.simulator.report import Ending, StreamReport
from callgenie.telephony.simulator.script import Step
from callgenie.telephony.twilio.media import Media
from callgenie.voice.ports import FRAME_MS

_FRAME_SECONDS: Final = FRAME_MS / 1_000
_GARBAGE: Final = '{"event":"media","media":{"payload":"no base64!"}}'
_HOLD_PROBABILITY: Final = 0.05

# Nobody waits longer for an answer from a server that neither speaks nor closes.
CALL_SECONDS_MAX: Final = 4 * 3_600


class Witness(Protocol):
    """Somebody who listens in while a call lasts."""

    def frame(self, ear: Ear, heard: bytes | None) -> None:
        """Take note of one frame of the assistant's voice, mu-law, that the ear has just heard; None is silence."""
        ...

    def step(self, step: Step, now_ms: int) -> None:
        """Take note of what the caller begins to do."""
        ...


class MediaCall:
    """A call in progress, from the carrier's side, over one media socket or several after each other.

    The caller's clock goes on between two sockets: what is said then reaches nobody.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        recorder: StereoWavWriter | None = None,
        faults: Faults = NO_FAULTS,
        witness: Witness | None = None,
    ) -> None:
        self._witness = witness
        self._ear = Ear()
        self._caller = Caller(steps, self._ear)
        self._playback = Playback()
        self._recorder = recorder
        self._faults = faults
        self._streams = 0
        self._frame = 0
        self._began_at: float | None = None
        self._garbled = 0
        self._marks_echoed = 0
        self._lag_seconds_max = 0.0

    async def run(self, socket: ClientConnection, dialect: StreamDialect, parameters: Mapping[str, str]) -> Ending:
        """Hold the call until somebody ends it or the socket; `parameters` are those of the TwiML."""
        self._socket, self._dialect, self._outbox = socket, dialect, _Outbox(self._faults)
        self._gone = False
        self._streams += 1
        self._live_without_socket()
        self._stream_began_ms = self._frame * FRAME_MS
        opening = dialect.opening(parameters)
        await self._send(opening[:1] if self._faults.never_starts else opening)
        async with asyncio.TaskGroup() as group:
            receiving = group.create_task(self._receive())
            ending = await self._live()
            receiving.cancel()
        self._playback.stop()
        return ending

    async def _live(self) -> Ending:
        async for frame in self._frames():
            if self._gone:
                return Ending.ASSISTANT
            now_ms = frame * FRAME_MS
            if self._dies(now_ms - self._stream_began_ms):
                self._socket.transport.abort()
                return Ending.CARRIER
            spoken, key = self._exchange_frame()
            if self._caller.wants_to_hang_up:
                await self._hang_up()
                return Ending.CALLER
            if not self._faults.never_starts and not self._is_past(self._faults.goes_silent_after_ms, now_ms):
                await self._send(self._outbox.release(frame, self._messages(frame, spoken, key)))
        return Ending.CARRIER

    def _dies(self, stream_ms: int) -> bool:
        return self._streams <= self._faults.deaths and self._is_past(self._faults.dies_after_ms, stream_ms)

    async def _frames(self) -> AsyncIterator[int]:
        """Yield a frame's number at each frame's moment; moments are absolute, so being late once does not add up."""
        loop = asyncio.get_running_loop()
        while self._frame < CALL_SECONDS_MAX / _FRAME_SECONDS:
            self._frame += 1
            due = self._due(self._frame)
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._lag_seconds_max = max(self._lag_seconds_max, loop.time() - due)
            yield self._frame

    def _live_without_socket(self) -> None:
        """Let pass what has passed since the last socket."""
        while self._due(self._frame + 1) < asyncio.get_running_loop().time():
            self._frame += 1
            self._exchange_frame()

    def _due(self, frame: int) -> float:
        if self._began_at is None:
            self._began_at = asyncio.get_running_loop().time()
        return self._began_at + frame * _FRAME_SECONDS

    def _exchange_frame(self) -> tuple[bytes, str | None]:
        heard = self._playback.play()
        self._ear.hear(heard)
        begun = len(self._caller.begun)
        spoken, key = self._caller.act()
        if self._witness is not None:
            self._witness.frame(self._ear, heard)
            for step, began_ms in self._caller.begun[begun:]:
                self._witness.step(step, began_ms)
        if self._recorder is not None:
            self._recorder.write(ulaw_to_pcm(spoken), ulaw_to_pcm(heard or SILENCE))
        return spoken, key

    def _messages(self, frame: int, spoken: bytes, key: str | None) -> list[str | bytes]:
        messages = list(self._dialect.audio(spoken))
        if key is not None:
            messages.append(self._dialect.dtmf(key))
        marks = [] if self._faults.withholds_marks else self._playback.reached_marks()
        self._marks_echoed += len(marks)
        messages.extend(self._dialect.mark(name) for name in marks)
        if self._faults.garbage_every_frames and frame % self._faults.garbage_every_frames == 0:
            messages.append(_GARBAGE)
        return messages

    async def _receive(self) -> None:
        try:
            async for message in self._socket:
                try:
                    order = self._dialect.read(message)
                except CarrierProtocolError:
                    self._garbled += 1
                    continue
                match order:
                    case Media(ulaw):
                        self._playback.take(ulaw)
                    case Mark(name):
                        self._playback.mark(name)
                    case Clear():
                        self._playback.clear()
                    case Ignored():
                        pass
        except ConnectionClosed:
            pass
        finally:
            self._gone = True

    async def _send(self, messages: Sequence[str | bytes]) -> None:
        try:
            for message in messages:
                await self._socket.send(message)
        except ConnectionClosed:
            self._gone = True

    async def _hang_up(self) -> None:
        await self._send([*self._outbox.rest(), self._dialect.stop()])
        await self._socket.close()

    @staticmethod
    def _is_past(limit_ms: int | None, now_ms: int) -> bool:
        return limit_ms is not None and now_ms >= limit_ms

    def report(self, ending: Ending) -> StreamReport:
        """Return what happened until now, over all sockets."""
        return StreamReport(
            ended_by=ending,
            duration_ms=self._ear.now_ms,
            heard=tuple(self._ear.segments),
            exchanges=tuple(self._caller.exchanges),
            streams=self._streams,
            gaps=tuple(self._playback.gaps),
            clears_ms=tuple(self._playback.clears_ms),
            marks_echoed=self._marks_echoed,
            garbled=self._garbled,
            lag_ms_max=self._lag_seconds_max * 1_000,
            steps_ms=tuple(began_ms for _, began_ms in self._caller.begun),
            close_code=self._socket.close_code if ending is Ending.ASSISTANT else None,
        )


class _Outbox:
    """Holds messages back and lets them go in a burst, as a jittery network does; never changes their order."""

    def __init__(self, faults: Faults) -> None:
        self._hold_frames_max = faults.jitter_ms_max // FRAME_MS
        self._random = random.Random(faults.seed)  # noqa: S311 - a fault must be repeatable, not unguessable
        self._held: list[str | bytes] = []
        self._until_frame = 0

    def release(self, frame: int, messages: list[str | bytes]) -> list[str | bytes]:
        """Return what may be sent now."""
        if not self._hold_frames_max:
            return messages
        self._held += messages
        if frame < self._until_frame:
            return []
        if self._random.random() < _HOLD_PROBABILITY:
            self._until_frame = frame + self._random.randint(1, self._hold_frames_max)
        return self.rest()

    def rest(self) -> list[str | bytes]:
        """Return all that is held."""
        messages, self._held = self._held, []
        return messages
