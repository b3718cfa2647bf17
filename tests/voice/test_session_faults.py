"""Providers that fail, hang and talk nonsense: each ends its own call politely, for the right reason."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from tests.support.fake_link import FakeLink, quiet, voice
from tests.support.held_call import GREETING, HOURS, held_call
from tests.support.virtual_time import virtually

from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.voice.ports import (
    AudioReceived,
    Knowledge,
    LinkEvent,
    Message,
    ModelDelta,
    ProviderError,
    SpeechStream,
    TextDelta,
    ToolSpec,
    Transcript,
)
from callgenie.voice.providers.scripted import LoudnessDetector, ScriptedModel, ToneTextToSpeech
from callgenie.voice.tools import ToolResult
from callgenie.voice.turn import SessionEnd

APOLOGY = "I'm sorry, something has gone wrong on our side. Please call again in a moment. Goodbye."


def fail(*, permanent: bool = False) -> None:
    raise ProviderError("vendor", "unavailable", permanent=permanent)


class Ears:
    """Recognition that fails the first `failures` times, after `seconds`."""

    def __init__(self, failures: int = 0, *, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.failures = failures
        self.attempts = 0
        self._seconds = seconds
        self._error = error or ProviderError("vendor", "unavailable", permanent=False)

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        del sample_rate, language
        return self

    def push(self, pcm: bytes) -> None:
        pass

    def reset(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def transcribe(self) -> Transcript:
        self.attempts += 1
        if self.attempts <= self.failures:
            await asyncio.sleep(self._seconds)
            raise self._error
        return Transcript("When are you open?", final=True)


class Mind:
    """A model that fails the first `failures` times, after saying `first`."""

    def __init__(self, failures: int, *, first: str = "", seconds: float = 0.0, permanent: bool = False) -> None:
        self.attempts = 0
        self._failures = failures
        self._first = first
        self._seconds = seconds
        self._permanent = permanent

    async def prepare(self, knowledge: Knowledge) -> None:
        del knowledge
        fail()

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        del messages, knowledge
        self.attempts += 1
        if self._first:
            yield TextDelta(self._first)
        await asyncio.sleep(self._seconds)
        if self.attempts <= self._failures:
            fail(permanent=self._permanent)
        yield TextDelta("We are open.")


class Clerk:
    """Keeps messages."""

    spec = ToolSpec("take_message", "", {})
    has_effect = True

    def __init__(self) -> None:
        self.kept: list[Mapping[str, Any]] = []

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        del conversation
        self.kept.append(arguments)
        return ToolResult("Thank you, I will pass that on.")


class Voice:
    """Speech that fails from the `good`-th text on; the apology, made beforehand, counts only if it is not `ready`."""

    def __init__(self, good: int, *, forever: bool = False, ready: bool = False) -> None:
        self._good = good
        self._ready = ready
        self._forever = forever
        self._tone = ToneTextToSpeech()

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        self._good -= text != APOLOGY
        if not self._ready if text == APOLOGY else self._good < 0:
            await asyncio.sleep(1_000 if self._forever else 0)
            fail()
        async for piece in self._tone.stream(text, sample_rate=sample_rate, language=language, voice=voice):
            yield piece


@virtually
async def test_recognition_that_fails_once_is_asked_again_and_nobody_notices() -> None:
    async with held_call(stt=Ears(1)) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(11)
        assert call.said[1:] == [("user", "When are you open?"), ("assistant", HOURS)]


@virtually
async def test_recognition_that_fails_twice_ends_the_call_with_an_apology() -> None:
    async with held_call(stt=Ears(9)) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert await call.ended() == SessionEnd(EndedReason.STT_ERROR, Fault.PROVIDER)
        assert call.said == [("assistant", GREETING), ("assistant", APOLOGY)]


@virtually
async def test_recognition_that_hangs_is_not_waited_for_for_ever() -> None:
    async with held_call(stt=Ears(9, seconds=1_000)) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert (await call.ended()).reason is EndedReason.STT_ERROR
        assert call.link.closed_at is not None
        assert call.link.closed_at < 4 + 2 * 6 + 7


@virtually
async def test_a_mistake_inside_a_provider_is_a_failure_like_any_other() -> None:
    async with held_call(stt=Ears(9, error=KeyError("results"))) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert await call.ended() == SessionEnd(EndedReason.STT_ERROR, Fault.PROVIDER)


@virtually
async def test_the_last_words_do_not_hold_up_the_end_when_recognition_hangs() -> None:
    async with held_call(stt=Ears(9, seconds=1_000)) as call:
        call.link.says(quiet(3_000), voice(2_000))
        await asyncio.sleep(4)
        began = call.link.now
        call.link.hangs_up()
        assert (await call.ended()).reason is EndedReason.CALLER_HANGUP
        assert call.link.now - began == pytest.approx(3.0, abs=0.1)


@virtually
async def test_a_model_that_fails_before_its_first_word_is_asked_again() -> None:
    model = Mind(1)
    async with held_call(["Hello?"], model=model) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(8)
        assert model.attempts == 2
        assert call.said[-1] == ("assistant", "We are open.")


@virtually
async def test_a_permanent_failure_is_not_tried_again() -> None:
    model = Mind(9, permanent=True)
    async with held_call(["Hello?"], model=model) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert await call.ended() == SessionEnd(EndedReason.LLM_ERROR, Fault.PROVIDER)
        assert model.attempts == 1
        assert call.said[1:] == [("user", "Hello?"), ("assistant", APOLOGY)]


@virtually
async def test_a_model_that_fails_for_good_leaves_an_answering_machine() -> None:
    clerk, model = Clerk(), Mind(9, permanent=True)
    texts = ["Do you have cake?", "Yes, please.", "This is Anna Smith, 415 555 0123, please call me.", "Yes.", "No."]
    async with held_call(texts, model=model, tools=[clerk]) as call:
        for pause_ms in (3_000, 11_000, 8_000, 11_000, 8_000):
            call.link.says(quiet(pause_ms), voice(800))
        assert await call.ended() == SessionEnd(EndedReason.LLM_ERROR, Fault.PROVIDER)
        assert model.attempts == 1
        assert clerk.kept == [{"text": texts[2], "name": "Anna Smith", "number": "4155550123"}]
        said = [text for role, text in call.said if role == "assistant"]
        assert said[1].startswith("I'm sorry, something has gone wrong on our side")
        assert said[-2:] == [
            "Thank you, I will pass that on. Is there anything else I can help you with?",
            "Thank you for calling Bright Dental. Goodbye.",
        ]


@virtually
async def test_half_an_answer_ends_before_the_answering_machine_speaks() -> None:
    model = Mind(9, first="One moment, please. ")
    async with held_call(["Hello?", "No, thanks."], model=model, tools=[Clerk()]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(12_000), voice(800))
        assert await call.ended() == SessionEnd(EndedReason.LLM_ERROR, Fault.PROVIDER)
        assert [text for role, text in call.said if role == "assistant"][1] == "One moment, please."
        assert call.said[-1] == ("assistant", "Thank you for calling Bright Dental. Goodbye.")


@virtually
async def test_a_caller_who_then_hangs_up_does_so_for_the_models_failure() -> None:
    async with held_call(["Hello?"], model=Mind(9), tools=[Clerk()]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(8)
        call.link.hangs_up()
        assert await call.ended() == SessionEnd(EndedReason.LLM_ERROR, Fault.PROVIDER)


@virtually
async def test_half_an_answer_is_not_said_twice() -> None:
    model = Mind(9, first="One moment, please. ")
    async with held_call(["Hello?"], model=model) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert (await call.ended()).reason is EndedReason.LLM_ERROR
        assert model.attempts == 1
        assert call.said[1:] == [("user", "Hello?"), ("assistant", "One moment, please."), ("assistant", APOLOGY)]


@virtually
async def test_a_model_that_hangs_is_not_waited_for_for_ever() -> None:
    async with held_call(["Hello?"], model=Mind(0, seconds=1_000)) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert (await call.ended()).reason is EndedReason.LLM_ERROR
        assert call.link.closed_at is not None
        assert call.link.closed_at < 4.5 + 2 * 6 + 7


@virtually
async def test_a_voice_that_fails_cannot_apologise_and_hangs_up() -> None:
    async with held_call(["When are you open?"], tts=Voice(1)) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert await call.ended() == SessionEnd(EndedReason.TTS_ERROR, Fault.PROVIDER)
        assert call.said == [("assistant", GREETING), ("user", "When are you open?")]
        assert call.link.closed_at == pytest.approx(4.4, abs=0.15)


@virtually
async def test_a_voice_that_fails_later_apologises_with_what_it_said_before() -> None:
    async with held_call(["When are you open?"], tts=Voice(1, ready=True)) as call:
        call.link.says(quiet(5_000), voice(1_000))
        assert await call.ended() == SessionEnd(EndedReason.TTS_ERROR, Fault.PROVIDER)
        assert call.said[-1] == ("assistant", APOLOGY)
        assert call.link.heard_ms() == (len(GREETING) + len(APOLOGY)) * 60


@virtually
async def test_a_voice_that_hangs_is_not_waited_for_for_ever() -> None:
    async with held_call(["When are you open?"], tts=Voice(1, forever=True)) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert (await call.ended()).reason is EndedReason.TTS_ERROR
        assert call.link.closed_at is not None
        assert call.link.closed_at < 4.4 + 2 * 4 + 0.5


@virtually
async def test_a_voice_that_fails_in_the_greeting_ends_the_call() -> None:
    async with held_call(tts=Voice(0)) as call:
        assert (await call.ended()).reason is EndedReason.TTS_ERROR
        assert call.said == []


class _BrokenDetector(LoudnessDetector):
    def open(self, *, sample_rate: int) -> "_BrokenDetector":
        del sample_rate
        return self

    def push(self, pcm: bytes) -> float | None:
        raise RuntimeError(len(pcm))


@virtually
async def test_a_mistake_of_ours_ends_this_call_as_ours_and_raises_nothing() -> None:
    async with held_call(vad=_BrokenDetector()) as call:
        assert await call.ended() == SessionEnd(EndedReason.INTERNAL_ERROR, Fault.PLATFORM)
        assert call.link.closed_at is not None


class _BrokenLink(FakeLink):
    async def events(self) -> AsyncIterator[LinkEvent]:
        yield AudioReceived(bytes(320))
        raise ConnectionResetError

    async def close(self) -> None:
        await super().close()
        raise ConnectionResetError


@virtually
async def test_a_link_that_breaks_in_every_way_raises_nothing_and_is_the_carriers_fault() -> None:
    async with held_call(link=_BrokenLink()) as call:
        assert await call.ended() == SessionEnd(EndedReason.CARRIER_STREAM_LOST, Fault.PROVIDER)


class _EndlessModel(ScriptedModel):
    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        del messages, knowledge
        while True:
            yield TextDelta("and on and on it goes, ")


@virtually
async def test_a_model_that_never_stops_fills_no_memory_and_can_be_interrupted() -> None:
    async with held_call(["Hello?", "stop it now"], model=_EndlessModel({})) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(6_000), voice(1_000))
        await asyncio.sleep(9.9)
        assert call.session.playback.unsent_ms < 8_000 + 220 * 60
        await asyncio.sleep(1)
        assert len(call.link.cleared_at) == 1
