"""A deleted conversation is gone with every word, its usage stays, and nothing late brings it back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.accounts import Api, assert_problem
from tests.support.metering import CALLER, Office, exchange

from callgenie.conversations.errors import (
    CallInProgressError,
    ConversationNotFoundError,
    SessionConflictError,
)
from callgenie.conversations.models import ConversationFilters
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault, TurnRole
from callgenie.voice.turn import Turn

PATH = "/api/user/conversations"
SECRET_WORDS = "my account number is 8472"
# What may be left: whose call it was and what it counts for.
LEFT = {
    "_id",
    "userId",
    "sessionId",
    "carrier",
    "direction",
    "status",
    "endedReason",
    "fault",
    "startedAt",
    "periodStart",
    "duration",
    "billableSeconds",
    "overageSeconds",
    "counted",
    "turns",
    "turnCount",
    "deletedAt",
}


async def recorded(office: Office, session_id: str = "s-1", **fields: Any) -> UserId:
    user = office.customers.add()
    given: dict[str, Any] = {
        "user_message": SECRET_WORDS,
        "duration": 30,
        "status": CallStatus.COMPLETED,
        "metrics": {"who": SECRET_WORDS},
        "audio_url": "https://example.com/8472.wav",
    }
    await office.conversations.save_exchange(user, exchange(session_id, **(given | fields)))
    return user


async def test_only_the_figures_of_a_deleted_conversation_are_left(office: Office) -> None:
    user = await recorded(office)
    await office.conversations.delete(user, SessionId("s-1"))
    left = await office.conversation("s-1")
    assert set(left) <= LEFT
    assert (left["billableSeconds"], left["counted"], left["turns"]) == (30, True, [])
    assert "8472" not in str(left)
    assert CALLER not in str(left)


async def test_nobody_finds_a_deleted_conversation(office: Office) -> None:
    user = await recorded(office)
    await office.conversations.delete(user, SessionId("s-1"))
    with pytest.raises(ConversationNotFoundError):
        await office.conversations.get(user, SessionId("s-1"))
    for filters in (ConversationFilters(), ConversationFilters(phrase="account"), ConversationFilters(max_duration=99)):
        assert (await office.conversations.page(user, filters)).items == []
    with pytest.raises(ConversationNotFoundError):
        await office.conversations.delete(user, SessionId("s-1"))


async def test_usage_is_unchanged_and_the_ledger_still_agrees_with_the_record(office: Office) -> None:
    user = await recorded(office)
    before = (await office.usage.check(user)).standing
    await office.conversations.delete(user, SessionId("s-1"))
    assert (await office.usage.check(user)).standing == before
    assert (before.calls, before.seconds) == (1, 30)
    assert await office.reconciliation.reconcile(user) == []


async def test_a_late_exchange_does_not_bring_it_back(office: Office) -> None:
    user = await recorded(office)
    await office.conversations.delete(user, SessionId("s-1"))
    with pytest.raises(SessionConflictError):
        await office.conversations.save_exchange(user, exchange(duration=30, status=CallStatus.COMPLETED))
    assert (await office.conversation("s-1"))["turns"] == []
    assert (await office.usage.check(user)).standing.seconds == 30


async def test_a_late_turn_does_not_come_into_it(office: Office) -> None:
    user = await office.owner()
    call = await office.answered("CA1")
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=20)
    await office.conversations.delete(user, SessionId("CA1"))
    await office.desk.save_turn(call, 1, Turn(TurnRole.USER, SECRET_WORDS, 0, 900), 2.0)
    assert (await office.conversation("CA1"))["turns"] == []


async def test_a_live_call_cannot_be_deleted(office: Office) -> None:
    user = await office.owner()
    await office.ring("CA1")
    with pytest.raises(CallInProgressError):
        await office.conversations.delete(user, SessionId("CA1"))
    assert (await office.conversation("CA1"))["status"] == "ringing"


async def test_a_call_whose_usage_is_not_settled_cannot_be_deleted(office: Office) -> None:
    user = await office.owner()
    call = await office.answered("CA1")
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=20)
    later = {"$set": {"leaseUntil": datetime(2099, 1, 1, tzinfo=UTC)}}
    await office.db.conversations.update_one({"sessionId": "CA1"}, later)
    with pytest.raises(CallInProgressError):
        await office.conversations.delete(user, SessionId("CA1"))


async def test_a_call_held_elsewhere_can_be_deleted_whatever_was_said_of_it_last(office: Office) -> None:
    user = await recorded(office, status=None, duration=None)
    await office.conversations.delete(user, SessionId("s-1"))
    assert (await office.conversations.page(user)).items == []


async def test_over_http_it_is_204_then_404_and_nobody_elses(api: Api) -> None:
    token = str((await api.register())["accessToken"])
    stranger = str((await api.register("other@example.com"))["accessToken"])
    body = {
        "sessionId": "a/b ü",
        "phoneNumber": "+1234567890",
        "userMessage": "Hello",
        "aiResponse": "Hi",
        "duration": 30,
        "status": "completed",
    }
    await api.call("POST", PATH, token=token, json=body)
    usage = (await api.call("GET", "/api/user/usage", token=token)).json()
    path = f"{PATH}/a%2Fb%20%C3%BC"
    assert (await api.call("DELETE", path)).status_code == 401
    assert_problem(await api.call("DELETE", path, token=stranger), 404, "conversation_not_found")
    deleted = await api.call("DELETE", path, token=token)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert_problem(await api.call("DELETE", path, token=token), 404, "conversation_not_found")
    assert_problem(await api.call("GET", path, token=token), 404, "conversation_not_found")
    assert_problem(await api.call("POST", PATH, token=token, json=body), 409, "session_conflict")
    assert (await api.call("GET", "/api/user/usage", token=token)).json() == usage
