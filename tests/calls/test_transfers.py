"""A caller who wants a person: decided while the call lives, told, and then let go of."""

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.fake_link import FakeLink, quiet, voice
from tests.support.lost_answers import lost_answers
from tests.support.metering import Office, open_office
from tests.support.opening_hours import at, weekly
from tests.support.switchboard import Switchboard, switchboard
from tests.support.virtual_time import virtually

from callgenie.calls.tools.offered import tools_for
from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.profiles.models import AfterHours
from callgenie.voice.ports import ToolCall
from callgenie.voice.providers.scripted import Answer

OWNER = "+14155550177"
WORDS = "I will connect you now. One moment, please."
WANTS: dict[str, Answer] = {"person": ToolCall("transfer_call"), "where": "At the corner."}
CLOSED = {"hours": weekly(mon="09:00-10:00"), "now": at("2026-03-14 12:00"), "transfer_number": OWNER}


async def hold(board: Switchboard, link: FakeLink) -> dict[str, Any]:
    await board.live.run(await board.office.answered("CA1"), link)
    return await board.office.conversation("CA1")


@virtually
async def test_a_caller_who_wants_a_person_hears_so_and_is_let_go_of(mongodb_uri: str) -> None:
    async with (
        switchboard(mongodb_uri, texts=["a person please"], answers=WANTS, transfer_number=OWNER) as board,
        FakeLink(can_transfer=True) as link,
    ):
        link.says(quiet(6_000), voice(800))
        conversation = await hold(board, link)
        turns = await board.turns()
        assert await board.comes_to_rest()
        assert link.closed_at is not None
        assert link.heard_ms() >= len(WORDS) * 60
        assert (conversation["endedReason"], conversation["fault"]) == ("transferred", "none")
        assert (conversation["transfer"]["to"], conversation["transfer"]["status"]) == (OWNER, "requested")
        assert turns[-2:] == [("tool", "transfer_call {}: The caller is being connected."), ("assistant", WORDS)]
        # Our seconds end with our part of the call.
        assert conversation["billableSeconds"] == -(-int(link.closed_at * 10) // 10)


@virtually
async def test_the_decision_is_written_before_the_line_is_let_go(mongodb_uri: str) -> None:
    async with (
        switchboard(mongodb_uri, texts=["a person please"], answers=WANTS, transfer_number=OWNER) as board,
        FakeLink(can_transfer=True) as link,
    ):
        link.says(quiet(6_000), voice(800))
        running = asyncio.create_task(hold(board, link))
        await asyncio.sleep(8)
        assert link.closed_at is None
        conversation = await board.office.conversation("CA1")
        assert (conversation["status"], conversation["transfer"]["status"]) == ("in-progress", "requested")
        await running


@virtually
async def test_a_caller_who_hangs_up_before_that_has_hung_up(mongodb_uri: str) -> None:
    async with (
        switchboard(mongodb_uri, texts=["a person please"], answers=WANTS, transfer_number=OWNER) as board,
        FakeLink(can_transfer=True) as link,
    ):
        link.says(quiet(6_000), voice(800))
        asyncio.get_running_loop().call_later(8, link.hangs_up)
        conversation = await hold(board, link)
    assert conversation["endedReason"] == "caller-hangup"


@virtually
async def test_with_the_database_away_the_caller_stays_with_us(mongodb_uri: str) -> None:
    texts = ["a person please", "where are you"]
    async with (
        switchboard(mongodb_uri, texts=texts, answers=WANTS, transfer_number=OWNER) as board,
        FakeLink(can_transfer=True) as link,
    ):
        link.says(quiet(6_000), voice(800), quiet(12_000), voice(800))
        running = asyncio.create_task(hold(board, link))
        await asyncio.sleep(6)
        async with board.database_away():
            await asyncio.sleep(10)
        await asyncio.sleep(10)
        link.hangs_up()
        conversation = await running
        turns = await board.turns()
    assert conversation["endedReason"] == "caller-hangup"
    assert "transfer" not in conversation
    assert ("assistant", "At the corner.") in turns


@pytest.mark.parametrize(
    ("can_transfer", "business", "offered"),
    [
        (True, {"transfer_number": OWNER}, True),
        (False, {"transfer_number": OWNER}, False),
        (True, {}, False),
        (True, CLOSED, False),
        (True, CLOSED | {"after_hours": AfterHours.ANSWER}, True),
    ],
)
def test_it_is_offered_where_the_carrier_can_and_the_owner_wants_it(
    mongodb_uri: str,
    can_transfer: bool,  # noqa: FBT001 - a column
    business: dict[str, Any],
    offered: bool,  # noqa: FBT001 - a column
) -> None:
    @virtually
    async def look() -> None:
        async with switchboard(mongodb_uri, **business) as board, FakeLink(can_transfer=can_transfer) as link:
            call = await board.office.answered("CA1")
            tools = tools_for(call, link, board.office.desk, board.office.clock)
            assert ("transfer_call" in [tool.spec.name for tool in tools]) is offered

    look()


@pytest.fixture
def office(database: AsyncDatabase[dict[str, Any]]) -> Office:
    return open_office(database)


async def test_a_call_is_handed_on_to_one_number_once(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    async with lost_answers(office.db, "findAndModify", times=1):
        assert await office.desk.request_transfer(call, OWNER)
    first = (await office.conversation("CA1"))["transfer"]
    assert await office.desk.request_transfer(call, OWNER)
    assert not await office.desk.request_transfer(call, "+14155550178")
    assert (await office.conversation("CA1"))["transfer"] == first
    shown = await office.conversations.get(call.user_id, call.session_id)
    assert shown.transfer is not None
    assert shown.transfer.to == OWNER


async def test_a_call_that_is_over_is_handed_on_to_nobody(office: Office) -> None:
    await office.owner()
    call = await office.answered("CA1")
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=3)
    assert not await office.desk.request_transfer(call, OWNER)
    assert "transfer" not in await office.conversation("CA1")
