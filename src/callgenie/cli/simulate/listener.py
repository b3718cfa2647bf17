"""Listens in while a call lasts, and writes down what the assistant says, as a recogniser hears it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from callgenie.audio.g711 import ulaw_to_pcm
from callgenie.telephony.simulator.caller import SILENCE
from callgenie.telephony.simulator.ear import Ear
from callgenie.telephony.simulator.script import HangUp, Press, Step, Utterance
from callgenie.telephony.twilio.media import SAMPLE_RATE
from callgenie.voice.ports import FRAME_MS, ProviderError, SpeechToText

# Speech is over after this much quiet, as the ear counts. A longer speech is written down in parts, cut where it rests.
_QUIET_MS: Final = 620
_PART_MS: Final = 22_000
_PART_MS_MAX: Final = 27_000

Tell = Callable[[int, str, str], None]


@dataclass(frozen=True, slots=True)
class Line:
    """A stretch of the assistant's speech in words, in ms since the call's audio began."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class _Part:
    line: Line
    pcm: bytes


class Listener:
    """Implements the simulator's `Witness`. `tell` is told when, who and what, as it happens."""

    def __init__(self, stt: SpeechToText, tell: Tell) -> None:
        self.lines: list[Line] = []
        self._stt = stt
        self._tell = tell
        self._parts: asyncio.Queue[_Part | None] = asyncio.Queue()
        self._pcm = bytearray()
        self._start_ms: int | None = None
        self._now_ms = 0

    def frame(self, ear: Ear, heard: bytes | None) -> None:
        """Take note of one frame of the assistant's voice; None is silence."""
        self._now_ms = ear.now_ms
        sounds = bool(ear.segments) and ear.segments[-1].end_ms == ear.now_ms
        if self._start_ms is None and not sounds:
            return
        if self._start_ms is None:
            self._start_ms = ear.now_ms - FRAME_MS
        self._pcm += ulaw_to_pcm(heard or SILENCE)
        length_ms = ear.now_ms - self._start_ms
        if ear.quiet_ms >= _QUIET_MS or (length_ms >= _PART_MS and not sounds) or length_ms >= _PART_MS_MAX:
            self._close(ear.now_ms - ear.quiet_ms)

    def step(self, step: Step, now_ms: int) -> None:
        """Take note of what the caller begins to do."""
        match step:
            case Utterance(label):
                self._tell(now_ms, "caller", label)
            case Press(digit):
                self._tell(now_ms, "caller", f"(presses {digit})")
            case HangUp():
                self._tell(now_ms, "caller", "(hangs up)")
            case _:
                pass

    def finish(self) -> None:
        """Take note that the call is over."""
        if self._start_ms is not None:
            self._close(self._now_ms)
        self._parts.put_nowait(None)

    async def write_down(self) -> None:
        """Put what is said into words, until the call is over and all of it is written."""
        stream = self._stt.open(sample_rate=SAMPLE_RATE, language="en")
        try:
            while (part := await self._parts.get()) is not None:
                stream.push(part.pcm)
                try:
                    text = (await stream.transcribe()).text
                except ProviderError:
                    text = ""
                stream.reset()
                self.lines.append(replace(part.line, text=text))
                self._tell(part.line.start_ms, "assistant", text or "(sound without words)")
        finally:
            await stream.close()

    def _close(self, end_ms: int) -> None:
        assert self._start_ms is not None  # noqa: S101 - whoever calls has looked
        self._parts.put_nowait(_Part(Line(self._start_ms, end_ms, ""), bytes(self._pcm)))
        self._pcm.clear()
        self._start_ms = None
