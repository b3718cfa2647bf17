"""How a call ends, what others may ask of it, and what becomes of its turns."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.fake_link import FakeLink, quiet, voice
from tests.support.held_call import GREETING, HOURS, Notebook, held_call
from tests.support.virtual_time import virtually

from callgenie.kernel.clock import LoopClock
from callgenie.kernel.vocabulary import EndedReason, Fault, TurnRole
from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import Knowledge
from callgenie.voice.providers.scripted import scripted_providers
from callgenie.voice.session import CallScript, CallSession
from callgenie.voice.timings import Timings
from callgenie.voice.turn import SessionEnd, Turn

CALLER_HUNG_UP = SessionEnd(EndedReason.CALLER_HANGUP, Fault.NONE)


@virtually
async def test_we_hang_up_after_our_goodbye_was_heard_and_not_before() -> None:
    async with held_call(["Okay, goodbye."], link=FakeLink(delay=0.25)) as call:
        call.link.says(quiet(3_000), voice(800))
        await call.ended()
        goodbye_ms = (len("Thank you for calling.") + len("Goodbye.")) * 60
        assert call.link.heard_ms() == len(GREETING) * 60 + goodbye_ms
        assert call.link.closed_at == pytest.approx(3.8 + 0.4 + goodbye_ms / 1000 + 0.5, abs=0.15)


@virtually
async def test_a_carrier_that_never_echoes_marks_cannot_keep_us_from_hanging_up() -> None:
    async with held_call(["Okay, goodbye."], link=FakeLink(echoes_marks=False)) as call:
        call.link.says(quiet(5_000), voice(800))
        assert (await call.ended()).reason is EndedReason.ASSISTANT_HANGUP
        assert call.link.closed_at is not None
        assert call.link.closed_at < 5.8 + 0.4 + 1.9 + 1.6


@virtually
async def test_the_last_words_of_a_caller_who_hangs_up_are_told() -> None:
    async with held_call(["I will call again tomorrow"]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(4)
        call.link.hangs_up()
        assert await call.ended() == CALLER_HUNG_UP
        assert call.said == [("assistant", GREETING), ("user", "I will call again tomorrow")]


@virtually
async def test_what_was_heard_of_an_answer_is_told_when_the_caller_hangs_up_in_it() -> None:
    async with held_call(["When are you open?"]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(6.6)
        call.link.hangs_up()
        await call.ended()
        answer = call.turns(TurnRole.ASSISTANT)[1]
        assert answer.interrupted
        assert answer.generated_text == HOURS
        assert answer.text in {"We are open from nine to five.", "We are open from nine to five. On"}


@virtually
async def test_a_line_that_breaks_is_not_called_a_hangup() -> None:
    async with held_call() as call:
        await asyncio.sleep(3)
        call.link.hangs_up(clean=False)
        assert await call.ended() == SessionEnd(EndedReason.CARRIER_STREAM_LOST, Fault.PROVIDER)


@virtually
async def test_a_carrier_that_falls_silent_is_given_up_by_the_clock() -> None:
    async with held_call(timings=replace(Timings(), silence_ask_ms=60_000)) as call:
        await asyncio.sleep(4)
        call.link.speaks = False
        assert await call.ended() == SessionEnd(EndedReason.CARRIER_STREAM_LOST, Fault.PROVIDER)
        assert call.link.closed_at == pytest.approx(4 + 6, abs=0.6)


@virtually
async def test_a_silent_caller_is_asked_once_and_then_left() -> None:
    async with held_call() as call:
        assert await call.ended() == SessionEnd(EndedReason.SILENCE_TIMEOUT, Fault.CALLER)
        assert [text for _, text in call.said][:2] == [GREETING, "Are you still there?"]
        assert call.said[2][1].endswith("Goodbye.")
        assert len(call.said) == 3


@virtually
async def test_a_call_ends_politely_before_its_longest_duration() -> None:
    async with held_call(["When are you open?"], max_seconds=30) as call:
        for _ in range(4):
            call.link.says(quiet(3_000), voice(1_000))
        end = await call.ended()
        assert end == SessionEnd(EndedReason.MAX_DURATION, Fault.NONE)
        assert call.link.closed_at is not None
        assert call.link.closed_at <= 30.6
        assert call.said[-1][1] == phrases_for(Knowledge("SAATHI", "")).time_is_up


# What others ask for


@virtually
async def test_an_announcement_waits_for_a_gap() -> None:
    async with held_call(["When are you open?"]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(3.5)
        call.session.say("Thirty seconds left.")
        await asyncio.sleep(12)
        assert call.said[1:] == [
            ("user", "When are you open?"),
            ("assistant", HOURS),
            ("assistant", "Thirty seconds left."),
        ]


@virtually
async def test_a_sentence_that_leaves_no_time_for_our_goodbye_is_cut() -> None:
    async with held_call(["When are you open?"]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(5)
        call.session.finish("Our time is up. Goodbye.", EndedReason.USAGE_LIMIT, Fault.CUSTOMER, within=3.0)
        assert await call.ended() == SessionEnd(EndedReason.USAGE_LIMIT, Fault.CUSTOMER)
        cut, goodbye = call.turns(TurnRole.ASSISTANT)[1:]
        assert goodbye.text == "Our time is up. Goodbye."
        assert "We are open from nine to five.".startswith(cut.text)
        assert cut.text != "We are open from nine to five."
        assert not cut.interrupted
        assert call.link.closed_at is not None
        assert call.link.closed_at <= 5 + 3.0


@virtually
async def test_finishing_lets_the_sentence_end_says_its_words_and_hangs_up() -> None:
    async with held_call(["When are you open?"]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(5)
        call.session.finish("Our time is up. Goodbye.", EndedReason.USAGE_LIMIT, Fault.CUSTOMER)
        call.session.finish("Too late.", EndedReason.SERVER_SHUTDOWN, Fault.PLATFORM)
        assert await call.ended() == SessionEnd(EndedReason.USAGE_LIMIT, Fault.CUSTOMER)
        assert call.said[2:] == [
            ("assistant", "We are open from nine to five."),
            ("assistant", "Our time is up. Goodbye."),
        ]
        assert call.turns(TurnRole.ASSISTANT)[1].generated_text == HOURS


@virtually
async def test_hanging_up_is_immediate() -> None:
    async with held_call() as call:
        await asyncio.sleep(0.5)
        call.session.hang_up(EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER)
        assert await call.ended() == SessionEnd(EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER)
        assert call.link.closed_at == pytest.approx(0.5, abs=0.03)


@virtually
async def test_what_is_asked_for_before_the_call_runs_is_done() -> None:
    async with held_call() as call:
        call.session.finish("We are closing. Goodbye.", EndedReason.SERVER_SHUTDOWN, Fault.PLATFORM)
        assert (await call.ended()).reason is EndedReason.SERVER_SHUTDOWN
        assert call.said[-1] == ("assistant", "We are closing. Goodbye.")


@virtually
async def test_a_caller_who_hangs_up_during_our_goodbye_ends_the_call_for_its_own_reason() -> None:
    async with held_call() as call:
        await asyncio.sleep(2.5)
        call.session.finish("Our time is up, I am so sorry about that.", EndedReason.USAGE_LIMIT, Fault.CUSTOMER)
        await asyncio.sleep(1)
        call.link.hangs_up()
        assert await call.ended() == SessionEnd(EndedReason.USAGE_LIMIT, Fault.CUSTOMER)


# The listener


class _SlowListener:
    def __init__(self, seconds: float) -> None:
        self.turns: list[Turn] = []
        self._seconds = seconds

    async def turn_finished(self, turn: Turn) -> None:
        await asyncio.sleep(self._seconds)
        self.turns.append(turn)


@virtually
async def test_a_slow_listener_does_not_delay_an_answer_and_still_gets_every_turn() -> None:
    listener = _SlowListener(1.5)
    async with held_call(["When are you open?", "Okay, goodbye."], listener=listener) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(8_000), voice(500))
        await call.ended()
        assert [turn.role.value for turn in listener.turns] == ["assistant", "user", "assistant", "user", "assistant"]
        assert all(
            turn.latency.server_e2e_ms < 500 for turn in listener.turns if turn.latency and turn.latency.server_e2e_ms
        )


class _BrokenListener:
    async def turn_finished(self, turn: Turn) -> None:
        raise RuntimeError(turn.role)


@virtually
async def test_a_listener_that_breaks_does_not_end_the_call() -> None:
    async with held_call(["Okay, goodbye."], listener=_BrokenListener()) as call:
        call.link.says(quiet(3_000), voice(500))
        assert (await call.ended()).reason is EndedReason.ASSISTANT_HANGUP


@virtually
async def test_cancelling_the_call_closes_the_line() -> None:
    async with FakeLink() as link:
        session = CallSession(
            link,
            scripted_providers([], {}),
            CallScript(GREETING, Knowledge("SAATHI", ""), "en", 60),
            Notebook(),
            LoopClock(datetime(2026, 1, 5, tzinfo=UTC)),
        )
        running = asyncio.get_running_loop().create_task(session.run())
        await asyncio.sleep(1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert link.closed_at == pytest.approx(1.0, abs=0.05)
