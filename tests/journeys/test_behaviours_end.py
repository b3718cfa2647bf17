"""How a call ends, and which calls never begin: what a caller hears of it, and what the record says."""

import asyncio
from typing import Any

import pytest
from tests.support.spoken import was_heard_whole
from tests.support.switchboard import Switchboard, stream_of, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.calls.running import GOODBYE, WARNING
from callgenie.calls.sentences import SENTENCES
from callgenie.kernel.vocabulary import EndedReason
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.report import CallReport, Ending
from callgenie.telephony.simulator.script import Action, AwaitHangUp, HangUp, LetSpeak, Listen, Pause, Play

THANKS = "Thank you for calling. Goodbye."
OPEN = "We are open from nine to five."
TALK: tuple[Action, ...] = (Play(tone(800)), Pause(4_200))


def why(conversation: dict[str, Any]) -> tuple[str, str, str]:
    return conversation["status"], conversation["endedReason"], conversation["fault"]


# Goodbye


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(jitter_ms_max=200, seed=3)], ids=["good line", "jittery line"])
def test_after_a_goodbye_the_line_is_let_go_once_ours_was_heard(mongodb_uri: str, faults: Faults) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri, texts=["okay, goodbye"]) as board:
            report = await board.dial(Listen(), Play(tone(800)), AwaitHangUp(), faults=faults)
            conversation = await board.office.conversation("CA1")
            turns = await board.turns()
            assert await board.comes_to_rest()
        stream = stream_of(report)
        assert turns[-2:] == [("user", "okay, goodbye"), ("assistant", THANKS)]
        assert was_heard_whole(stream, conversation, THANKS)
        assert stream.duration_ms - stream.heard[-1].end_ms < 1_000
        assert report.ended_by is Ending.ASSISTANT
        assert why(conversation) == ("completed", "assistant-hangup", "none")

    run()


@virtually
async def test_nobody_is_talked_out_of_our_goodbye(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["goodbye", "no wait please"]) as board:
        talk = (Listen(), Play(tone(800)), LetSpeak(400), Play(tone(1_000)), AwaitHangUp())
        report = await board.dial(*talk)
        conversation = await board.office.conversation("CA1")
        assert (await board.turns())[-2:] == [("assistant", THANKS), ("user", "no wait please")]
    assert was_heard_whole(stream_of(report), conversation, THANKS)
    assert report.ended_by is Ending.ASSISTANT


# The caller hangs up


@virtually
async def test_the_last_words_of_a_caller_who_hangs_up_are_kept(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open?", "I will be there at ten"]) as board:
        await board.dial(Listen(), *TALK, Play(tone(800)), HangUp())
        conversation = await board.office.conversation("CA1")
        turns = await board.turns()
        assert await board.comes_to_rest()
    assert turns[-2:] == [("assistant", OPEN), ("user", "I will be there at ten")]
    assert why(conversation) == ("completed", "caller-hangup", "none")


@virtually
async def test_of_an_answer_that_is_hung_up_on_the_heard_part_is_kept(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open?"]) as board:
        report = await board.dial(Listen(), Play(tone(800)), LetSpeak(1_000), HangUp())
        answer = (await board.office.conversation("CA1"))["turns"][-1]
    heard = stream_of(report).heard[-1]
    assert (answer["interrupted"], answer["generatedText"]) == (True, OPEN)
    assert OPEN.startswith(answer["text"])
    assert 0 < len(answer["text"]) * 60 <= heard.end_ms - heard.start_ms


# The time is up


@virtually
async def test_the_longest_call_ends_with_an_apology_that_is_heard_whole_and_in_time(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"], max_call_seconds=60) as board:
        report = await board.dial(Listen(), *TALK * 20, HangUp())
        conversation = await board.office.conversation("CA1")
        turns = await board.turns()
        assert await board.comes_to_rest()
    assert ("assistant", GOODBYE) in turns
    assert was_heard_whole(stream_of(report), conversation, GOODBYE)
    assert why(conversation) == ("completed", "max-duration", "none")
    assert 50_000 < stream_of(report).duration_ms <= 60_000
    assert conversation["billableSeconds"] <= 60


@virtually
async def test_the_end_of_the_plans_minutes_is_announced_30_seconds_before_and_never_passed(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        await board.use_up(all_but_seconds=80)
        report = await board.dial(Listen(), *(Play(tone(400)), Pause(7_000)) * 20, HangUp())
        conversation = await board.office.conversation("CA1")
        usage = await board.usage()
        assert (usage["seconds"], usage["held"]) == (1_720 + conversation["billableSeconds"], 0)
    stream = stream_of(report)
    # The caller talks into the announcement, which is then made again; it waits for a gap both times.
    said = [turn for turn in conversation["turns"] if WARNING in (turn["text"], turn.get("generatedText"))]
    assert [turn.get("interrupted", False) for turn in said] == [True, False]
    assert 50_000 <= said[0]["startedMs"] <= said[1]["startedMs"] <= 55_000
    assert was_heard_whole(stream, conversation, WARNING)
    assert was_heard_whole(stream, conversation, GOODBYE)
    assert stream.duration_ms <= 80_000
    assert conversation["billableSeconds"] <= 80
    assert why(conversation) == ("completed", "usage-limit", "customer")


# Calls that never begin


async def refused(board: Switchboard, reason: EndedReason, **dialling: Any) -> CallReport:
    """Call and be turned away: the carrier speaks our sentence and hangs up, no socket is opened."""
    report = await board.dial(Listen(), *TALK, HangUp(), **dialling)
    assert report.stream is None
    assert report.announcement == SENTENCES[reason]
    assert report.ended_by is Ending.ASSISTANT
    return report


@pytest.mark.parametrize("reason", [EndedReason.USAGE_LIMIT, EndedReason.ACCOUNT_SUSPENDED])
def test_who_may_not_take_calls_takes_none_and_is_told_by_the_record(mongodb_uri: str, reason: EndedReason) -> None:
    @virtually
    async def run() -> None:
        async with switchboard(mongodb_uri) as board:
            await board.use_up(all_but_seconds=0 if reason is EndedReason.USAGE_LIMIT else 600)
            if reason is EndedReason.ACCOUNT_SUSPENDED:
                board.office.customers.suspend(board.owner)
            before = await board.usage()
            await refused(board, reason)
            conversation = await board.office.conversation("CA1")
            after = await board.usage()
        assert why(conversation) == ("rejected", reason.value, "customer")
        assert (conversation["counted"], conversation["billableSeconds"], conversation["turns"]) == (False, 0, [])
        assert [(each["calls"], each["seconds"], each["held"]) for each in (before, after)] == [
            (before["calls"], before["seconds"], 0)
        ] * 2

    run()


@virtually
async def test_a_number_of_nobody_hears_so_and_is_recorded_nowhere(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        await refused(board, EndedReason.NUMBER_UNASSIGNED, to_number="+14155550199")
        everything = await board.everything()
    assert everything["conversations"] == everything["usage"] == []


@virtually
async def test_a_second_call_on_the_free_plan_hears_a_busy_line_and_the_next_one_is_answered(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["where are you?"]) as board, asyncio.TaskGroup() as group:
        first = group.create_task(board.dial(Listen(), *TALK * 3, HangUp()))
        await asyncio.sleep(8)
        await refused(board, EndedReason.CONCURRENCY_LIMIT, session_id="CA2")
        assert (await first).ended_by is Ending.CALLER
        assert (await board.dial(Listen(), HangUp(), session_id="CA3")).stream is not None
        calls = [await board.office.conversation(call) for call in ("CA1", "CA2", "CA3")]
        assert await board.comes_to_rest()
    assert [call["status"] for call in calls] == ["completed", "rejected", "completed"]
    assert [call["counted"] for call in calls] == [True, False, True]


# The line


@virtually
async def test_a_socket_that_breaks_is_replaced_in_two_seconds_and_a_silent_carrier_given_up(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open?"]) as board:
        faults = Faults(dies_after_ms=7_000, reconnects_after_ms=1_800, goes_silent_after_ms=20_000)
        report = await board.dial(Listen(), Pause(4_000), *TALK, AwaitHangUp(60_000), faults=faults)
        conversation = await board.office.conversation("CA1")
        turns = await board.turns()
        assert await board.comes_to_rest()
    stream = stream_of(report)
    assert stream.streams == 2
    assert turns[1:3] == [("user", "when are you open?"), ("assistant", OPEN)]
    assert why(conversation) == ("completed", "carrier-stream-lost", "provider")
    assert 25_000 <= stream.duration_ms <= 28_000
