"""Speaks: turns text into audio, paces it to the carrier, and knows when it was heard."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Final

from callgenie.kernel.clock import Clock
from callgenie.voice.guarded import ProviderFailedError, spoken
from callgenie.voice.playback import Playback, Speech
from callgenie.voice.ports import AudioLink, TextToSpeech
from callgenie.voice.timings import Timings

# Speech is made this far ahead of what is sent, then its making waits: enough to bridge a slow sentence, and little
# to throw away (and to keep in memory, 128 KB at 8 kHz) when the caller interrupts.
_AHEAD_MS_MAX: Final = 8_000


class Mouth:
    """One call's voice."""

    def __init__(
        self,
        link: AudioLink,
        tts: TextToSpeech,
        clock: Clock,
        timings: Timings,
        *,
        language: str,
        voice: str,
        on_audible: Callable[[Speech], None],
    ) -> None:
        self.playback = Playback(link.sample_rate, lead_ms=timings.lead_ms, mark_grace_ms=timings.mark_grace_ms)
        self._link = link
        self._tts = tts
        self._clock = clock
        self._timings = timings
        self._language = language
        self._voice = voice
        self._on_audible = on_audible
        self._ready: dict[str, bytes] = {}
        self._something_to_send = asyncio.Event()
        self._something_happened = asyncio.Event()

    async def run(self) -> None:
        """Send what is due at its moment, until cancelled.

        The moments are absolute: what goes out late does not make the next late.
        """
        playback, clock = self.playback, self._clock
        while True:
            now = clock.monotonic()
            due = playback.due(now)
            if due is None:
                self._something_to_send.clear()
                await self._something_to_send.wait()
            elif due > now:
                await asyncio.sleep(due - now)
            else:
                await self._send(now)

    async def say(self, speech: Speech, text: str) -> None:
        """Add one piece of text to a speech; return when its audio is made, which is before it is heard.

        Raises:
            ProviderFailedError: The text cannot be spoken.
        """
        await self._room()
        passage = self.playback.begin(speech, text)
        pieces = self._speech_for(text)
        try:
            async with aclosing(pieces):
                async for pcm in pieces:
                    if speech.timing is not None:
                        speech.timing.first_audio(self._clock.monotonic())
                    self.playback.append(passage, pcm)
                    self._something_to_send.set()
        finally:
            self.playback.complete(passage)
            self._something_to_send.set()

    async def keep_ready(self, text: str) -> None:
        """Make the speech for a text now, for a time when it cannot be made any more; failing is no matter yet."""
        with suppress(ProviderFailedError):
            self._ready[text] = b"".join([piece async for piece in self._speech_for(text)])

    def has_ready(self, text: str) -> bool:
        """Tell whether a text can be said whatever becomes of the voice."""
        return text in self._ready

    async def heard(self, speech: Speech) -> None:
        """Wait until the caller has heard all of a speech."""
        while not self.playback.was_heard(speech, now := self._clock.monotonic()):
            self._something_happened.clear()
            limit = self.playback.heard_by(speech)
            try:
                async with asyncio.timeout(None if limit is None else limit - now):
                    await self._something_happened.wait()
            except TimeoutError:
                continue

    def mark_reached(self, name: str) -> None:
        """Take a mark that came back."""
        self.playback.reached(name, self._clock.monotonic())
        self._something_happened.set()

    def drop(self) -> None:
        """Drop all speech of which nothing was sent."""
        self.playback.clear(self._clock.monotonic())
        self._something_happened.set()

    async def stop(self) -> None:
        """Fall silent at once, here and at the carrier."""
        self.drop()
        await self._link.clear()

    def close(self) -> None:
        """Let go of all audio: it weighs more than all else of a call, and is of no use after it."""
        self.drop()
        self._ready.clear()

    async def _speech_for(self, text: str) -> AsyncGenerator[bytes]:
        if text in self._ready:
            yield self._ready[text]
            return
        pieces = spoken(
            self._tts,
            text,
            sample_rate=self._link.sample_rate,
            language=self._language,
            voice=self._voice,
            timeout_ms=self._timings.speech_max_ms,
        )
        async with aclosing(pieces):
            async for pcm in pieces:
                yield pcm

    async def _room(self) -> None:
        too_much_ms = self.playback.unsent_ms - _AHEAD_MS_MAX
        if too_much_ms > 0:
            await asyncio.sleep(too_much_ms / 1000)

    async def _send(self, now: float) -> None:
        passage, pcm = self.playback.take(now)
        if not pcm:
            await self._link.send_mark(passage.mark)
            self._something_happened.set()
            return
        speech = passage.speech
        if speech.started_at is None:
            speech.started_at = now
            self._on_audible(speech)
        await self._link.send_audio(pcm)
