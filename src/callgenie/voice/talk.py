"""What we say in a call: answers as the model makes them, and lines of our own."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from callgenie.kernel.clock import Clock
from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.answering_machine import APOLOGY, AnsweringMachine
from callgenie.voice.ear import Ear
from callgenie.voice.guarded import answered, prepared
from callgenie.voice.latency import AnswerTiming
from callgenie.voice.message_taking import can_take_messages, words_before
from callgenie.voice.mouth import Mouth
from callgenie.voice.phrases import phrases_for
from callgenie.voice.playback import Speech
from callgenie.voice.ports import (
    AnswerOutcome,
    AudioLink,
    Knowledge,
    LanguageModel,
    Message,
    TextDelta,
    ToolCall,
    VoiceProviders,
)
from callgenie.voice.record import CallRecord
from callgenie.voice.rewording import differently
from callgenie.voice.script import CallScript
from callgenie.voice.sentences import SentenceCutter
from callgenie.voice.timings import Timings
from callgenie.voice.tools import CALLS_A_ROUND_MAX, OUTCOMES, ROUNDS_MAX, Departure, Toolbox, ToolResult
from callgenie.voice.turns import Decision, Phase, TurnTaking


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
        tools: Toolbox,
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
        self._model: LanguageModel = providers.model
        self._knowledge = replace(script.knowledge, tools=tools.specs)
        self._recall = script.recall
        self._phrases = phrases_for(script.knowledge)
        self._clock = clock
        self._timings = timings
        self._turns = turns
        self._ear = ear
        self._record = record
        self._tools = tools
        self._calls = 0
        self._speech = Speech(recorded=True)

    async def prepare(self) -> None:
        """Get ready to answer."""
        await prepared(self._model, self._knowledge, self._timings.model_max_ms)

    async def recall(self) -> None:
        """Find out what is known of the caller; the answers that are made from then on know it too."""
        found = await self._recall()
        self._knowledge = replace(self._knowledge, caller_name=found.caller_name, memory=found.memory)

    async def reply(self, timing: AnswerTiming) -> Departure | None:
        """Answer what was said last, sentence by sentence; return, once heard, how the model wants to end the call.

        Raises:
            ProviderFailedError: No answer could be had or spoken.
        """
        self._speech = speech = Speech(timing)
        # What an earlier answer has set going must be known to this one.
        await self._tools.settled()
        timing.asked(self._clock.monotonic())
        departure = await self._answer(speech)
        if self._turns.phase is Phase.CLOSING:
            return departure  # a tool has ended the call by itself; what is left to say is said there
        if departure is not None:
            self._turns.closing()
        if not speech.meant:
            again = differently(self._phrases.say_again, words_before(self._record.conversation()))
            await self._utter(speech, [departure.words if departure else again])
        await self._conclude(speech)
        return departure

    async def say(self, text: str) -> None:
        """Say what answers nothing, such as a greeting; return once it was heard.

        Raises:
            ProviderFailedError: It cannot be spoken.
        """
        self._speech = speech = Speech()
        await self._utter(speech, [text])
        await self._conclude(speech)

    def can_do_without_model(self) -> bool:
        """Tell whether something useful can be done in this call although no model answers, and was not tried yet."""
        return can_take_messages(self._knowledge) and not isinstance(self._model, AnsweringMachine)

    async def do_without_model(self) -> None:
        """Apologise that no answer can be had, and go on as an answering machine.

        Raises:
            ProviderFailedError: It cannot be spoken.
        """
        self._model = AnsweringMachine()
        await self.end_sentence()
        await self.say(APOLOGY)

    async def end_sentence(self, seconds_max: float | None = None) -> None:
        """Let the sentence that sounds come to its end, for so long at most, and drop what would follow."""
        if not self._speech.recorded:
            self.mouth.playback.drop_unbegun()
            try:
                async with asyncio.timeout(seconds_max):
                    await self.mouth.heard(self._speech)
            except TimeoutError:
                self.stop_counting(interrupted=False)
                await self.mouth.stop()
        self.stop_counting(interrupted=False)

    async def fall_silent(self) -> None:
        """Stop at once, because the caller speaks; what they have heard until now is the turn."""
        self.stop_counting(interrupted=True)
        await self.mouth.stop()

    def stop_counting(self, *, interrupted: bool) -> None:
        """Tell what was said by both sides so far."""
        self._record.tell_said()
        self._record.tell_speech(self._speech, self.mouth.playback, self._clock.monotonic(), interrupted=interrupted)

    async def _answer(self, speech: Speech) -> Departure | None:
        """Ask the model, do what it asks for, tell it what came of that, and so on until it has said all."""
        messages = self._record.conversation()
        for tools in (*[self._knowledge.tools] * ROUNDS_MAX, ()):
            text, calls = await self._hear_model(speech, messages, replace(self._knowledge, tools=tools))
            if not calls:
                return None
            messages.append(Message(TurnRole.ASSISTANT, text, tool_calls=calls))
            for call in calls:
                result = await self._use(speech, call, messages)
                if result.departure is not None:
                    return result.departure
                messages.append(Message(TurnRole.TOOL, result.text, tool_call_id=call.id))
        return None

    async def _hear_model(
        self, speech: Speech, messages: Sequence[Message], knowledge: Knowledge
    ) -> tuple[str, tuple[ToolCall, ...]]:
        """Speak one answer of the model as it is made; return its text, and the tools that it asks for."""
        cutter = SentenceCutter()
        text: list[str] = []
        calls: list[ToolCall] = []
        deltas = answered(self._model, messages, knowledge, self._timings.model_max_ms)
        async with aclosing(deltas):
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    timing = speech.timing
                    if timing is not None:
                        timing.first_text(self._clock.monotonic())
                    text.append(delta.text)
                    await self._utter(speech, cutter.push(delta.text))
                elif isinstance(delta, AnswerOutcome):
                    speech.reported = delta.outcome
                elif knowledge.tools and len(calls) < CALLS_A_ROUND_MAX:
                    calls.append(self._named(delta))
        await self._utter(speech, cutter.flush())
        return "".join(text), tuple(calls)

    async def _use(self, speech: Speech, call: ToolCall, messages: Sequence[Message]) -> ToolResult:
        has_effect = self._tools.has_effect(call.name)
        if has_effect:
            # From here on there is no way back: who goes on speaking begins a new turn.
            self._take_turn()
        result = await self._tools.run(call, tuple(messages))
        if not result.failed:
            speech.derived = OUTCOMES.get(call.name, speech.derived)
        if result.departure is None and not has_effect:
            self._record.hold_used(call, result.text, self._clock.monotonic())
        return result

    def _named(self, call: ToolCall) -> ToolCall:
        self._calls += 1
        return call if call.id else replace(call, id=f"call_{self._calls}")

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

    def _take_turn(self) -> None:
        """Take the caller's turn for over, although nothing of the answer can be heard yet."""
        self._record.tell_said()
        self._obey(self._turns.speaking(self._clock.monotonic()))

    def _obey(self, decisions: tuple[Decision, ...]) -> None:
        if Decision.DISCARD in decisions:
            self._ear.forget()
