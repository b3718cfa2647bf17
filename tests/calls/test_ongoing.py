"""An owner's calls in progress: listed, and hung up from whichever process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.metering import CALLER, SECRET, Office, exchange, incoming, open_office
from tests.support.switchboard import Switchboard, stream_of, switchboard, tone
from tests.support.virtual_time import virtually
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.calls.carrier_legs import CarrierLegs
from callgenie.calls.errors import CallNotFoundError, CallNotWaitingError
from callgenie.calls.hang_ups import HangUpWatch
from callgenie.calls.live import LiveCalls
from callgenie.calls.models import Admitted
from callgenie.calls.ongoing import OngoingCalls
from callgenie.conversations.ongoing_store import OngoingCallStore
from callgenie.conversations.settlement import Settlement
from callgenie.http.pages import CursorSigner
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault, PlanName
from callgenie.mongo.client import Database
from callgenie.telephony.simulator.report import CallReport, Ending
from callgenie.telephony.simulator.script import Pause, Play
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.providers.scripted import scripted_providers

LONG = (Play(tone(800)), Pause(4_200)) * 20
SESSION = SessionId("CA1")


def process(office: Office, live: LiveCalls | None = None) -> OngoingCalls:
    """Return what one process can do with calls; without `live` it holds none itself."""
    none_here = LiveCalls(office.desk, VoiceCatalogue(scripted_providers((), {})), SystemClock())
    return OngoingCalls(
        ongoing=OngoingCallStore(office.db),
        calls=office.calls,
        settlement=Settlement(office.ledger, office.calls),
        live=live or none_here,
        legs=CarrierLegs(),
        cursors=CursorSigner(SECRET),
    )


async def while_it_runs(board: Switchboard, work: Any) -> CallReport:
    """Hold a long call, and do `work` ten seconds into it."""
    async with asyncio.TaskGroup() as group:
        call = group.create_task(board.dial(*LONG))
        await asyncio.sleep(10)
        await work
        return await call


@pytest.fixture
def office(database: AsyncDatabase[dict[str, Any]]) -> Office:
    return open_office(database)


@pytest.fixture
async def app(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected) as served:
        yield served


# Hanging up


@virtually
async def test_a_call_of_this_process_ends_at_once_by_its_owners_wish(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        report = await while_it_runs(board, process(board.office, board.live).hang_up(board.owner, SESSION))
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert report.ended_by is Ending.ASSISTANT
    assert (conversation["status"], conversation["endedReason"], conversation["fault"]) == (
        "completed",
        "assistant-hangup",
        "customer",
    )
    assert 10 <= conversation["billableSeconds"] <= 11
    assert stream_of(report).duration_ms <= 11_000


@virtually
async def test_a_call_of_another_process_ends_when_that_one_looks(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:

        async def work() -> None:
            assert await process(board.office).hang_up(board.owner, SESSION) is False
            assert (await board.office.conversation("CA1"))["status"] == "in-progress"
            await HangUpWatch(OngoingCallStore(board.office.db), board.live).look()

        report = await while_it_runs(board, work())
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert (conversation["endedReason"], conversation["fault"]) == ("assistant-hangup", "customer")
    # Three seconds were waited before the other process looked.
    assert 13_000 <= stream_of(report).duration_ms <= 14_500


@virtually
async def test_a_wish_that_nobody_looked_for_is_seen_at_the_next_beat(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        report = await while_it_runs(board, process(board.office).hang_up(board.owner, SESSION))
        conversation = await board.office.conversation("CA1")
    assert (conversation["endedReason"], conversation["fault"]) == ("assistant-hangup", "customer")
    assert 20_000 <= stream_of(report).duration_ms <= 21_500


@virtually
async def test_a_suspended_account_keeps_no_call_beyond_what_was_granted(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:

        async def suspend() -> None:
            board.office.customers.suspend(board.owner)

        report = await while_it_runs(board, suspend())
        conversation = await board.office.conversation("CA1")
    assert (conversation["endedReason"], conversation["fault"]) == ("account-suspended", "customer")
    assert stream_of(report).duration_ms <= 60_500


async def test_a_ringing_call_is_turned_away_and_counts_nothing(office: Office) -> None:
    user = await office.owner()
    admitted = await office.ring("CA1")
    assert isinstance(admitted, Admitted)
    assert await process(office).hang_up(user, SESSION) is True
    conversation = await office.conversation("CA1")
    assert (conversation["status"], conversation["endedReason"], conversation["fault"]) == (
        "rejected",
        "assistant-hangup",
        "customer",
    )
    assert (await office.usage.check(user)).standing.live_calls == 0
    with pytest.raises(CallNotWaitingError):
        await office.desk.answer(SESSION, admitted.media_token)


async def test_asking_twice_changes_nothing(office: Office) -> None:
    user = await office.owner()
    await office.answered("CA1")
    store = OngoingCallStore(office.db)
    assert await store.request_hang_up(user, SESSION)
    first = (await office.conversation("CA1"))["hangUpRequestedAt"]
    await asyncio.sleep(0.01)
    assert await store.request_hang_up(user, SESSION)
    assert (await office.conversation("CA1"))["hangUpRequestedAt"] == first


async def test_calls_of_others_and_calls_that_are_over_cannot_be_hung_up(office: Office) -> None:
    owner = await office.owner()
    stranger = office.customers.add()
    call = await office.answered("CA1")
    with pytest.raises(CallNotFoundError):
        await process(office).hang_up(stranger, SESSION)
    # A record of their own under the same id is no call on our line, and opens no way to the other's.
    await office.conversations.save_exchange(stranger, exchange("CA1", status=CallStatus.IN_PROGRESS))
    held = {"$set": {"leaseUntil": datetime.now(UTC) + timedelta(minutes=1)}}
    assert (await office.db.conversations.update_one({"carrier": "api"}, held)).matched_count == 1
    assert (await process(office).page(stranger)).items == []
    with pytest.raises(CallNotFoundError):
        await process(office).hang_up(stranger, SESSION)
    assert await office.db.conversations.count_documents({"hangUpRequestedAt": {"$exists": True}}) == 0
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=3.0)
    with pytest.raises(CallNotFoundError):
        await process(office).hang_up(owner, SESSION)


async def test_a_call_whose_process_is_gone_is_not_shown_as_running(office: Office) -> None:
    user = await office.owner()
    await office.answered("CA1")
    assert len((await process(office).page(user)).items) == 1
    await office.let_all_leases_run_out()
    assert (await process(office).page(user)).items == []
    with pytest.raises(CallNotFoundError):
        await process(office).hang_up(user, SESSION)


# Following


async def test_wishes_are_followed_those_of_before_first(office: Office) -> None:
    user = await office.owner(PlanName.PREMIUM)
    for name in ("CA1", "CA2"):
        await office.answered(name)
    store = OngoingCallStore(office.db)
    await store.request_hang_up(user, SessionId("CA1"))
    async with asyncio.timeout(60), aclosing(store.follow_hang_ups_of_any_user()) as asked_for:
        assert await anext(asked_for) == "CA1"
        # A change that is no wish is passed over.
        await office.calls.beat(user, SessionId("CA2"), elapsed_seconds=5, granted_seconds=60)
        await store.request_hang_up(user, SessionId("CA2"))
        assert await anext(asked_for) == "CA2"


async def test_where_changes_cannot_be_followed_following_ends_and_looking_goes_on(office: Office) -> None:
    user = await office.owner()
    await office.answered("CA1")
    store = OngoingCallStore(office.db)
    await store.request_hang_up(user, SESSION)
    failing = {"failCommands": ["aggregate"], "errorCode": 13}
    await office.db.client.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": failing})
    try:
        async with aclosing(store.follow_hang_ups_of_any_user()) as asked_for:
            assert [session_id async for session_id in asked_for] == []
    finally:
        await office.db.client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert await store.find_hang_ups_of_any_user() == ["CA1"]


# Over HTTP


async def ringing(app: WholeApi, *session_ids: str) -> tuple[UserId, str]:
    registered = await app.register()
    user, token = UserId(registered["user"]["id"]), registered["accessToken"]
    await app.whole.profiles.change_plan(user, PlanName.PREMIUM)
    await app.whole.numbers.import_numbers(["+14155550100"])
    assert (await app.call("POST", "/api/user/assign-phone", token=token, json={})).status_code == 200
    for session_id in session_ids:
        assert isinstance(await app.whole.desk.ring(incoming(session_id)), Admitted)
    return user, token


async def test_the_list_shows_calls_in_progress_and_nothing_else(app: WholeApi) -> None:
    _, token = await ringing(app, "CA1", "CA2", "CA3")
    admitted = await app.whole.desk.ring(incoming("CA2"))
    assert isinstance(admitted, Admitted)
    await app.whole.desk.answer(SessionId("CA2"), admitted.media_token)
    answer = await app.call("DELETE", "/api/user/calls/CA3", token=token)
    assert answer.status_code == 204
    listed = (await app.call("GET", "/api/user/calls", token=token)).json()
    assert [call["sessionId"] for call in listed["data"]] == ["CA2", "CA1"]
    answered, rings = listed["data"]
    assert answered["seconds"] in range(30)
    assert answered | {"startedAt": "", "answeredAt": "", "seconds": 0} == {
        "sessionId": "CA2",
        "carrier": "twilio",
        "direction": "inbound",
        "status": "in-progress",
        "phoneNumber": CALLER,
        "dialledNumber": "+14155550100",
        "startedAt": "",
        "answeredAt": "",
        "seconds": 0,
        "grantedSeconds": 60,
    }
    assert (rings["status"], rings["answeredAt"], rings["seconds"]) == ("ringing", None, None)


async def test_the_list_has_pages(app: WholeApi) -> None:
    _, token = await ringing(app, *"abcde")
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await app.call("GET", f"/api/user/calls?limit=2{cursor}", token=token)).json()
        seen += [call["sessionId"] for call in page["data"]]
        if not page["hasMore"]:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == list("edcba")
    stranger = (await app.register("other@example.com"))["accessToken"]
    assert (await app.call("GET", f"/api/user/calls?limit=2{cursor}", token=stranger)).status_code == 400


async def test_nobody_elses_calls_are_shown_or_hung_up(app: WholeApi) -> None:
    await ringing(app, "CA1")
    stranger = (await app.register("other@example.com"))["accessToken"]
    assert (await app.call("GET", "/api/user/calls", token=stranger)).json()["data"] == []
    answer = await app.call("DELETE", "/api/user/calls/CA1", token=stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "call_not_found")
    stored = await app.db.conversations.find_one({"sessionId": "CA1"})
    assert stored is not None
    assert stored["status"] == "ringing"
    for method, path in (("GET", "/api/user/calls"), ("DELETE", "/api/user/calls/CA1")):
        assert (await app.call(method, path)).status_code == 401


async def test_a_call_held_by_another_process_is_202(app: WholeApi) -> None:
    _, token = await ringing(app, "CA1")
    admitted = await app.whole.desk.ring(incoming("CA1"))
    assert isinstance(admitted, Admitted)
    # Answered, and not run here: as if another process held it.
    await app.whole.desk.answer(SESSION, admitted.media_token)
    assert (await app.call("DELETE", "/api/user/calls/CA1", token=token)).status_code == 202
    assert await OngoingCallStore(app.db).find_hang_ups_of_any_user() == ["CA1"]
