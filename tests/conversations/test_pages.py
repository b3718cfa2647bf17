from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.metering import CALLER, Office, exchange

from callgenie.conversations.errors import ConversationNotFoundError
from callgenie.conversations.models import Conversation, ConversationFilters
from callgenie.http.pages import InvalidCursorError
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, Direction, EndedReason, Fault

START = datetime(2026, 11, 1, tzinfo=UTC)
NEIGHBOUR = "+14155550998"


async def record(office: Office, user: UserId, *names: str, **fields: Any) -> None:
    for offset, name in enumerate(names):
        started = {"started_at": START + timedelta(hours=offset)} | fields
        await office.conversations.save_exchange(user, exchange(name, **started))


async def found(office: Office, user: UserId, **filters: Any) -> list[str]:
    page = await office.conversations.page(user, ConversationFilters(**filters), limit=100)
    return names(page.items)


def names(conversations: Sequence[Conversation]) -> list[str]:
    return [conversation.session_id for conversation in conversations]


async def test_the_newest_comes_first_and_pages_leave_nothing_out(office: Office) -> None:
    user = office.customers.add()
    # All at one moment, so that only the id tells them apart.
    await record(office, user, *"abcdefg", started_at=START)
    seen: list[str] = []
    cursor: str | None = None
    for size in (3, 3, 1):
        page = await office.conversations.page(user, limit=3, cursor=cursor)
        assert len(page.items) == size
        seen += names(page.items)
        cursor = page.next_cursor
    assert (seen, cursor) == (list("gfedcba"), None)


async def test_a_page_that_is_just_full_is_the_last(office: Office) -> None:
    user = office.customers.add()
    await record(office, user, "a", "b")
    assert (await office.conversations.page(user, limit=2)).next_cursor is None


async def test_conversations_that_come_in_meanwhile_do_not_shift_the_pages(office: Office) -> None:
    user = office.customers.add()
    await record(office, user, *"abcd")
    first = await office.conversations.page(user, limit=2)
    await record(office, user, "new", started_at=START + timedelta(days=1))
    second = await office.conversations.page(user, limit=2, cursor=first.next_cursor)
    assert names(first.items) + names(second.items) == list("dcba")


async def test_a_cursor_fits_its_user_and_its_filters_only(office: Office) -> None:
    user, other = office.customers.add(), office.customers.add()
    await record(office, user, *"abc")
    cursor = (await office.conversations.page(user, limit=1)).next_cursor
    assert cursor is not None
    for who, filters in ((other, ConversationFilters()), (user, ConversationFilters(phone_number=CALLER))):
        with pytest.raises(InvalidCursorError):
            await office.conversations.page(who, filters, cursor=cursor)


async def test_every_filter_keeps_what_it_says(office: Office) -> None:
    user = await office.owner()
    await record(office, user, "short", duration=5, status=CallStatus.COMPLETED)
    await record(office, user, "long", duration=500, status=CallStatus.COMPLETED, started_at=START + timedelta(days=2))
    await record(office, user, "open", phone_number=NEIGHBOUR, started_at=START + timedelta(days=4))
    call = await office.answered("CA1")
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=20)
    assert await found(office, user) == ["CA1", "open", "long", "short"]
    assert await found(office, user, status=CallStatus.COMPLETED) == ["CA1", "long", "short"]
    assert await found(office, user, ended_reason=EndedReason.CALLER_HANGUP) == ["CA1"]
    assert await found(office, user, direction=Direction.OUTBOUND) == []
    assert await found(office, user, phone_number=NEIGHBOUR) == ["open"]
    assert await found(office, user, started_from=START + timedelta(days=2)) == ["CA1", "open", "long"]
    assert await found(office, user, started_before=START + timedelta(days=2)) == ["short"]
    assert await found(office, user, min_duration=20) == ["CA1", "long"]
    assert await found(office, user, max_duration=20) == ["CA1", "short"]
    assert await found(office, user, min_duration=6, max_duration=499, status=CallStatus.COMPLETED) == ["CA1"]


async def test_words_are_found_as_they_were_said(office: Office) -> None:
    user = office.customers.add()
    await record(office, user, "cake", user_message="I need a wedding cake, please")
    await record(office, user, "will", user_message="This is Will. The car, (a+)+$ and -50% off", ai_response="Café")
    expected = {
        "wedding cake": ["cake"],
        "WEDDING": ["cake"],
        "cake wedding": [],
        "this is will": ["will"],
        "the": ["will"],
        "cafe": ["will"],
        "(a+)+$": ["will"],
        "-50% off": ["will"],
        '"wedding" "please"': ["cake"],
        '"wedding" "will"': [],
        "wed": [],
        '"': [],
        "\\": [],
        "-wedding": [],
        "$where": [],
    }
    assert {phrase: await found(office, user, phrase=phrase) for phrase in expected} == expected


async def test_nothing_of_another_user_is_ever_seen(office: Office) -> None:
    user, other = office.customers.add(), office.customers.add()
    await record(office, user, "mine", user_message="a secret word")
    assert await found(office, other) == []
    assert await found(office, other, phrase="secret") == []
    with pytest.raises(ConversationNotFoundError):
        await office.conversations.get(other, SessionId("mine"))
    assert (await office.conversations.get(user, SessionId("mine"))).turn_count == 2


async def test_a_list_carries_only_the_first_words(office: Office) -> None:
    user = office.customers.add()
    for number in range(10):
        await record(office, user, "talk", user_message=f"word {number}")
    [listed] = (await office.conversations.page(user)).items
    assert (len(listed.turns), listed.turn_count) == (6, 20)
    assert replace(listed, turns=()).exchange_ids == ()


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "userId_startedAt"),
        ({"started_from": START}, "userId_startedAt"),
        ({"phrase": "cake"}, "userId_turns_text"),
    ],
)
async def test_a_list_reads_an_index_and_not_the_collection(office: Office, filters: Any, index: str) -> None:
    user = office.customers.add()
    await record(office, user, "a", user_message="cake")
    await office.db.command({"profile": 2})
    try:
        assert await found(office, user, **filters) == ["a"]
    finally:
        await office.db.command({"profile": 0})
    read = await office.db["system.profile"].find_one({"ns": f"{office.db.name}.conversations", "op": "query"})
    await office.db.drop_collection("system.profile")
    assert read is not None
    assert index in str(read["execStats"])
    assert "COLLSCAN" not in read["planSummary"]
