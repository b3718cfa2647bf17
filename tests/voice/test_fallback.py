"""What a caller hears when providers fail: the next one, nothing twice, and never the end of the call."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from tests.support.virtual_time import virtually

from callgenie.kernel.clock import LoopClock
from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.voice.breaker import Breaker
from callgenie.voice.fallback import Candidate, FallbackModel, FallbackSpeech, FallbackSpeechToText
from callgenie.voice.guarded import on_provider_failure
from callgenie.voice.ports import (
    AnswerOutcome,
    Knowledge,
    Message,
    ModelDelta,
    ProviderError,
    SpeechStream,
    TextDelta,
    ToolCall,
    Transcript,
)

BROKEN = ProviderError("vendor", "server_error", permanent=False)
REFUSED = ProviderError("vendor", "unauthorized", permanent=True)
BUSY = ProviderError("vendor", "rate_limited", permanent=False, retry_after_seconds=30)
STALLS = "stalls"
PATIENCE_MS = 2_000
KNOWLEDGE = Knowledge("SAATHI", "")
QUESTION = (Message(TurnRole.USER, "When are you open?"),)

Step = str | bytes | ToolCall | AnswerOutcome | ProviderError


@dataclass
class Playwright:
    """A model, a voice and a recogniser that do, each time that they are asked, what the next script says.

    A step is passed on, raised, or (`STALLS`) waited for in vain. The last script is played again and again.
    """

    scripts: Sequence[Sequence[Step]] = ((),)
    asked: int = 0
    got_ready: int = 0
    heard: list[bytes] = field(default_factory=list)

    async def prepare(self, knowledge: Knowledge) -> None:
        del knowledge
        self.got_ready += 1
        async with aclosing(self.play()) as steps:
            await anext(steps)

    def script(self) -> Sequence[Step]:
        self.asked += 1
        return self.scripts[min(self.asked, len(self.scripts)) - 1]

    async def play(self) -> AsyncGenerator[Step]:
        for step in self.script():
            if isinstance(step, ProviderError):
                raise step
            if step == STALLS:
                await asyncio.sleep(3_600)
            yield step


class Model(Playwright):
    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        del messages, knowledge
        async with aclosing(self.play()) as steps:
            async for step in steps:
                assert isinstance(step, str | ToolCall | AnswerOutcome)
                yield TextDelta(step) if isinstance(step, str) else step


class Voice(Playwright):
    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        del text, sample_rate, language, voice
        async with aclosing(self.play()) as steps:
            async for step in steps:
                assert isinstance(step, bytes)
                yield step


class Recogniser(Playwright):
    """Counts its open streams; each remembers what it was given."""

    open_streams = 0

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        del sample_rate, language
        self.open_streams += 1
        return _Hearing(self)


class _Hearing:
    def __init__(self, of: Recogniser) -> None:
        self._of = of
        self._pieces: list[bytes] = []
        self._open = True

    def push(self, pcm: bytes) -> None:
        self._pieces.append(pcm)

    async def transcribe(self) -> Transcript:
        async with aclosing(self._of.play()) as steps:
            step = await anext(steps)
        return Transcript(f"{step!s} {b''.join(self._pieces).decode()}", final=True)

    def reset(self) -> None:
        self._pieces.clear()

    async def close(self) -> None:
        self._of.open_streams -= self._open
        self._open = False


def candidates(*providers: Playwright) -> list[Candidate]:  # type: ignore[type-arg] # of whichever kind the test is
    clock = LoopClock(datetime(2026, 5, 4, tzinfo=UTC))
    return [Candidate(f"vendor{at}", provider, Breaker(clock)) for at, provider in enumerate(providers, 1)]


def model_of(*providers: Model) -> FallbackModel:
    *hosted, last = providers
    return FallbackModel(candidates(*hosted), last, patience_ms=PATIENCE_MS)


def voice_of(*providers: Voice) -> FallbackSpeech:
    *hosted, last = providers
    return FallbackSpeech(candidates(*hosted), last, patience_ms=PATIENCE_MS)


async def answer(model: FallbackModel) -> str:
    said = ""
    async for delta in model.stream(QUESTION, KNOWLEDGE):
        if isinstance(delta, TextDelta):
            said += delta.text
        else:
            said += f"<{delta.name if isinstance(delta, ToolCall) else delta.outcome}>"
    return said


async def speech(voice: FallbackSpeech) -> bytes:
    return b"".join([pcm async for pcm in voice.stream("Hello.", sample_rate=8_000, language="en", voice="x")])


def now() -> float:
    return asyncio.get_running_loop().time()


# Who answers


@virtually
async def test_as_long_as_it_works_only_the_chosen_one_is_asked() -> None:
    chosen, last = Model([["We open at nine."]]), Model([["no"]])
    model = model_of(chosen, last)
    assert [await answer(model) for _ in range(3)] == ["We open at nine."] * 3
    assert (chosen.asked, last.asked) == (3, 0)


@virtually
async def test_a_failure_that_a_second_attempt_makes_good_is_none() -> None:
    chosen, last = Model([[BROKEN], ["We open at nine."]]), Model([["no"]])
    assert await answer(model_of(chosen, last)) == "We open at nine."
    assert last.asked == 0


@pytest.mark.parametrize(("error", "attempts"), [(BROKEN, 2), (REFUSED, 1), (BUSY, 1)])
@virtually
async def test_the_next_one_answers_after_two_failures_or_one_that_asking_again_cannot_help(
    error: ProviderError, attempts: int
) -> None:
    first, second, last = Model([[error]]), Model([["Nine."]]), Model([["no"]])
    assert await answer(model_of(first, second, last)) == "Nine."
    assert (first.asked, second.asked, last.asked) == (attempts, 1, 0)


@virtually
async def test_the_embedded_one_is_asked_when_all_others_fail() -> None:
    began = now()
    assert await answer(model_of(Model([[BROKEN]]), Model([[REFUSED]]), Model([["FAQ"]]))) == "FAQ"
    assert now() - began < 0.1


@virtually
async def test_a_slow_one_costs_its_patience_once_and_no_second_attempt() -> None:
    began = now()
    slow = Model([[STALLS]])
    assert await answer(model_of(slow, Model([["FAQ"]]))) == "FAQ"
    assert now() - began == pytest.approx(PATIENCE_MS / 1000, abs=0.1)


@virtually
async def test_what_keeps_failing_is_not_asked_for_a_while_and_then_again() -> None:
    first, last = Model([[STALLS]] * 3 + [["Nine."]]), Model([["FAQ"]])
    model = model_of(first, last)
    for _ in range(3):
        assert await answer(model) == "FAQ"
    began = now()
    assert await answer(model) == "FAQ"
    assert now() - began < 0.1
    await asyncio.sleep(20)
    assert await answer(model) == "Nine."
    assert await answer(model) == "Nine."


@virtually
async def test_the_last_one_s_failure_is_the_caller_s_to_hear_of() -> None:
    with pytest.raises(ProviderError, match="server_error"):
        await answer(model_of(Model([[REFUSED]]), Model([[BROKEN]])))


@virtually
async def test_every_failure_is_told_once_to_whoever_keeps_the_figures() -> None:
    told: list[tuple[str, str]] = []
    token = on_provider_failure.set(lambda provider, category: told.append((provider, category)))
    try:
        await answer(model_of(Model([[BROKEN]]), Model([[STALLS]]), Model([["FAQ"]])))
    finally:
        on_provider_failure.reset(token)
    assert told == [("vendor", "server_error"), ("vendor", "server_error"), ("vendor2", "timeout")]


@virtually
async def test_getting_ready_finds_out_who_cannot() -> None:
    refused, ready, last = Model([[REFUSED]]), Model([["Nine."]]), Model([["FAQ"]])
    model = model_of(refused, ready, last)
    await model.prepare(KNOWLEDGE)
    assert (ready.got_ready, last.got_ready) == (1, 0)
    assert await answer(model) == "Nine."
    assert refused.asked == 1


# Nothing twice


@pytest.mark.parametrize("way", [BROKEN, STALLS])
@virtually
async def test_an_answer_that_breaks_off_is_not_begun_again_but_apologised_for(way: Step) -> None:
    first, last = Model([["We open ", "at ", way]]), Model([["FAQ"]])
    said = await answer(model_of(first, last))
    assert said.startswith("We open at ... I'm sorry")
    assert said.count("We open") == 1
    assert (first.asked, last.asked) == (1, 0)


@virtually
async def test_a_request_that_was_passed_on_is_not_made_again_nor_spoken_about() -> None:
    said = await answer(model_of(Model([[ToolCall("take_message"), BROKEN]]), Model([[ToolCall("take_message")]])))
    assert said == "<take_message>"


@virtually
async def test_an_outcome_is_not_spoken_so_the_next_model_may_answer_after_it() -> None:
    told = AnswerOutcome(Outcome.HOURS)
    first, last = Model([[told, BROKEN]]), Model([["We open at nine.", told]])
    assert await answer(model_of(first, last)) == "<hours><hours>We open at nine.<hours>"
    assert (first.asked, last.asked) == (2, 1)


@virtually
async def test_an_answer_that_breaks_off_after_its_outcome_is_apologised_for() -> None:
    said = await answer(model_of(Model([["We open at", AnswerOutcome(Outcome.HOURS), BROKEN]]), Model([["FAQ"]])))
    assert said.startswith("We open at<hours>... I'm sorry")


@pytest.mark.parametrize("way", [BROKEN, STALLS])
@virtually
async def test_speech_that_breaks_off_ends_and_the_next_sentence_is_another_s(way: Step) -> None:
    first, last = Voice([[b"he", way], [REFUSED]]), Voice([[b"hello"]])
    voice = voice_of(first, last)
    assert await speech(voice) == b"he"
    assert await speech(voice) == b"hello"


@virtually
async def test_speech_that_does_not_begin_is_spoken_whole_by_the_next() -> None:
    assert await speech(voice_of(Voice([[BROKEN]]), Voice([[STALLS]]), Voice([[b"hel", b"lo"]]))) == b"hello"


@virtually
async def test_an_interruption_is_no_failure() -> None:
    chosen = Voice([[b"he", STALLS]])
    voice = voice_of(chosen, Voice([[b"hello"]]))
    for _ in range(5):
        stream = voice.stream("Hello.", sample_rate=8_000, language="en", voice="x")
        assert await anext(stream) == b"he"
        await stream.aclose()  # type: ignore[attr-defined] # it is a generator
    assert chosen.asked == 5


# Hearing


def hearing(*providers: Recogniser) -> SpeechStream:
    *hosted, last = providers
    stt = FallbackSpeechToText(candidates(*hosted), last, patience_ms=PATIENCE_MS)
    return stt.open(sample_rate=8_000, language="en")


@virtually
async def test_whoever_takes_over_hears_the_utterance_from_its_beginning() -> None:
    first, last = Recogniser([[BROKEN]]), Recogniser([["last:"]])
    stream = hearing(first, last)
    stream.push(b"good ")
    stream.push(b"morning")
    assert (await stream.transcribe()).text == "last: good morning"
    stream.push(b" sir")
    assert (await stream.transcribe()).text == "last: good morning sir"
    stream.reset()
    stream.push(b"bye")
    assert (await stream.transcribe()).text.endswith(" bye")
    await stream.close()
    assert (first.open_streams, last.open_streams) == (0, 0)


@virtually
async def test_a_stream_that_broke_is_opened_again_before_another_takes_over() -> None:
    first, last = Recogniser([[BROKEN], ["first:"]]), Recogniser([["last:"]])
    stream = hearing(first, last)
    stream.push(b"hello")
    assert (await stream.transcribe()).text == "first: hello"
    await stream.close()
    assert (first.open_streams, last.asked) == (0, 0)


@virtually
async def test_a_recogniser_that_is_back_hears_the_next_utterance() -> None:
    first, last = Recogniser([[REFUSED], ["first:"]]), Recogniser([["last:"]])
    stream = hearing(first, last)
    stream.push(b"hello")
    assert (await stream.transcribe()).text == "last: hello"
    await asyncio.sleep(20)
    stream.push(b" again")
    assert (await stream.transcribe()).text == "last: hello again"
    stream.reset()
    stream.push(b"bye")
    assert (await stream.transcribe()).text == "first: bye"
    await stream.close()
    assert (first.open_streams, last.open_streams) == (0, 0)


@virtually
async def test_a_slow_recogniser_costs_its_patience_once() -> None:
    began = now()
    stream = hearing(Recogniser([[STALLS]]), Recogniser([["last:"]]))
    stream.push(b"hello")
    assert (await stream.transcribe()).text == "last: hello"
    assert now() - began == pytest.approx(PATIENCE_MS / 1000, abs=0.1)
    await stream.close()


@virtually
async def test_a_monologue_is_kept_only_in_part() -> None:
    stream = hearing(Recogniser([[REFUSED]]), Recogniser([["last:"]]))
    for second in range(60):
        stream.push(f"{second:02}".encode() * 8_000)
    assert len((await stream.transcribe()).text) < 30 * 16_000
    await stream.close()
