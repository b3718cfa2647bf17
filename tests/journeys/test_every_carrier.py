"""What every call does, over every carrier there is: real sockets, a real database, virtual time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.every_carrier import EVERY_CARRIER, AnyCarrier
from tests.support.metering import CALLER
from tests.support.recording_studio import sides_of, stretches, studio
from tests.support.spoken import takes_as_long_as
from tests.support.switchboard import NUMBER, Switchboard, stream_of, switchboard, tone
from tests.support.virtual_time import running_virtual_loop, virtually

from callgenie.telephony.simulator.carrier import Dialling
from callgenie.telephony.simulator.report import CallReport, Ending, StreamReport
from callgenie.telephony.simulator.script import (
    Action,
    AwaitHangUp,
    HangUp,
    LetSpeak,
    Listen,
    Pause,
    Play,
    Press,
    rehearse,
)

GREETING = "Thank you for calling Bakery. This is SAATHI, the automated assistant. How can I help you?"
LONG = "We are open from nine to five on weekdays, and on Saturdays from ten to two, but never on holidays."
OPEN: dict[str, Any] = {"texts": ["when are you open?", "no wait please"], "answers": {"open": LONG}}

over_every_carrier = pytest.mark.parametrize("carrier", EVERY_CARRIER, ids=str)


async def call(board: Switchboard, carrier: AnyCarrier, *actions: Action) -> CallReport:
    return await carrier.call(board, Dialling(CALLER, NUMBER, await rehearse(actions), session_id="CA1"))


async def talk(board: Switchboard, carrier: AnyCarrier, *actions: Action) -> StreamReport:
    """Call; afterwards nothing is held, all is counted, and no message made no sense."""
    report = await call(board, carrier, *actions)
    assert await board.comes_to_rest()
    stream = stream_of(report)
    assert (stream.garbled, stream.gaps) == (0, ())
    return stream


async def record(board: Switchboard, carrier: AnyCarrier) -> dict[str, Any]:
    (conversation,) = await board.office.db.conversations.find().to_list()
    assert conversation["carrier"] == carrier.name
    found: dict[str, Any] = conversation
    return found


def turns_of(conversation: dict[str, Any]) -> Sequence[tuple[str, str]]:
    return [(turn["role"], turn["text"]) for turn in conversation["turns"]]


@over_every_carrier
@virtually
async def test_the_caller_is_greeted_at_once_asks_and_is_answered(mongodb_uri: str, carrier: AnyCarrier) -> None:
    async with switchboard(mongodb_uri, **OPEN) as board:
        stream = await talk(board, carrier, Listen(), Play(tone(800)), Listen(), HangUp())
        conversation = await record(board, carrier)
    assert turns_of(conversation) == [("assistant", GREETING), ("user", "when are you open?"), ("assistant", LONG)]
    greeting, answer = stream.heard
    # Exotel has its first piece once there are 200 ms of it.
    assert greeting.start_ms <= 300
    assert takes_as_long_as(greeting.end_ms - greeting.start_ms, GREETING)
    assert answer.start_ms - stream.exchanges[0].ended_ms <= 900
    assert (conversation["endedReason"], conversation["counted"]) == ("caller-hangup", True)
    assert stream.duration_ms / 1_000 - 1 <= conversation["billableSeconds"] <= stream.duration_ms / 1_000 + 1


@over_every_carrier
@virtually
async def test_who_is_interrupted_is_silent_at_once(mongodb_uri: str, carrier: AnyCarrier) -> None:
    async with switchboard(mongodb_uri, **OPEN) as board:
        interrupting = (Play(tone(800)), LetSpeak(2_000), Play(tone(1_200)), Listen(), HangUp())
        stream = await talk(board, carrier, Listen(), *interrupting)
        conversation = await record(board, carrier)
    spoke_ms = stream.exchanges[1].began_ms
    (clear_ms,) = [each for each in stream.clears_ms if each >= spoke_ms]
    (answer,) = [each for each in stream.heard if each.start_ms < spoke_ms <= each.end_ms]
    # Voice is judged from 250 ms on; Exotel's comes in pieces of 100 ms, the filters may take it over the next.
    assert clear_ms - spoke_ms <= 250 + 200 + 140
    assert answer.end_ms - clear_ms <= 200
    (cut,) = [turn for turn in conversation["turns"] if turn.get("interrupted")]
    assert cut["generatedText"] == LONG
    assert LONG.startswith(cut["text"])
    assert 3 < len(cut["text"].split()) < len(LONG.split()) - 3


@over_every_carrier
@virtually
async def test_keys_stop_us_and_are_one_turn(mongodb_uri: str, carrier: AnyCarrier) -> None:
    async with switchboard(mongodb_uri, answers={"pressed 4 2": "You have chosen cakes."}) as board:
        stream = await talk(board, carrier, LetSpeak(1_500), Press("4"), Pause(400), Press("2"), Listen(), HangUp())
        conversation = await record(board, carrier)
    assert turns_of(conversation)[1:] == [("user", "(pressed 4 2)"), ("assistant", "You have chosen cakes.")]
    assert conversation["turns"][0]["interrupted"]
    assert len(stream.clears_ms) == 1


@over_every_carrier
@virtually
async def test_silence_is_asked_about_and_then_said_goodbye_to(mongodb_uri: str, carrier: AnyCarrier) -> None:
    async with switchboard(mongodb_uri) as board:
        stream = await talk(board, carrier, AwaitHangUp(60_000))
        conversation = await record(board, carrier)
    said = [text for _, text in turns_of(conversation)]
    assert said[:2] == [GREETING, "Are you still there?"]
    assert (len(said), len(stream.heard)) == (3, 3)
    goodbye = stream.heard[2]
    assert takes_as_long_as(goodbye.end_ms - goodbye.start_ms, said[2])
    assert (stream.ended_by, conversation["endedReason"]) == (Ending.ASSISTANT, "silence-timeout")
    assert stream.close_code == 1_000


@over_every_carrier
@virtually
async def test_both_sides_are_recorded(mongodb_uri: str, carrier: AnyCarrier, tmp_path: Path) -> None:
    with studio(tmp_path) as desk:
        async with switchboard(mongodb_uri, recording=desk.recorders, record_calls=True, **OPEN) as board:
            stream = await talk(board, carrier, Listen(), Play(tone(800)), Listen(), Pause(600), HangUp())
            with running_virtual_loop().real_work("the object store"):
                await desk.uploads(board.office.db).round()
            conversation = await record(board, carrier)
        [file] = desk.stored()
    caller, ours, rate = sides_of(file)
    assert (rate, conversation["recording"]["state"]) == (carrier.rate, "stored")
    ((began_ms, ended_ms),) = stretches(caller, rate)
    assert ended_ms - began_ms == pytest.approx(800, abs=40)
    assert began_ms == pytest.approx(stream.exchanges[0].began_ms, abs=160)
    heard = [each.end_ms - each.start_ms for each in stream.heard]
    assert [end - start for start, end in stretches(ours, rate)] == pytest.approx(heard, abs=60)
    assert turns_of(conversation)[0][1] == f"This call is recorded. {GREETING}"


@over_every_carrier
@virtually
async def test_a_used_up_plan_takes_no_call_and_the_caller_is_told(mongodb_uri: str, carrier: AnyCarrier) -> None:
    async with switchboard(mongodb_uri) as board:
        await board.use_up(all_but_seconds=0)
        report = await call(board, carrier, AwaitHangUp(30_000))
        conversation = await record(board, carrier)
        assert (await board.usage())["holds"] == {}
    assert report.announcement or stream_of(report).heard
    assert (conversation["status"], conversation["endedReason"]) == ("rejected", "usage-limit")
    assert (conversation["counted"], conversation["billableSeconds"]) == (False, 0)


@over_every_carrier
@virtually
async def test_who_hangs_up_has_their_last_words_kept(mongodb_uri: str, carrier: AnyCarrier) -> None:
    async with switchboard(mongodb_uri, **OPEN) as board:
        stream = await talk(board, carrier, Listen(), Play(tone(800)), HangUp())
        conversation = await record(board, carrier)
    assert turns_of(conversation) == [("assistant", GREETING), ("user", "when are you open?")]
    assert (conversation["endedReason"], conversation["fault"]) == ("caller-hangup", "none")
    assert stream.ended_by is Ending.CALLER


@over_every_carrier
@virtually
async def test_a_call_is_let_go_of_after_our_goodbye_was_heard(mongodb_uri: str, carrier: AnyCarrier) -> None:
    async with switchboard(mongodb_uri, texts=["goodbye"]) as board:
        stream = await talk(board, carrier, Listen(), Play(tone(800)), AwaitHangUp(30_000))
        conversation = await record(board, carrier)
    goodbye = stream.heard[-1]
    assert takes_as_long_as(goodbye.end_ms - goodbye.start_ms, turns_of(conversation)[-1][1])
    assert (stream.ended_by, conversation["endedReason"]) == (Ending.ASSISTANT, "assistant-hangup")
    # Its mark came back and told us; without it we would wait for longer.
    assert stream.duration_ms - goodbye.end_ms <= 300
