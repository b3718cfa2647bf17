"""Running calls: their seconds, their turns, and their one settlement, whatever happens in between."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.fake_link import FakeLink, quiet, voice
from tests.support.switchboard import Switchboard, close_code_of, stream_of, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.calls.models import AnsweredCall
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import EndedReason, Fault, PlanName
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import Action, HangUp, Listen, Pause, Play
from callgenie.telephony.socket import INTERNAL_ERROR


def chatter(seconds: int) -> tuple[Action, ...]:
    """Ask something every five seconds, so that nobody thinks the line is dead."""
    return (Play(tone(800)), Pause(4_200)) * (seconds // 5)


@asynccontextmanager
async def answered(board: Switchboard, session_id: str = "CA1") -> AsyncIterator[tuple[AnsweredCall, FakeLink]]:
    """Answer a call by hand, on a line that a test holds in its own hands."""
    async with FakeLink() as link:
        yield await board.office.answered(session_id), link


def meant(conversation: dict[str, Any]) -> list[str]:
    """Return what the assistant set out to say, whether or not the caller talked over it."""
    turns = [turn for turn in conversation["turns"] if turn["role"] == "assistant"]
    return [turn.get("generatedText") or turn["text"] for turn in turns]


# Seconds


@virtually
async def test_a_long_call_is_granted_more_and_more_seconds(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        await board.dial(*chatter(150), HangUp())
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert conversation["endedReason"] == "caller-hangup"
    assert 150 <= conversation["billableSeconds"] <= 152
    assert conversation["grantedSeconds"] >= conversation["billableSeconds"]


@virtually
async def test_a_call_is_warned_and_ends_politely_with_its_last_granted_second(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        await board.use_up(all_but_seconds=80)
        report = await board.dial(Listen(), *chatter(200), HangUp())
        conversation = await board.office.conversation("CA1")
        usage = await board.usage()
        said = meant(conversation)
    assert (conversation["endedReason"], conversation["fault"]) == ("usage-limit", "customer")
    assert report.ended_by is Ending.ASSISTANT
    assert 70 <= conversation["billableSeconds"] <= 80
    assert stream_of(report).duration_ms <= 80_500
    assert (usage["seconds"], usage["held"], usage["holds"]) == (1_720 + conversation["billableSeconds"], 0, {})
    assert [text for text in said if "end in less than half a minute" in text]
    assert "Goodbye" in said[-1]


@virtually
async def test_a_few_last_seconds_are_announced_at_once_and_never_overdrawn(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        await board.use_up(all_but_seconds=20)
        report = await board.dial(Listen(), *chatter(60), HangUp())
        conversation = await board.office.conversation("CA1")
        said = meant(conversation)
    assert conversation["endedReason"] == "usage-limit"
    assert conversation["billableSeconds"] <= 20
    assert stream_of(report).duration_ms <= 20_500
    assert [text for text in said if "end in less than half a minute" in text]


@virtually
async def test_who_has_but_a_few_seconds_left_ends_for_that_reason(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        await board.use_up(all_but_seconds=6)
        report = await board.dial(Listen(), *chatter(60), HangUp())
        conversation = await board.office.conversation("CA1")
        said = meant(conversation)
    assert (conversation["endedReason"], conversation["fault"]) == ("usage-limit", "customer")
    assert report.ended_by is Ending.ASSISTANT
    assert "Goodbye" in said[-1]
    assert stream_of(report).duration_ms <= 6_100


@virtually
async def test_not_even_an_unheard_goodbye_goes_past_the_last_granted_second(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        await board.use_up(all_but_seconds=5)
        report = await board.dial(*chatter(60), HangUp(), faults=Faults(withholds_marks=True))
        conversation = await board.office.conversation("CA1")
    assert conversation["endedReason"] == "usage-limit"
    assert stream_of(report).duration_ms <= 5_100


@virtually
async def test_the_longest_call_ends_as_such(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"], max_call_seconds=60) as board:
        report = await board.dial(*chatter(100), HangUp())
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert (conversation["endedReason"], conversation["fault"]) == ("max-duration", "none")
    assert stream_of(report).duration_ms <= 60_500


# The database goes away


@virtually
async def test_what_is_said_while_the_database_is_away_is_saved_in_order_once_it_is_back(mongodb_uri: str) -> None:
    texts = ["when are you open", "where are you"]
    async with switchboard(mongodb_uri, texts=texts) as board, asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(*chatter(40), Listen(), HangUp()))
        await asyncio.sleep(12)
        async with board.database_away():
            await asyncio.sleep(15)
        report = await call
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    numbers = [turn["number"] for turn in conversation["turns"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [turn["text"] for turn in conversation["turns"] if turn["role"] == "user"] == texts * 4
    latencies = [exchange.latency_ms for exchange in stream_of(report).exchanges]
    assert all(latency is not None and latency < 1_500 for latency in latencies)
    assert stream_of(report).gaps == ()
    assert conversation["endedReason"] == "caller-hangup"


@virtually
async def test_who_hangs_up_while_the_database_is_away_is_kept_and_counted_once_it_is_back(mongodb_uri: str) -> None:
    texts = ["when are you open", "where are you"]
    async with switchboard(mongodb_uri, texts=texts) as board, asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(*chatter(20), Listen(), HangUp()))
        await asyncio.sleep(8)
        async with board.database_away():
            await asyncio.sleep(60)
        report = await call
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert [turn["text"] for turn in conversation["turns"] if turn["role"] == "user"] == texts * 2
    assert conversation["endedReason"] == "caller-hangup"
    assert conversation["billableSeconds"] == math.ceil(stream_of(report).duration_ms / 1_000)


@virtually
async def test_turns_whose_acknowledgement_got_lost_are_kept_once(mongodb_uri: str) -> None:
    texts = ["when are you open", "where are you"]
    async with switchboard(mongodb_uri, texts=texts) as board:
        async with board.acknowledgements_lost():
            await board.dial(*chatter(50), HangUp())
        conversation = await board.office.conversation("CA1")
    assert [turn["text"] for turn in conversation["turns"] if turn["role"] == "user"] == texts * 5
    numbers = [turn["number"] for turn in conversation["turns"]]
    assert numbers == list(range(1, conversation["turnCount"] + 1))


@virtually
async def test_an_answer_that_may_have_been_done_is_taken_back_and_not_counted(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        token = await board.token()
        async with board.acknowledgements_lost("findAndModify"):
            socket = await board.open_stream("CA1", token)
            assert await close_code_of(socket) == INTERNAL_ERROR
            lost = await board.office.conversation("CA1")
        await asyncio.sleep(15)
        conversation, usage = await board.office.conversation("CA1"), await board.usage()
    # Taking it back is begun at once: on a busy machine we look before, between or after its writes.
    assert lost["status"] in {"ringing", "in-progress", "failed"}
    assert (conversation["status"], conversation["endedReason"], conversation["fault"]) == (
        "failed",
        "internal-error",
        "platform",
    )
    assert "answeredAt" not in conversation
    assert (usage["calls"], usage["seconds"]) == (0, 0)
    # Whoever did not hear that it was taken back leaves the hold to the sweeper, for whom the lease is.
    assert usage["holds"] == {} or "leaseUntil" in conversation


@virtually
async def test_without_the_database_a_call_goes_on_to_its_granted_second_and_no_further(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board, asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(*chatter(150), HangUp()))
        await asyncio.sleep(5)
        async with board.database_away():
            await asyncio.sleep(75)
        report = await call
        await asyncio.sleep(30)
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert 50_000 <= stream_of(report).duration_ms <= 60_500
    assert report.ended_by is Ending.ASSISTANT
    assert (conversation["endedReason"], conversation["fault"]) == ("lease-expired", "platform")
    assert conversation["billableSeconds"] <= 60


@virtually
async def test_what_cannot_be_settled_in_time_is_settled_by_the_sweeper_once(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(Listen(), Play(tone(800)), Listen(), HangUp()))
        await asyncio.sleep(6)
        async with board.database_away():
            await call
            await asyncio.sleep(60)
        assert board.live.count == 0
        assert (await board.office.conversation("CA1"))["status"] == "in-progress"
        await board.office.let_all_leases_run_out()
        for _ in range(2):
            await board.office.sweeper.sweep()
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert conversation["endedReason"] == "lease-expired"


@virtually
async def test_a_call_lasts_until_it_is_hung_up_however_long_saving_its_last_words_takes(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(Listen(), Play(tone(800)), Pause(2_000), HangUp()))
        await asyncio.sleep(7)
        async with board.database_away():
            await asyncio.sleep(15)
        report = await call
        await asyncio.sleep(10)
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert conversation["endedReason"] == "caller-hangup"
    assert conversation["duration"] == -(-stream_of(report).duration_ms // 1_000)


# Somebody else ends it


@virtually
async def test_a_call_that_was_ended_elsewhere_is_hung_up_at_its_next_beat(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        async with answered(board) as (call, link):
            running = asyncio.create_task(board.live.run(call, link))
            link.says(*[piece for _ in range(12) for piece in (voice(800), quiet(4_200))])
            await asyncio.sleep(5)
            await board.office.desk.end(
                call, reason=EndedReason.INTERNAL_ERROR, fault=Fault.PLATFORM, elapsed_seconds=5
            )
            await running
            assert link.closed_at is not None
            assert link.closed_at <= 21
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert (conversation["endedReason"], conversation["billableSeconds"]) == ("internal-error", 5)


@virtually
async def test_hanging_up_a_call_that_runs_here_ends_it_at_once(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, answered(board) as (call, link):
        running = asyncio.create_task(board.live.run(call, link))
        await asyncio.sleep(3)
        assert board.live.hang_up(call.session_id, EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER)
        assert not board.live.hang_up(SessionId("CA404"), EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER)
        await running
        assert (await board.office.conversation("CA1"))["endedReason"] == "account-suspended"
        assert await board.comes_to_rest()


# The process stops


@virtually
async def test_a_cancelled_call_is_settled_before_the_cancellation_goes_on(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, answered(board) as (call, link):
        running = asyncio.create_task(board.live.run(call, link))
        await asyncio.sleep(4)
        async with board.database_away():
            running.cancel()
            await asyncio.sleep(3)
            running.cancel()
            await asyncio.sleep(3)
            assert not running.done()
        with pytest.raises(asyncio.CancelledError):
            await running
        conversation = await board.office.conversation("CA1")
        assert (conversation["status"], conversation["endedReason"]) == ("completed", "server-shutdown")
        assert link.closed_at is not None
        assert board.live.count == 0
        assert await board.comes_to_rest()


@virtually
async def test_draining_waits_for_calls_that_end_by_themselves(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(Listen(), Play(tone(800)), Listen(), HangUp()))
        await asyncio.sleep(3)
        began = asyncio.get_running_loop().time()
        await board.live.drain(60)
        assert asyncio.get_running_loop().time() - began < 20
        assert (await board.office.conversation("CA1"))["endedReason"] == "caller-hangup"
        await call


@virtually
async def test_draining_says_goodbye_to_calls_that_go_on_and_settles_them_in_time(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"], plan=PlanName.BASIC) as board:
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(board.dial(*chatter(120), session_id=f"CA{n}")) for n in range(3)]
            await asyncio.sleep(5)
            assert board.live.count == 3
            began = asyncio.get_running_loop().time()
            await board.live.drain(30)
            assert asyncio.get_running_loop().time() - began <= 30
            assert board.live.count == 0
            reports = [await call for call in calls]
        for number, report in enumerate(reports):
            conversation = await board.office.conversation(f"CA{number}")
            assert (conversation["endedReason"], conversation["fault"]) == ("server-shutdown", "platform")
            assert "restart" in [turn["text"] for turn in conversation["turns"] if turn["role"] == "assistant"][-1]
            assert report.ended_by is Ending.ASSISTANT
        assert await board.comes_to_rest()


@virtually
async def test_a_call_that_was_let_in_before_the_drain_is_sent_away_politely(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, answered(board) as (call, link):
        await board.live.drain(0)
        await board.live.run(call, link)
        assert link.closed_at is not None
        assert link.closed_at < 15
        assert link.heard_ms() > 1_000
        assert (await board.office.conversation("CA1"))["endedReason"] == "server-shutdown"
        assert await board.comes_to_rest()


@virtually
async def test_a_call_that_comes_during_the_drain_is_turned_away_and_not_counted(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        before = await board.everything()
        await board.live.drain(0)
        report = await board.dial()
        assert await board.everything() == before
    assert "call again in a minute" in report.announcement
    assert report.stream is None
