"""Whoever asks to be forgotten is: in every collection, after a crash at any step, and in the middle of a call."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from tests.support.accounts import PASSWORD, assert_problem
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.calls.models import Admitted, AnsweredCall, IncomingCall
from callgenie.conversations.live_store import LiveCallStore
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import Carrier, EndedReason, Fault
from callgenie.lifecycle.belongings_store import BelongingsStore
from callgenie.lifecycle.erasure import Erasures
from callgenie.lifecycle.erasure_log import ErasureLog
from callgenie.lifecycle.erasure_store import ErasureStore
from callgenie.mongo.client import Database
from callgenie.mongo.schema import COLLECTIONS

PATH = "/api/user/account"
NUMBER = "+14155550100"
CAN_HOLD_A_USER = sorted(declared.name for declared in COLLECTIONS if "userId" in declared.properties)


@pytest.fixture
async def app(connected: Database, tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, data_dir=tmp_path) as served:
        yield served


class Line:
    """Stands for the calls of this process: hangs up those that it is told of."""

    def __init__(self, app: WholeApi, *calls: AnsweredCall) -> None:
        self.app = app
        self.calls = {call.session_id: call for call in calls}
        self.hung_up: list[SessionId] = []

    def hang_up(self, session_id: SessionId, reason: EndedReason, fault: Fault) -> bool:
        assert (reason, fault) == (EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER)
        if session_id not in self.calls:
            return False
        self.hung_up.append(session_id)
        return True


class CrashError(Exception):
    pass


class CrashingBelongings(BelongingsStore):
    """Dies at one of its deletions, as a process that is killed there."""

    def __init__(self, app: WholeApi, after: int) -> None:
        super().__init__(app.whole.database.db)
        self.left = after

    async def delete(self, user_id: UserId, collection: str) -> int:
        if self.left == 0:
            raise CrashError
        self.left -= 1
        return await super().delete(user_id, collection)


def erasures(app: WholeApi, tmp_path: Path, **others: Any) -> Erasures:
    db = app.whole.database.db
    parts: dict[str, Any] = {
        "accounts": app.whole.users,
        "numbers": app.whole.numbers,
        "calls": LiveCallStore(db),
        "running": Line(app),
        "recordings": app.whole.recordings.removals,
        "belongings": BelongingsStore(db),
        "store": ErasureStore(db),
        "log": ErasureLog(tmp_path / "erasures.jsonl"),
        "clock": app.whole.clock,
    }
    return Erasures(**(parts | others))


async def mentions(app: WholeApi, *words: str) -> list[str]:
    """Return the names of the collections in which a document holds any of the words."""
    db = app.whole.database.db
    return [
        name
        for name in sorted(await db.list_collection_names())
        if any(word in str(document) for document in await db[name].find().to_list() for word in words)
    ]


async def live_a_little(app: WholeApi, email: str = "owner@example.com", number: str = NUMBER) -> dict[str, Any]:
    """Leave a trace wherever a user can."""
    registered = await app.register(email, phone="+14155550177")
    token = registered["accessToken"]
    await app.whole.numbers.import_numbers([number])
    await app.call("POST", "/api/user/assign-phone", token=token, json={"number": number})
    exchange = {
        "sessionId": f"s-{email}",
        "phoneNumber": "+14155550188",
        "userMessage": "my secret is 8472",
        "aiResponse": "Noted.",
        "duration": 30,
        "status": "completed",
    }
    saved = await app.call(
        "POST", "/api/user/conversations", token=token, json=exchange, headers={"Idempotency-Key": f"k-{email}"}
    )
    assert saved.status_code == 201, saved.text
    business = {"business": {"company": "Miller's Bakery"}}
    assert (await app.call("PATCH", "/api/user/profile", token=token, json=business)).status_code == 200
    await app.call("POST", "/api/user/api-keys", token=token, json={"name": "till", "scopes": ["usage:read"]})
    return registered


async def erase(app: WholeApi, token: str, password: str = PASSWORD) -> Any:
    return await app.call("DELETE", PATH, token=token, json={"password": password})


async def test_nothing_of_the_user_is_left_and_nothing_of_others_is_gone(app: WholeApi) -> None:
    owner = await live_a_little(app)
    other = await live_a_little(app, "other@example.com", "+14155550101")
    user_id, token = owner["user"]["id"], owner["accessToken"]
    words = (user_id, "owner@example.com")
    assert {"users", "userprofiles", "conversations", "usage", "sessions", "phonenumbers", "apikeys"} <= set(
        await mentions(app, *words)
    )
    answer = await erase(app, token)
    assert (answer.status_code, answer.json()) == (202, {"status": "erasing"})
    # The record of the erasure itself, which holds the id and two times.
    assert await mentions(app, *words) == ["erasures"]
    left = await app.whole.database.db["erasures"].find_one({})
    assert left is not None
    assert set(left) == {"_id", "requestedAt", "purgedAt"}
    shown = await app.call("GET", "/api/user/conversations/s-other@example.com", token=other["accessToken"])
    assert shown.json()["turns"][0]["text"] == "my secret is 8472"
    usage = await app.call("GET", "/api/user/usage", token=other["accessToken"])
    assert usage.json()["seconds"]["used"] == 30


async def test_every_session_is_dead_at_once_and_the_address_is_free_again(app: WholeApi) -> None:
    owner = await live_a_little(app)
    login = {"email": "owner@example.com", "password": PASSWORD}
    second = (await app.call("POST", "/api/auth/login", json=login)).json()
    await erase(app, owner["accessToken"])
    for token in (owner["accessToken"], second["accessToken"]):
        assert (await app.call("GET", "/api/user/profile", token=token)).status_code == 401
    refreshed = await app.call("POST", "/api/auth/refresh", json={"refreshToken": second["refreshToken"]})
    assert_problem(refreshed, 401, "invalid_refresh_token")
    assert_problem(await app.call("POST", "/api/auth/login", json=login), 401, "invalid_credentials")
    again = await app.register()
    assert again["user"]["id"] != owner["user"]["id"]
    listed = await app.call("GET", "/api/user/conversations", token=again["accessToken"])
    assert listed.json()["data"] == []


async def test_the_account_is_shut_before_the_rest_is_taken_away(app: WholeApi) -> None:
    owner = await live_a_little(app)
    user = await app.whole.users.get(owner["user"]["id"])
    await app.whole.erasures.request(user, PASSWORD)
    assert (await app.call("GET", "/api/user/profile", token=owner["accessToken"])).status_code == 401
    assert_problem(await app.log_in("owner@example.com"), 401, "invalid_credentials")
    assert {"users", "sessions", "apikeys"}.isdisjoint(await mentions(app, user.id))


async def test_the_number_is_kept_from_others_for_a_while(app: WholeApi) -> None:
    owner = await live_a_little(app)
    await erase(app, owner["accessToken"])
    number = await app.whole.database.db["phonenumbers"].find_one({"_id": NUMBER})
    assert number is not None
    assert (number["state"], "userId" in number) == ("quarantine", False)
    other = await app.register("other@example.com")
    wished = await app.call("POST", "/api/user/assign-phone", token=other["accessToken"], json={"number": NUMBER})
    assert_problem(wished, 409, "number_taken")


async def test_a_wrong_password_changes_nothing(app: WholeApi) -> None:
    owner = await live_a_little(app)
    assert_problem(await erase(app, owner["accessToken"], "not the password"), 401, "invalid_credentials")
    assert (await app.call("DELETE", PATH, token=owner["accessToken"], json={})).status_code == 422
    assert (await app.call("DELETE", PATH, json={"password": PASSWORD})).status_code == 401
    assert (await app.call("GET", "/api/user/profile", token=owner["accessToken"])).status_code == 200
    assert await app.whole.database.db["erasures"].count_documents({}) == 0


@pytest.mark.parametrize("collection", CAN_HOLD_A_USER)
async def test_whatever_a_collection_holds_under_a_user_id_is_gone(app: WholeApi, collection: str) -> None:
    owner, other = await app.register(), await app.register("other@example.com")
    documents = app.whole.database.db[collection]
    for who in (owner, other):
        whose = {"userId": ObjectId(who["user"]["id"])}
        if await documents.count_documents(whose) == 0:
            planted = {"_id": f"planted {who['user']['id']}", "state": "assigned", "assignedAt": datetime.now(UTC)}
            await documents.insert_one({**whose, **planted}, bypass_document_validation=True)
    await erase(app, owner["accessToken"])
    assert await documents.count_documents({"userId": ObjectId(owner["user"]["id"])}) == 0
    assert await documents.count_documents({"userId": ObjectId(other["user"]["id"])}) > 0


async def test_mail_asked_for_by_the_address_alone_is_gone(app: WholeApi) -> None:
    owner = await app.register()
    outbox = app.whole.database.db["outbox"]
    for email in ("owner@example.com", "other@example.com"):
        await outbox.insert_one({"_id": email, "email": email}, bypass_document_validation=True)
    await erase(app, owner["accessToken"])
    assert await outbox.distinct("email") == ["other@example.com"]


async def test_a_crash_at_any_deletion_is_made_good_by_the_next_round(app: WholeApi, tmp_path: Path) -> None:
    crashes = 0
    for step in range(50):
        email = f"owner{step}@example.com"
        owner = await live_a_little(app, email, f"+141555501{step:02}")
        user = await app.whole.users.get(owner["user"]["id"])
        crashing = erasures(app, tmp_path, belongings=CrashingBelongings(app, step))
        try:
            await crashing.request(user, PASSWORD)
            await crashing.carry_on(user.id)
        except CrashError:
            crashes += 1
            await erasures(app, tmp_path).round()
        assert await mentions(app, user.id, email) == ["erasures"], step
        if crashes == step:
            break
    assert crashes >= len(CAN_HOLD_A_USER)


async def test_what_was_on_its_way_is_found_by_looking_once_more(app: WholeApi, tmp_path: Path) -> None:
    owner = await live_a_little(app)
    user_id, db = UserId(owner["user"]["id"]), app.whole.database.db
    await erase(app, owner["accessToken"])
    eraser = erasures(app, tmp_path)
    late = {"_id": "late", "userId": ObjectId(user_id)}
    await db["usage"].insert_one(late, bypass_document_validation=True)
    await eraser.round()
    assert await mentions(app, user_id) == ["erasures"]

    async def pass_time(minutes: int) -> None:
        past = datetime.now(UTC) - timedelta(minutes=minutes)
        await db["erasures"].update_one({}, {"$set": {"purgedAt": past, "requestedAt": past}})

    await eraser.round()
    assert len(await ErasureStore(db).unfinished()) == 1
    await pass_time(3)
    await db["usage"].insert_one(late, bypass_document_validation=True)
    await eraser.round()
    assert len(await ErasureStore(db).unfinished()) == 1
    await pass_time(3)
    await eraser.round()
    assert await ErasureStore(db).unfinished() == []
    assert await mentions(app, user_id) == ["erasures"]


async def test_an_erasure_that_was_cut_off_after_its_last_deletion_comes_to_an_end(
    app: WholeApi, tmp_path: Path
) -> None:
    store, eraser = ErasureStore(app.whole.database.db), erasures(app, tmp_path)
    await store.open(UserId("a" * 24))
    await eraser.round()
    past = datetime.now(UTC) - timedelta(minutes=3)
    await app.whole.database.db["erasures"].update_one({"purgedAt": {"$exists": True}}, {"$set": {"purgedAt": past}})
    await eraser.round()
    assert await store.unfinished() == []


async def a_call(app: WholeApi, session_id: str = "CA1") -> AnsweredCall:
    incoming = IncomingCall(SessionId(session_id), Carrier.TWILIO, "+14155550199", NUMBER, "ringing")
    admitted = await app.whole.desk.ring(incoming)
    assert isinstance(admitted, Admitted), admitted
    return await app.whole.desk.answer(admitted.session_id, admitted.media_token)


async def test_a_running_call_is_hung_up_before_anything_is_deleted(app: WholeApi, tmp_path: Path) -> None:
    owner = await live_a_little(app)
    user_id = UserId(owner["user"]["id"])
    call = await a_call(app)
    line = Line(app, call)
    eraser = erasures(app, tmp_path, running=line)
    await eraser.request(await app.whole.users.get(user_id), PASSWORD)
    await eraser.round()
    assert line.hung_up == [call.session_id]
    assert "conversations" in await mentions(app, user_id)
    await app.whole.desk.end(call, reason=EndedReason.ACCOUNT_SUSPENDED, fault=Fault.CUSTOMER, elapsed_seconds=3)
    await eraser.round()
    assert await mentions(app, user_id) == ["erasures"]


async def test_a_call_of_another_process_ends_at_its_next_heartbeat(app: WholeApi) -> None:
    owner = await live_a_little(app)
    call = await a_call(app)
    await erase(app, owner["accessToken"])
    assert await mentions(app, owner["user"]["id"]) == ["erasures"]
    assert (await app.whole.desk.beat(call, 5.0)).ended
    assert await mentions(app, owner["user"]["id"]) == ["erasures"]


async def test_a_call_that_nobody_can_reach_does_not_keep_the_data(app: WholeApi, tmp_path: Path) -> None:
    owner = await live_a_little(app)
    user_id = UserId(owner["user"]["id"])
    # Says each time that it hangs up, and never does.
    eraser = erasures(app, tmp_path, running=Line(app, await a_call(app)))
    await eraser.request(await app.whole.users.get(user_id), PASSWORD)
    past = datetime.now(UTC) - timedelta(minutes=2)
    await app.whole.database.db["erasures"].update_one({}, {"$set": {"requestedAt": past}})
    await eraser.round()
    assert await mentions(app, user_id) == ["erasures"]


async def test_the_log_outside_the_database_names_each_erased_user_once(app: WholeApi, tmp_path: Path) -> None:
    log = tmp_path / "erasures.jsonl"
    erased: list[str] = []
    for number in range(2):
        owner = await app.register(f"owner{number}@example.com")
        await erase(app, owner["accessToken"])
        erased.append(owner["user"]["id"])
        await app.whole.erasures.round()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["userId"] for line in lines] == erased
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in lines)
    assert "example.com" not in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_a_line_of_the_log_that_a_crash_cut_short_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    path.write_text('{"userId": "aaaaaaaaaaaaaaaaaaaaaaaa", "at": "x"}\n{"userId": "bbbb' + "x" * 200)
    for _ in range(2):
        await ErasureLog(path).note(UserId("b" * 24), datetime(2026, 1, 1, tzinfo=UTC))
    assert [json.loads(line)["userId"] for line in path.read_text().splitlines()] == ["a" * 24, "b" * 24]


async def test_requests_that_race_with_the_erasure_leave_nothing_in_the_end(app: WholeApi, tmp_path: Path) -> None:
    owner = await live_a_little(app)
    user_id, token = owner["user"]["id"], owner["accessToken"]
    exchange = {"phoneNumber": "+14155550188", "userMessage": "8472", "aiResponse": "Noted.", "duration": 5}
    await app.whole.numbers.import_numbers([f"+1415555{number:04}" for number in range(200, 220)])

    async def busy(number: int) -> set[int]:
        """Go on as if nothing happened."""
        said = {"sessionId": f"race-{number}", "status": "completed", **exchange}
        answers = [
            await app.call("POST", "/api/user/conversations", token=token, json=said),
            await app.call("PUT", "/api/user/preferences", token=token, json={"assistantName": f"N{number}"}),
            await app.call("POST", "/api/user/assign-phone", token=token, json={}),
            await app.call("POST", "/api/user/api-keys", token=token, json={"name": "x", "scopes": ["usage:read"]}),
        ]
        return {answer.status_code for answer in answers}

    seen = await asyncio.gather(*(busy(number) for number in range(12)), erase(app, token))
    assert seen.pop().status_code == 202
    assert set().union(*seen) <= {200, 201, 401, 404, 409, 503}
    eraser, past = erasures(app, tmp_path), datetime.now(UTC) - timedelta(minutes=3)
    for _ in range(2):
        erased = app.whole.database.db["erasures"]
        await erased.update_one({"purgedAt": {"$exists": True}}, {"$set": {"purgedAt": past}})
        await eraser.round()
    assert await mentions(app, user_id, "owner@example.com") == ["erasures"]
    assert await ErasureStore(app.whole.database.db).unfinished() == []
