"""A call from outside: what the caller hears and when, and what is told of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.support.fake_link import quiet, voice
from tests.support.held_call import GREETING, HOURS, held_call
from tests.support.spoken import words_within
from tests.support.virtual_time import virtually

from callgenie.kernel.vocabulary import EndedReason, Fault, TurnRole
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, Transcript
from callgenie.voice.providers.scripted import is_loud
from callgenie.voice.turn import SessionEnd

CALLER_HUNG_UP = SessionEnd(EndedReason.CALLER_HANGUP, Fault.NONE)


@virtually
async def test_a_caller_asks_is_answered_and_says_goodbye() -> None:
    async with held_call(["When are you open?", "Thank you, goodbye."]) as call:
        call.link.says(quiet(3_000), voice(1_200), quiet(9_000), voice(800))
        assert await call.ended() == SessionEnd(EndedReason.ASSISTANT_HANGUP, Fault.NONE)
        assert call.said == [
            ("assistant", GREETING),
            ("user", "When are you open?"),
            ("assistant", HOURS),
            ("user", "Thank you, goodbye."),
            ("assistant", "Thank you for calling. Goodbye."),
        ]
        assert not any(turn.interrupted or turn.generated_text for turn in call.notebook.turns)
        assert call.session.playback.late_frames == 0


@virtually
async def test_the_greeting_starts_at_once() -> None:
    async with held_call() as call:
        await asyncio.sleep(0.1)
        assert call.link.heard_ms() >= 40


@virtually
async def test_the_answer_comes_as_soon_as_the_turn_is_over_and_every_step_is_timed() -> None:
    async with held_call(["When are you open?"]) as call:
        call.link.says(quiet(3_000), voice(1_200))
        await asyncio.sleep(8)
        answer = call.turns(TurnRole.ASSISTANT)[1] if len(call.turns(TurnRole.ASSISTANT)) > 1 else None
        assert answer is None  # it is still being spoken
        await asyncio.sleep(5)
        answer = call.turns(TurnRole.ASSISTANT)[1]
        assert answer.latency is not None
        assert answer.latency.stt_final_ms == pytest.approx(200, abs=21)
        assert answer.latency.eou_delay_ms == pytest.approx(400, abs=21)
        assert answer.latency.server_e2e_ms == answer.latency.eou_delay_ms
        question = call.turns(TurnRole.USER)[0]
        assert question.started_ms == pytest.approx(3_020, abs=25)
        assert question.ended_ms == pytest.approx(4_200, abs=25)
        assert answer.started_ms == pytest.approx(4_600, abs=45)


@virtually
async def test_a_turn_is_told_while_the_call_goes_on() -> None:
    async with held_call(["When are you open?"]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(5)
        assert call.said == [("assistant", GREETING), ("user", "When are you open?")]


@virtually
async def test_words_that_break_off_get_more_time() -> None:
    async with held_call(["My number is 415"]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(900), voice(1_000))
        await asyncio.sleep(5.5)
        assert call.said == [("assistant", GREETING)]


@virtually
async def test_a_caller_who_goes_on_just_after_the_turn_ended_is_not_talked_over() -> None:
    async with held_call(["I want to know when you are open."], model=_SlowModel(0.5)) as call:
        # 520 ms: we have decided to answer, and the model is at it.
        call.link.says(quiet(3_000), voice(1_000), quiet(560), voice(1_000))
        await asyncio.sleep(10)
        assert call.said == [
            ("assistant", GREETING),
            ("user", "I want to know when you are open."),
            ("assistant", "Here it is."),
        ]
        assert call.link.cleared_at == []


class _SlowModel:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def prepare(self, knowledge: Knowledge) -> None:
        pass

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        del messages, knowledge
        await asyncio.sleep(self._seconds)
        yield TextDelta("Here it is.")


# Interrupting


@virtually
async def test_a_caller_who_speaks_over_us_silences_us_within_200_ms_of_being_understood() -> None:
    async with held_call(["When are you open?", "no wait please"]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(3_000), voice(1_000))
        await asyncio.sleep(12)
        spoke_at = 7.0
        assert len(call.link.cleared_at) == 1
        # Voice is judged from 250 ms on; from then on there are 200 ms.
        assert call.link.cleared_at[0] - spoke_at <= 0.25 + 0.2
        frame = round(call.link.cleared_at[0] / 0.02)
        assert call.link.played[frame - 3] is not None
        assert not any(call.link.played[frame + 2 : frame + 60])


@virtually
async def test_of_an_interrupted_answer_only_what_was_heard_is_told() -> None:
    async with held_call(["When are you open?", "no wait please"]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(3_400), voice(1_000))
        await asyncio.sleep(12)
        answer = call.turns(TurnRole.ASSISTANT)[1]
        assert answer.interrupted
        assert answer.generated_text == HOURS
        truth = words_within(HOURS, call.link.heard_ms() - len(GREETING) * 60 - len("I can take a message.") * 60)
        assert 6 < len(truth) < len(HOURS.split())
        # Not a word more than was heard, and at most one less: the last one may have been on the way.
        assert answer.text.split() in (truth, truth[:-1])
        assert call.turns(TurnRole.USER)[1].text == "no wait please"


@virtually
async def test_a_listeners_uh_huh_does_not_stop_us() -> None:
    async with held_call(["When are you open?", "Uh-huh."]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(3_000), voice(400))
        await asyncio.sleep(14)
        assert call.link.cleared_at == []
        assert call.said[-1] == ("assistant", HOURS)
        assert len(call.turns(TurnRole.USER)) == 1


@virtually
async def test_a_cough_does_not_stop_us() -> None:
    async with held_call(["When are you open?", ""]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(3_000), voice(300))
        await asyncio.sleep(14)
        assert call.link.cleared_at == []
        assert call.said[-1] == ("assistant", HOURS)


@virtually
async def test_an_answer_that_nobody_heard_a_word_of_is_no_turn() -> None:
    async with held_call(["When are you open?", "Stop stop stop"]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(460), voice(1_000))
        await asyncio.sleep(8)
        assert ("assistant", "") not in call.said
        assert not any(turn.text.startswith("We are") and turn.interrupted for turn in call.notebook.turns)


@virtually
async def test_the_greeting_can_be_interrupted() -> None:
    async with held_call(["When are you open?"]) as call:
        call.link.says(quiet(400), voice(1_500))
        await asyncio.sleep(12)
        assert call.turns(TurnRole.ASSISTANT)[0].interrupted
        assert call.said[1:] == [("user", "When are you open?"), ("assistant", HOURS)]


@virtually
async def test_a_key_stops_us_and_is_passed_on() -> None:
    async with held_call(["When are you open?"]) as call:
        await asyncio.sleep(0.8)
        call.link.presses("1")
        await asyncio.sleep(0.3)
        call.link.presses("2")
        await asyncio.sleep(5)
        assert len(call.link.cleared_at) == 1
        assert call.said[1:] == [("user", "(pressed 1 2)"), ("assistant", "I can take a message.")]


@virtually
async def test_a_caller_who_talks_for_a_minute_is_heard_from_the_first_word_to_the_last() -> None:
    ears = _CountingEars()
    async with held_call(stt=ears) as call:
        call.link.says(quiet(3_000))
        for _ in range(15):
            call.link.says(voice(3_500), quiet(280))
        await asyncio.sleep(64)
        assert len(call.turns(TurnRole.USER)) == 1
        words = call.turns(TurnRole.USER)[0].text.split()
        # The 280 ms of quiet before the first word came in one piece with it, and count as sound.
        assert sum(int(word) for word in words) == 15 * 3_500 + 280
        assert len(words) >= 3
        assert ears.kept_ms_max < 30_000


class _CountingEars:
    """Recognition whose text is how many milliseconds of sound it got since the last reset."""

    def __init__(self) -> None:
        self.kept_ms_max = 0
        self._sound_ms = 0
        self._kept_ms = 0

    def open(self, *, sample_rate: int, language: str) -> "_CountingEars":
        del sample_rate, language
        return self

    def push(self, pcm: bytes) -> None:
        self._kept_ms += len(pcm) // 16
        self._sound_ms += len(pcm) // 16 if is_loud(pcm) else 0
        self.kept_ms_max = max(self.kept_ms_max, self._kept_ms)

    async def transcribe(self) -> Transcript:
        return Transcript(str(self._sound_ms), final=True)

    def reset(self) -> None:
        self._sound_ms = self._kept_ms = 0

    async def close(self) -> None:
        pass
