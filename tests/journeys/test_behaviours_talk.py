"""How a call is talked: what a caller hears and when, over the whole switchboard, in virtual time."""

from typing import Any

import pytest
from tests.support.spoken import takes_as_long_as, words_within
from tests.support.switchboard import Switchboard, stream_of, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.telephony.simulator.report import Ending, StreamReport
from callgenie.telephony.simulator.script import Action, AwaitHangUp, HangUp, LetSpeak, Listen, Pause, Play, Press

GREETING = "Thank you for calling Bakery. This is SAATHI, the automated assistant. How can I help you?"
LONG = "We are open from nine to five on weekdays, and on Saturdays from ten to two, but never on holidays."
OPEN: dict[str, Any] = {"answers": {"open": LONG}}


async def heard_in(board: Switchboard, *actions: Action) -> StreamReport:
    """Call and return what went over the line; afterwards nothing is held and all is counted."""
    report = await board.dial(*actions)
    assert await board.comes_to_rest()
    return stream_of(report)


async def cut_off(board: Switchboard) -> list[dict[str, Any]]:
    return [turn for turn in (await board.office.conversation("CA1"))["turns"] if turn.get("interrupted")]


# Who speaks first


@virtually
async def test_the_greeting_is_heard_at_once_and_whole(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        stream = await heard_in(board, Listen(), HangUp())
        assert await board.turns() == [("assistant", GREETING)]
    (greeting,) = stream.heard
    assert greeting.start_ms <= 100
    assert takes_as_long_as(greeting.end_ms - greeting.start_ms, GREETING)
    assert stream.gaps == ()


@pytest.mark.parametrize("after_ms", [0, 40, 300])
def test_a_caller_who_speaks_first_is_listened_to_and_answered(mongodb_uri: str, after_ms: int) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri, texts=["hello, when are you open?"], **OPEN) as board:
            stream = await heard_in(board, Pause(after_ms), Play(tone(1_500)), Listen(), HangUp())
            turns = await board.turns()
        assert turns[-2:] == [("user", "hello, when are you open?"), ("assistant", LONG)]
        # The greeting has given way before they had said it all, and nothing else sounds before the answer.
        first, answer = stream.heard
        assert first.end_ms < stream.exchanges[0].ended_ms
        assert answer.start_ms > stream.exchanges[0].ended_ms
        assert takes_as_long_as(answer.end_ms - answer.start_ms, LONG)

    run()


# Whose turn it is


@virtually
async def test_the_answer_waits_as_long_as_the_words_ask_for(mongodb_uri: str) -> None:
    texts = ["when are you open?", "I need a cake", "my number is"]
    async with switchboard(mongodb_uri, texts=texts) as board:
        ask: tuple[Action, ...] = (Play(tone(800)), Listen())
        stream = await heard_in(board, Listen(), *ask * 3, HangUp())
        assert [text for role, text in await board.turns() if role == "user"] == texts
    assert stream.latencies_ms == [pytest.approx(ms, abs=100) for ms in (400, 500, 1_000)]


@virtually
async def test_a_caller_who_pauses_in_the_middle_of_a_sentence_is_not_talked_over(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["my number is"]) as board:
        parts = (Play(tone(800)), Pause(800), Play(tone(800)))
        stream = await heard_in(board, Listen(), *parts, Listen(), HangUp())
        assert [role for role, _ in await board.turns()] == ["assistant", "user", "assistant"]
    first, second = stream.exchanges
    assert not [each for each in stream.heard if first.began_ms <= each.start_ms <= second.ended_ms]
    assert stream.clears_ms == ()


@virtually
async def test_a_caller_who_has_finished_and_goes_on_later_has_two_turns(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["I need a cake", "when are you open?"]) as board:
        await heard_in(board, Listen(), Play(tone(800)), Listen(), Play(tone(800)), Listen(), HangUp())
        assert [text for role, text in await board.turns() if role == "user"] == ["I need a cake", "when are you open?"]


# Interrupting


@virtually
async def test_an_interruption_silences_us_in_450_ms_and_the_record_holds_what_was_heard(mongodb_uri: str) -> None:
    texts = ["when are you open?", "no wait please"]
    async with switchboard(mongodb_uri, texts=texts, **OPEN) as board:
        talk = (Listen(), Play(tone(800)), LetSpeak(4_000), Play(tone(1_000)), Listen(), HangUp())
        stream = await heard_in(board, *talk)
        turns = await board.turns()
        (cut,) = await cut_off(board)
    spoke_ms = stream.exchanges[1].began_ms
    answer = next(each for each in stream.heard if each.start_ms < spoke_ms <= each.end_ms)
    # Voice is judged from 250 ms on; from then on there are 200 ms.
    assert answer.end_ms - spoke_ms <= 250 + 200
    assert len(stream.clears_ms) == 1
    assert stream.clears_ms[0] == pytest.approx(answer.end_ms, abs=40)
    assert not [each for each in stream.heard if answer.end_ms < each.start_ms < stream.exchanges[1].ended_ms]
    truth = words_within(LONG, answer.end_ms - answer.start_ms)
    assert 5 < len(truth) < len(LONG.split()) - 2
    assert cut["generatedText"] == LONG
    # Not a word more than was heard, and at most one less.
    assert cut["text"].split() in (truth, truth[:-1])
    assert turns[-2:] == [("user", "no wait please"), ("assistant", "I can take a message.")]


@pytest.mark.parametrize("understood", ["", "cake", "Okay."])
def test_a_voice_of_which_nothing_is_understood_silences_us_in_900_ms(mongodb_uri: str, understood: str) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri, texts=["when are you open?", understood], **OPEN) as board:
            talk = (Listen(), Play(tone(800)), LetSpeak(2_000), Play(tone(1_400)), Listen(), HangUp())
            stream = await heard_in(board, *talk)
            (cut,) = await cut_off(board)
        spoke_ms = stream.exchanges[1].began_ms
        answer = next(each for each in stream.heard if each.start_ms < spoke_ms <= each.end_ms)
        # And not sooner, for so long a cough may last.
        assert 600 < answer.end_ms - spoke_ms <= 700 + 200
        assert cut["generatedText"] == LONG

    run()


@pytest.mark.parametrize(("noise", "ms"), [("", 300), ("Uh-huh.", 400), ("Okay, right.", 600)])
def test_coughs_and_a_listeners_noises_do_not_stop_us(mongodb_uri: str, noise: str, ms: int) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri, texts=["when are you open?", noise], **OPEN) as board:
            talk = (Listen(), Play(tone(800)), LetSpeak(2_000), Play(tone(ms)), Listen(), HangUp())
            stream = await heard_in(board, *talk)
            turns = await board.turns()
            assert await cut_off(board) == []
        assert [role for role, _ in turns] == ["assistant", "user", "assistant"]
        assert turns[-1] == ("assistant", LONG)
        assert stream.clears_ms == ()
        assert takes_as_long_as(stream.heard[-1].end_ms - stream.heard[-1].start_ms, LONG)

    run()


# Keys


@virtually
async def test_keys_stop_us_and_are_one_turn_that_is_answered(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, answers={"pressed 4 2": "You have chosen cakes."}) as board:
        keys = (Press("4"), Pause(400), Press("2"))
        stream = await heard_in(board, LetSpeak(1_000), *keys, Listen(), HangUp())
        turns = await board.turns()
        (cut,) = await cut_off(board)
    assert turns[1:] == [("user", "(pressed 4 2)"), ("assistant", "You have chosen cakes.")]
    assert cut["generatedText"] == GREETING
    assert len(stream.clears_ms) == 1
    assert stream.heard[0].end_ms <= stream.steps_ms[1] + 200


# Silence


@virtually
async def test_a_silent_caller_is_asked_once_and_then_said_goodbye_to(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        stream = await heard_in(board, AwaitHangUp(60_000))
        turns = await board.turns()
        conversation = await board.office.conversation("CA1")
    greeting, question, goodbye = stream.heard
    assert [text for _, text in turns[:2]] == [GREETING, "Are you still there?"]
    assert turns[2][1].endswith("Goodbye.")
    assert question.start_ms - greeting.end_ms == pytest.approx(8_000, abs=300)
    assert goodbye.start_ms - question.end_ms == pytest.approx(8_000, abs=300)
    assert takes_as_long_as(goodbye.end_ms - goodbye.start_ms, turns[2][1])
    assert (stream.ended_by, conversation["endedReason"]) == (Ending.ASSISTANT, "silence-timeout")
    assert len(turns) == 3


@virtually
async def test_a_silent_caller_who_answers_is_there_and_is_asked_anew_later(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open?"]) as board:
        stream = await heard_in(board, Listen(), Listen(), Play(tone(800)), Listen(), Pause(10_000), HangUp())
        turns = await board.turns()
    said = [text for role, text in turns if role == "assistant"]
    assert said == [GREETING, "Are you still there?", "We are open from nine to five.", "Are you still there?"]
    assert stream.ended_by is Ending.CALLER
