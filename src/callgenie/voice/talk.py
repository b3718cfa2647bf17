"""What we say in a call: answers as the model makes them, and lines of our own."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from callgenie.kernel.clock import Clock
from callgenie.voice.ear import Ear
from callgenie.voice.guarded import answered, prepared
from callgenie.voice.latency import AnswerTiming
from callgenie.voice.mouth import Mouth
from callgenie.voice.playback import Speech
from callgenie.voice.ports import AudioLink, Message, TextDelta, VoiceProviders
from callgenie.voice.record import CallRecord
from callgenie.voice.script import CallScript
from callgenie.voice.sentences import SentenceCutter
from callgenie.voice.timings import Timings
from callgenie.voice.turns import Decision, TurnTaking

END_CALL: Final = "end_call"


class Talk:
    """Our side of one call. There is one mouth: at most one of its methods that speak runs at a time."""

    def __init__(
        self,
        link: AudioLink,
        providers: VoiceProviders,
        script: CallScript,
        clock: Clock,
        timings: Timings,
        *,
        turns: TurnTaking,
        ear: Ear,
        record: CallRecord,
    ) -> None:
        self.mouth = Mouth(
            link,
            providers.tts,
            clock,
            timings,
            language=script.knowledge.language,
            voice=script.voice,
            on_audible=self._audible,
        )
        self._model = providers.model
        self._knowledge = script.knowledge
        self._clock = clock
        self._timings = timings
        self._turns = turns
        self._ear = ear
        self._record = record
        self._speech = Speech(recorded=True)

    async def prepare(self) -> None:
        """Get ready to answer."""
        await prepared(self._model, self._knowledge, self._timings.model_max_ms)

    async def reply(self, messages: Sequence[Message], timing: AnswerTiming) -> bool:
        """Answer the last message, sentence by sentence; return, once heard, whether the model wants to hang up.

        Raises:
            ProviderFailedError: No answer could be had or spoken.
        """
        self._speech = speech = Speech(timing)
        cutter = SentenceCutter()
        leaves = False
        timing.asked(self._clock.monotonic())
        deltas = answered(self._model, messages, self._knowledge, self._timings.model_max_ms)
        async with aclosing(deltas):
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    timing.first_text(self._clock.monotonic())
                    await self._utter(speech, cutter.push(delta.text))
                elif delta.name == END_CALL:
                    leaves = True
        await self._utter(speech, cutter.flush())
        if leaves:
            self._turns.closing()
        await self._conclude(speech)
        return leaves

    async def say(self, text: str) -> None:
        """Say what answers nothing, such as a greeting; return once it was heard.

        Raises:
            ProviderFailedError: It cannot be spoken.
        """
        self._speech = speech = Speech()
        await self._utter(speech, [text])
        await self._conclude(speech)

    async def end_sentence(self) -> None:
        """Let the sentence that sounds come to its end, and drop what would follow."""
        if not self._speech.recorded:
            self.mouth.playback.drop_unbegun()
            await self.mouth.heard(self._speech)
        self.stop_counting(interrupted=False)

    async def fall_silent(self) -> None:
        """Stop at once, because the caller speaks; what they have heard until now is the turn."""
        self.stop_counting(interrupted=True)
        await self.mouth.stop()

    def stop_counting(self, *, interrupted: bool) -> None:
        """Tell what was said by both sides so far."""
        self._record.tell_said()
        self._record.tell_speech(self._speech, self.mouth.playback, self._clock.monotonic(), interrupted=interrupted)

    async def _utter(self, speech: Speech, pieces: Sequence[str]) -> None:
        speech.meant += pieces
        for piece in pieces:
            if speech.timing is not None:
                speech.timing.first_clause(self._clock.monotonic())
            await self.mouth.say(speech, piece)

    async def _conclude(self, speech: Speech) -> None:
        await self.mouth.heard(speech)
        self.stop_counting(interrupted=False)
        self._obey(self._turns.spoke(self._clock.monotonic()))

    def _audible(self, speech: Speech) -> None:
        """Note that a speech can be heard from now on; the mouth calls it just before the first frame."""
        now = self._clock.monotonic()
        if speech.timing is not None:
            speech.timing.handed_over(now)
            self._record.tell_said()
        self._obey(self._turns.speaking(now))

    def _obey(self, decisions: tuple[Decision, ...]) -> None:
        if Decision.DISCARD in decisions:
            self._ear.forget()
