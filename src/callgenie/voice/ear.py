"""What one call hears: the detector of speech, a little memory of what came before it, and the recogniser."""

from collections import deque
from typing import Final

from callgenie.voice.guarded import transcribed
from callgenie.voice.ports import FRAME_MS, VoiceProviders
from callgenie.voice.timings import Timings
from callgenie.voice.turns import NOTHING, Decision, TurnTaking

# The detector needs a moment to be sure; without the 300 ms before, words lose their first consonant.
_BEFORE_FRAMES: Final = 300 // FRAME_MS


class Ear:
    """Follows the caller's audio and knows what the utterance in progress says.

    Attributes:
        transcribed_at: When the newest transcript came, in seconds.
    """

    def __init__(
        self, providers: VoiceProviders, turns: TurnTaking, timings: Timings, *, sample_rate: int, language: str
    ) -> None:
        self.transcribed_at = 0.0
        self._turns = turns
        self._timings = timings
        self._activity = providers.vad.open(sample_rate=sample_rate)
        self._stream = providers.stt.open(sample_rate=sample_rate, language=language)
        self._bytes_a_ms = sample_rate * 2 / 1000
        # Full, it forgets its oldest frame: what matters is what came just before the speech.
        self._before: deque[bytes] = deque(maxlen=_BEFORE_FRAMES)
        self._keeping = False
        self._kept_ms = 0.0
        self._unjudged_ms = 0.0
        self._parts: list[str] = []

    def hear(self, pcm: bytes, now: float) -> tuple[Decision, ...]:
        """Take a piece of the caller's audio; return what follows from it."""
        span_ms = len(pcm) / self._bytes_a_ms
        self._unjudged_ms += span_ms
        if self._keeping:
            self._stream.push(pcm)
            self._kept_ms += span_ms
        else:
            self._before.append(pcm)
        probability = self._activity.push(pcm)
        if probability is None:
            return NOTHING
        span_ms, self._unjudged_ms = self._unjudged_ms, 0.0
        decisions = self._turns.voice(now, probability, span_ms)
        if Decision.OPEN in decisions:
            self._keep()
        return decisions

    def forget(self) -> None:
        """Drop the utterance in progress."""
        self._keeping = False
        self._kept_ms = 0.0
        self._parts.clear()
        self._before.clear()
        self._stream.reset()

    async def transcribe(self) -> tuple[str, int]:
        """Return what the utterance in progress says, and the epoch for which that is true.

        Raises:
            ProviderFailedError: Recognition failed.
        """
        epoch = self._turns.epoch
        heard = await transcribed(self._stream, self._timings.transcribe_max_ms)
        text = " ".join([*self._parts, heard.text]).strip()
        if self._kept_ms >= self._timings.utterance_max_ms and epoch == self._turns.epoch:
            self._set_part_aside(heard.text)
        return text, epoch

    async def close(self) -> None:
        """Free the recogniser."""
        self._before.clear()
        await self._stream.close()

    def _keep(self) -> None:
        self._keeping = True
        before = b"".join(self._before)
        self._before.clear()
        self._kept_ms = len(before) / self._bytes_a_ms
        self._stream.push(before)

    def _set_part_aside(self, text: str) -> None:
        # Someone who talks for minutes pauses now and then; at such a pause what was said becomes text for good,
        # so that neither memory nor the time to transcribe grows with the length of a monologue.
        if text:
            self._parts.append(text)
        self._kept_ms = 0.0
        self._stream.reset()
