"""A database of the Node version, as it is on disk, moves in; afterwards it is used through the services."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.lost_answers import lost_answers
from tests.support.node_version import NODE_DB, PASSWORD, SIGNED_UP, old_pair, old_profile, old_user
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.conversations.reconciliation import Reconciliation
from callgenie.conversations.totals_store import TotalsStore
from callgenie.lifecycle.migration.errors import NothingToMigrateError
from callgenie.lifecycle.migration.models import MigrationReport
from callgenie.lifecycle.migration.service import Migration
from callgenie.lifecycle.migration.source_store import NodeSource
from callgenie.lifecycle.migration.target_store import MigrationTarget
from callgenie.mongo.client import Database

Db = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def api(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, bcrypt_cost=4) as served:
        yield served


@pytest.fixture
async def node(connected: Database) -> AsyncIterator[Db]:
    """The Node version's database on the same server, empty."""
    await connected.client.drop_database(NODE_DB)
    yield connected.client[NODE_DB]
    await connected.client.drop_database(NODE_DB)


async def migrate(api: WholeApi, node: Db, *, dry_run: bool = False) -> MigrationReport:
    services = api.whole
    return await Migration(
        source=NodeSource(node),
        target=MigrationTarget(api.db),
        numbers=services.numbers,
        ledger=services.ledger,
        terms=services.terms,
        options=services.profiles.options,
        bcrypt_cost=4,
        dry_run=dry_run,
        progress=lambda _line: None,
    ).run()


async def mismatches(api: WholeApi) -> list[Any]:
    return list(await Reconciliation(api.whole.ledger, TotalsStore(api.db)).reconcile())


async def signed_in(api: WholeApi, email: str = "owner@example.com") -> str:
    answer = await api.log_in(email, PASSWORD)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["accessToken"]
    return token


async def furnish(node: Db, *pairs: dict[str, Any], user: dict[str, Any], **profile: Any) -> None:
    await node.users.insert_one(user)
    await node.userprofiles.insert_one(old_profile(user, **profile))
    if pairs:
        await node.conversations.insert_many(pairs)


async def everything_in(db: Db) -> dict[str, list[dict[str, Any]]]:
    names = ("users", "userprofiles", "phonenumbers", "conversations", "usage")
    return {name: await db[name].find({}).sort("_id", 1).to_list() for name in names}


async def test_an_owner_signs_in_with_the_old_password_and_finds_everything(api: WholeApi, node: Db) -> None:
    user = old_user()
    pairs = [old_pair(user, "CA-1"), old_pair(user, "CA-1", after=20, duration=12), old_pair(user, "CA-2", after=99)]
    await furnish(node, *pairs, user=user, phoneNumber="+1 415 555 2671")
    report = await migrate(api, node)
    assert (report.users.taken, report.profiles.taken, report.numbers.taken, report.exchanges.taken) == (1, 1, 1, 3)
    assert report.skipped.total == 0

    token = await signed_in(api)
    profile = (await api.call("GET", "/api/user/profile", token=token)).json()
    assert profile["user"]["id"] == str(user["_id"])
    assert profile["user"]["phone"] == "+14155550123"
    assert profile["user"]["emailVerified"] is True
    assert profile["profile"]["phoneNumber"] == "+14155552671"
    assert profile["profile"]["subscription"]["plan"] == "basic"
    assert profile["profile"]["subscription"]["stripeCustomerId"] == f"cus_{user['_id']}"
    assert profile["profile"]["preferences"]["responseLength"] == "short"
    assert profile["profile"]["business"]["company"] == "Doe's Bakery"
    listed = (await api.call("GET", "/api/user/conversations", token=token)).json()["data"]
    assert [each["sessionId"] for each in listed] == ["CA-2", "CA-1"]
    whole = (await api.call("GET", "/api/user/conversations/CA-1", token=token)).json()
    assert [turn["text"] for turn in whole["turns"]][::2] == ["Hello SAATHI, 0.0", "Hello SAATHI, 20"]
    assert (whole["carrier"], whole["duration"], whole["billableSeconds"]) == ("api", 42, 42)
    found = (await api.call("GET", "/api/user/conversations", token=token, params={"q": "SAATHI"})).json()["data"]
    assert len(found) == 2


async def test_the_old_hash_gives_way_to_ours_at_the_first_sign_in(api: WholeApi, node: Db) -> None:
    await furnish(node, user=old_user())
    await migrate(api, node)
    await signed_in(api)
    stored = await api.db.users.find_one({})
    assert stored is not None
    assert stored["passwordHash"].startswith("hmac-sha384:")
    await migrate(api, node)
    assert await api.db.users.find_one({}) == stored
    await signed_in(api)


async def test_the_ledger_agrees_with_the_record(api: WholeApi, node: Db) -> None:
    user, other = old_user(), old_user("other@example.com")
    months = [old_pair(user, f"CA-{month}", after=month * 30 * 86_400) for month in range(5)]
    await furnish(node, *months, old_pair(user, "CA-x", status="failed"), user=user)
    await furnish(node, *(old_pair(other, f"B-{n}", after=n, duration=400) for n in range(13)), user=other)
    await node.userprofiles.update_one({"userId": other["_id"]}, {"$set": {"subscription.plan": "free"}})
    report = await migrate(api, node)
    assert await mismatches(api) == []
    # Free: ten calls and half an hour; what does not fit is kept beside the conversations.
    used = await api.db.usage.find_one({"userId": other["_id"]})
    assert used is not None
    assert (used["calls"], used["seconds"]) == (10, 1_800)
    assert (report.calls, report.calls_beyond) == (15, 3)
    assert (report.seconds, report.seconds_beyond) == (150 + 1_800, 13 * 400 - 1_800)
    assert await api.db.conversations.count_documents({"userId": other["_id"]}) == 13


async def test_a_repetition_changes_nothing_and_a_later_one_fetches_what_is_new(api: WholeApi, node: Db) -> None:
    user = old_user()
    await furnish(node, old_pair(user, "CA-1"), old_pair(user, "CA-2", after=60), user=user)
    await migrate(api, node)
    before = await everything_in(api.db)
    report = await migrate(api, node)
    assert await everything_in(api.db) | {"usage": []} == before | {"usage": []}
    assert (report.exchanges.taken, report.exchanges.already_here) == (0, 2)
    await node.conversations.insert_many([old_pair(user, "CA-1", after=31), old_pair(user, "CA-3", after=300)])
    report = await migrate(api, node)
    assert (report.exchanges.taken, report.exchanges.already_here) == (2, 2)
    conversation = await api.db.conversations.find_one({"sessionId": "CA-1"})
    assert conversation is not None
    assert [turn["number"] for turn in conversation["turns"]] == [1, 2, 3, 4]
    assert conversation["duration"] == 60
    assert await mismatches(api) == []


async def test_a_dry_run_reports_the_same_and_writes_nothing(api: WholeApi, node: Db) -> None:
    user = old_user()
    orphan = old_pair(old_user(), "CA-9")
    await furnish(node, old_pair(user, "CA-1"), orphan, user=user, phoneNumber="+14155552671")
    dry = await migrate(api, node, dry_run=True)
    assert not any((await everything_in(api.db)).values())
    real = await migrate(api, node)
    for kind in ("users", "profiles", "numbers", "exchanges", "conversations", "skipped"):
        assert getattr(dry, kind) == getattr(real, kind), kind


async def test_every_document_is_taken_or_named(api: WholeApi, node: Db) -> None:
    good, twin = old_user(), old_user("OWNER@example.com ")
    nameless, no_mail = old_user("n@example.com", name=None, password="plain text"), old_user("not an address")
    await node.users.insert_many([good, twin, nameless, no_mail])
    odd = [
        old_pair(good, "a", userId=str(good["_id"])),
        old_pair(good, "a", after=9),
        old_pair(good, "", sessionId=None),
        old_pair(good, "b", duration="17.2", phoneNumber="anonymous", status="weird", createdAt="2026-02-05T10:00:00Z"),
        old_pair(good, "c", userMessage=None, aiResponse=None, duration=-4),
        old_pair(good, "x" * 300),
        old_pair(good, "d", userMessage="w" * 9_000, duration=float("nan")),
        old_pair(good, "e", metadata={"transcriptionTime": 180, "responseTime": 412.4, "model": "old", "a.b": 1}),
        old_pair(nameless, "n"),
    ]
    lost = [old_pair(twin, "t"), old_pair(no_mail, "m"), old_pair(good, "o", userId=None), {"_id": "text", "what": 1}]
    await node.conversations.insert_many([*odd, *lost])
    report = await migrate(api, node)
    tally = report.exchanges
    assert (tally.read, tally.taken, tally.skipped) == (len(odd) + len(lost), len(odd), len(lost))
    assert report.users.skipped == 2
    assert sum("its user is not there" in line for line in report.skipped.lines) == len(lost)
    assert await api.db.conversations.count_documents({}) == len(odd) - 1
    e = await api.db.conversations.find_one({"sessionId": "e"})
    assert e is not None
    assert e["turns"][1]["latency"] == {"sttFinal": 180, "serverE2e": 412}
    assert e["metrics"]["model"] == "old"
    b = await api.db.conversations.find_one({"sessionId": "b"})
    assert b is not None
    assert (b["duration"], b["phoneNumber"], b["status"]) == (18, None, "completed")
    assert await mismatches(api) == []
    token = await signed_in(api)
    for each in (await api.call("GET", "/api/user/conversations", token=token)).json()["data"]:
        answer = await api.call("GET", f"/api/user/conversations/{each['sessionId']}", token=token)
        assert answer.status_code == 200, answer.text
    refused = await api.log_in("n@example.com", "plain text")
    assert refused.status_code == 401


async def test_a_call_longer_than_a_conversation_has_room_for_is_kept_whole(api: WholeApi, node: Db) -> None:
    user = old_user()
    await furnish(node, *(old_pair(user, "long", after=n, duration=1) for n in range(2_000)), user=user)
    report = await migrate(api, node)
    assert report.conversations == 3
    assert sum([each["turnCount"] async for each in api.db.conversations.find({})]) == 4_000
    again = await migrate(api, node)
    assert (again.exchanges.taken, again.exchanges.already_here) == (0, 2_000)


async def test_what_was_deleted_or_erased_here_does_not_come_back(api: WholeApi, node: Db) -> None:
    user, gone = old_user(), old_user("gone@example.com")
    await furnish(node, old_pair(user, "CA-1"), user=user)
    await furnish(node, old_pair(gone, "CA-2"), user=gone)
    await migrate(api, node)
    token = await signed_in(api)
    assert (await api.call("DELETE", "/api/user/conversations/CA-1", token=token)).status_code == 204
    for collection, key in (
        ("users", "_id"),
        ("userprofiles", "userId"),
        ("conversations", "userId"),
        ("usage", "userId"),
    ):
        await api.db[collection].delete_many({key: gone["_id"]})
    await api.db.erasures.insert_one({"_id": gone["_id"], "requestedAt": SIGNED_UP})
    await node.conversations.insert_one(old_pair(user, "CA-3"))
    report = await migrate(api, node)
    assert "this user was erased here" in report.skipped.counts
    assert await api.db.users.count_documents({}) == 1
    assert (await api.call("GET", "/api/user/conversations/CA-1", token=token)).status_code == 404
    assert await mismatches(api) == []


async def test_it_goes_on_where_it_was_cut_off(api: WholeApi, node: Db) -> None:
    user = old_user()
    await furnish(node, *(old_pair(user, f"CA-{n}", after=n) for n in range(5)), user=user)
    await migrate(api, node)
    expected = await everything_in(api.db)
    # As if the process had died after some conversations, and before any usage was counted.
    await api.db.conversations.delete_many({"sessionId": {"$in": ["CA-3", "CA-4"]}})
    bill = {"billableSeconds": "", "overageSeconds": "", "counted": ""}
    await api.db.conversations.update_many({}, {"$unset": bill})
    await api.db.usage.delete_many({})
    await migrate(api, node)
    found = await everything_in(api.db)
    assert {name: value for name, value in found.items() if name != "usage"} == {
        name: value for name, value in expected.items() if name != "usage"
    }
    assert await mismatches(api) == []


async def test_lost_answers_double_nothing(api: WholeApi, node: Db) -> None:
    user = old_user()
    await furnish(node, old_pair(user, "CA-1"), old_pair(user, "CA-1", after=5, duration=4), user=user)
    async with lost_answers(api.db, "update", "findAndModify", times=5):
        await migrate(api, node)
    conversation = await api.db.conversations.find_one({})
    assert conversation is not None
    assert len(conversation["turns"]) == 4
    await node.conversations.insert_one(old_pair(user, "CA-1", after=9))
    async with lost_answers(api.db, "update", "findAndModify", times=1):
        await migrate(api, node)
    conversation = await api.db.conversations.find_one({})
    assert conversation is not None
    assert len(conversation["turns"]) == 6
    assert await mismatches(api) == []


async def test_usage_goes_on_from_what_was_carried_over(api: WholeApi, node: Db) -> None:
    user = old_user(createdAt=SIGNED_UP)
    # In the present period, whenever this test runs.
    recent = api.whole.clock.now() - timedelta(minutes=5)
    await furnish(node, old_pair(user, "CA-1", createdAt=recent), user=user | {"createdAt": recent})
    await migrate(api, node)
    token = await signed_in(api)
    usage = (await api.call("GET", "/api/user/usage", token=token)).json()
    assert (usage["calls"]["used"], usage["seconds"]["used"]) == (1, 30)


async def test_calls_from_before_the_sign_up_share_the_first_period(api: WholeApi, node: Db) -> None:
    user = old_user()
    await furnish(node, *(old_pair(user, f"CA-{n}", after=-n * 86_400 * 40) for n in range(3)), user=user)
    await migrate(api, node)
    assert await api.db.conversations.distinct("periodStart") == [SIGNED_UP]
    assert await mismatches(api) == []


async def test_two_users_of_one_stripe_customer_are_both_taken(api: WholeApi, node: Db) -> None:
    one, two = old_user(), old_user("two@example.com")
    subscription = {"plan": "premium", "status": "active", "stripeCustomerId": "cus_1"}
    await furnish(node, user=one, subscription=subscription)
    await furnish(node, user=two, subscription=subscription)
    report = await migrate(api, node)
    assert report.profiles.taken == 2
    assert report.changed.total == 1


async def test_a_database_without_users_or_of_this_version_is_refused(api: WholeApi, node: Db) -> None:
    with pytest.raises(NothingToMigrateError, match="There are no users in the database node_version"):
        await migrate(api, node)
    await node.users.insert_one({"_id": ObjectId(), "authEpoch": 0})
    with pytest.raises(NothingToMigrateError, match="callgenie backup"):
        await migrate(api, node)
