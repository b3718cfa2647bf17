"""Calls from the browser, over real sockets in virtual time."""

import asyncio
import json
from typing import Any

import pytest
from tests.support.switchboard import Switchboard, switchboard
from tests.support.virtual_time import virtually
from tests.support.web_caller import QUIET, WebCaller, voice
from websockets.exceptions import ConnectionClosed, InvalidStatus

from callgenie.calls.errors import ConcurrencyLimitError, OriginNotAllowedError, UsageLimitError
from callgenie.calls.origins import Origins
from callgenie.calls.web_calls import Ticket
from callgenie.kernel.vocabulary import PlanName

LONG_ANSWER = "We are open from nine to five on every day of the week but Sunday, when we are closed."


async def ticket(board: Switchboard) -> Ticket:
    issued: Ticket = await board.services.web_calls.ring(board.owner, None)
    return issued


async def record(board: Switchboard) -> dict[str, Any]:
    [conversation] = await board.office.db.conversations.find({"carrier": "browser"}).to_list()
    return conversation


async def refused(url: str, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refusal:
        async with WebCaller(url, **options):
            pass
    return refusal.value.response.status_code


# A call


@virtually
async def test_a_page_talks_with_the_assistant_and_sees_what_is_said(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        async with WebCaller((await ticket(board)).url) as page:
            await asyncio.sleep(3)
            page.says(voice(800))
            await asyncio.sleep(8)
            await page.sends({"event": "hang-up"})
            await page.over()
        conversation = await record(board)
        assert await board.comes_to_rest()
    assert page.events[0] == {"event": "ready", "sampleRate": 16_000, "frameMs": 20}
    assert page.said == [(turn["role"], turn["text"]) for turn in conversation["turns"]]
    assert page.said[1:] == [("user", "when are you open"), ("assistant", "We are open from nine to five.")]
    assert [turn["number"] for turn in page.named("turn")] == [1, 2, 3]
    assert "when are you open" in [partial["text"] for partial in page.named("partial")]
    assert page.events[-1] == {"event": "ended", "reason": "caller-hangup", "fault": "none"}
    assert page.code == 1_000
    # What was spoken was heard, at 16 kHz.
    spoken_ms = sum(turn["endedMs"] - turn["startedMs"] for turn in page.named("turn") if turn["role"] == "assistant")
    assert len(page.heard) / 32 == pytest.approx(spoken_ms, abs=400)
    assert (conversation["carrier"], conversation["phoneNumber"], conversation["dialledNumber"]) == (
        "browser",
        None,
        None,
    )
    assert (conversation["counted"], conversation["billableSeconds"]) == (True, 11)


@virtually
async def test_a_caller_who_interrupts_empties_the_pages_buffer(mongodb_uri: str) -> None:
    texts, answers = ["when are you open", "stop"], {"open": LONG_ANSWER, "stop": "Yes?"}
    async with (
        switchboard(mongodb_uri, texts=texts, answers=answers) as board,
        WebCaller((await ticket(board)).url) as page,
    ):
        await asyncio.sleep(4)
        page.says(voice(800))
        await asyncio.sleep(4)
        page.says(voice(1_500))
        await asyncio.sleep(4)
    assert page.said[1] == ("user", "when are you open"), page.said
    cut = page.named("turn")[2]
    assert cut["interrupted"]
    assert LONG_ANSWER.startswith(cut["text"])
    assert cut["text"] != LONG_ANSWER
    # Some of what was sent had not been played yet.
    assert page.clears[0] > 0


@virtually
async def test_keys_reach_the_assistant(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=()) as board, WebCaller((await ticket(board)).url) as page:
        await asyncio.sleep(3)
        for digit in "4#":
            await page.sends({"event": "dtmf", "digit": digit})
        await asyncio.sleep(5)
    assert ("user", "(pressed 4 #)") in page.said


@virtually
async def test_a_page_that_is_closed_has_hung_up(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        async with WebCaller((await ticket(board)).url) as page:
            await asyncio.sleep(5)
            await page.socket.close(1_001)
        await asyncio.sleep(5)
        conversation = await record(board)
        assert await board.comes_to_rest()
    assert (conversation["endedReason"], conversation["fault"]) == ("caller-hangup", "none")


@virtually
async def test_a_connection_that_breaks_is_lost(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        async with WebCaller((await ticket(board)).url) as page:
            await asyncio.sleep(5)
            page.socket.transport.abort()
            await asyncio.sleep(5)
        conversation = await record(board)
        assert await board.comes_to_rest()
    assert (conversation["endedReason"], conversation["fault"]) == ("carrier-stream-lost", "provider")


@virtually
async def test_a_page_that_sends_nothing_is_lost(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        async with WebCaller((await ticket(board)).url) as page:
            await asyncio.sleep(2)
            page.speaks = False
            await page.over()
        conversation = await record(board)
    assert page.events[-1]["reason"] == conversation["endedReason"] == "carrier-stream-lost"


@virtually
async def test_minutes_that_end_are_told_to_the_page(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        await board.use_up(all_but_seconds=20)
        async with WebCaller((await ticket(board)).url) as page:
            page.says((voice(800) + [QUIET] * 160) * 6)
            await page.over()
        assert (await board.usage())["holds"] == {}
    assert page.events[-1] == {"event": "ended", "reason": "usage-limit", "fault": "customer"}


# Who gets in


@virtually
async def test_a_ticket_opens_one_socket_once(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        issued = await ticket(board)
        async with WebCaller(issued.url) as page:
            await asyncio.sleep(1)
            assert await refused(issued.url) == 403
        await page.over()
        assert await refused(issued.url) == 403
        await asyncio.sleep(5)
        assert (await board.usage())["calls"] == 1


@virtually
async def test_a_ticket_is_worth_nothing_after_a_minute(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        issued = await ticket(board)
        await board.office.let_all_leases_run_out()
        assert await refused(issued.url) == 403
        await board.office.sweeper.sweep()
        conversation = await record(board)
        assert await board.comes_to_rest()
    assert (conversation["status"], conversation["counted"]) == ("abandoned", False)


@virtually
async def test_no_other_ticket_opens_a_call_and_no_ticket_another_call(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, plan=PlanName.PREMIUM) as board:
        one, other = await ticket(board), await ticket(board)
        before = await board.everything()
        assert await refused(one.url.replace(one.ticket, other.ticket)) == 403
        assert await refused(one.url.partition("?")[0]) == 403
        # A telephone call waits for its carrier, and a right token changes nothing about that.
        rung = await board.office.ring("CA1")
        address = one.url.replace(one.session_id, "CA1").replace(one.ticket, getattr(rung, "media_token", ""))
        assert await refused(address) == 403
        after = await board.everything()
        assert [each for each in after["conversations"] if each["carrier"] == "browser"] == before["conversations"]
        assert (await board.office.conversation("CA1"))["status"] == "ringing"


@virtually
async def test_pages_from_elsewhere_are_refused(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        with pytest.raises(OriginNotAllowedError):
            await board.services.web_calls.ring(board.owner, "https://evil.example.com")
        assert await board.office.db.conversations.count_documents({}) == 0
        issued = await ticket(board)
        assert await refused(issued.url, origin="https://evil.example.com") == 403
        # Refused, the ticket is still good for whoever it was made for.
        async with WebCaller(issued.url, origin="https://www.example.com") as page:
            await asyncio.sleep(1)
        assert page.events[0]["event"] == "ready"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://calls.example.com", True),
        ("https://calls.example.com:443", True),
        ("HTTPS://Calls.Example.com", True),
        ("https://www.example.com", True),
        (None, True),
        ("http://calls.example.com", False),
        ("https://calls.example.com:8443", False),
        ("https://calls.example.com.evil.com", False),
        ("https://evil.com/https://calls.example.com", False),
        ("https://calls.example.com@evil.com", False),
        ("http://localhost:4000", False),
        ("https://x:99999", False),
        ("https://[", False),
        ("null", False),
        ("", False),
    ],
)
def test_an_origin_is_compared_whole(origin: str | None, *, allowed: bool) -> None:
    assert Origins("https://calls.example.com/callgenie", [" https://www.example.com", ""]).allow(origin) is allowed


def test_this_machine_has_three_names() -> None:
    origins = Origins("http://127.0.0.1:4000")
    assert all(origins.allow(f"http://{name}:4000") for name in ("127.0.0.1", "localhost", "[::1]"))
    assert not origins.allow("http://localhost:4001")


@virtually
async def test_a_plan_limits_calls_from_the_browser_too(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board:
        async with WebCaller((await ticket(board)).url):
            await asyncio.sleep(1)
            with pytest.raises(ConcurrencyLimitError):
                await ticket(board)
        await asyncio.sleep(5)
        await board.use_up(all_but_seconds=0)
        with pytest.raises(UsageLimitError):
            await ticket(board)
        statuses = [call["status"] for call in await board.office.db.conversations.find().to_list()]
    assert sorted(statuses) == ["completed", "rejected", "rejected"]


# What a page must not do


@virtually
async def test_some_garbage_is_passed_over_and_more_of_it_ends_the_call(mongodb_uri: str) -> None:
    garbage: list[str | bytes] = [
        "no JSON",
        "[]",
        "{}",
        '{"event": "dtmf", "digit": "x"}',
        '{"event": "mark"}',
        json.dumps({"event": "mark", "name": "m" * 2_000}),
        b"",
        b"odd",
        bytes(32_002),
        '{"event": 7}',
    ]
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        async with WebCaller((await ticket(board)).url) as page:
            for message in garbage:
                await page.sends(message)
            await page.sends({"event": "of a newer release"})
            await asyncio.sleep(3)
            page.says(voice(800))
            await asyncio.sleep(5)
            assert ("user", "when are you open") in page.said
            for message in garbage * 4:
                await page.sends(message)
            await page.over()
        conversation = await record(board)
        assert await board.comes_to_rest()
    assert page.code == 1_008
    assert conversation["endedReason"] == "carrier-stream-lost"


@virtually
async def test_audio_may_catch_up_after_a_pause_and_never_be_a_flood(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        async with WebCaller((await ticket(board)).url) as page:
            await asyncio.sleep(3)
            page.speaks = False
            await asyncio.sleep(4)
            # What a network that stood still delivers at once.
            for _ in range(4):
                await page.sends(bytes(32_000))
            page.speaks = True
            await asyncio.sleep(1)
            assert page.code is None
            try:
                for _ in range(100):
                    await page.sends(bytes(32_000))
            except ConnectionClosed:
                pass  # it was closed before all of it was there
            await page.over()
        assert await board.comes_to_rest()
    assert page.code == 1_008


@virtually
async def test_a_stopping_server_says_so_and_lets_no_call_ring(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri) as board, asyncio.TaskGroup() as group:
        async with WebCaller((await ticket(board)).url) as page:
            await asyncio.sleep(3)
            draining = group.create_task(board.live.drain(20))
            await page.over()
            await draining
        assert await board.comes_to_rest()
    assert page.events[-1] == {"event": "ended", "reason": "server-shutdown", "fault": "platform"}
