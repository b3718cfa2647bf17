from typing import Any

import pytest
from bson import ObjectId
from tests.support.accounts import assert_problem
from tests.support.webhook_receiver import Receiver
from tests.webhooks.conftest import EVERYTHING, PATH, Owner

from callgenie.kernel.ids import UserId
from callgenie.webhooks.endpoint_store import EndpointStore
from callgenie.webhooks.models import EndpointFields, EventType

NOWHERE = "0" * 24


async def test_a_webhook_s_secret_is_shown_when_it_is_made_and_never_again(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, events=["call.ended", "call.started", "call.ended"], description="$CRM")
    assert made["secret"].startswith("whsec_")
    assert made["events"] == ["call.started", "call.ended"]
    assert (made["description"], made["includeTranscript"], made["enabled"]) == ("$CRM", False, True)
    assert (made["disabledReason"], made["failingSince"], made["previousSecretUntil"]) == (None, None, None)
    shown = (await owner.ask("GET", f"/{made['id']}")).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert (await owner.ask("GET")).json() == {"data": [shown]}


async def test_the_database_holds_no_secret(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver)
    rotated = (await owner.ask("POST", f"/{made['id']}/rotate-secret")).json()
    db = owner.api.db
    kept = str([await db[name].find().to_list() for name in await db.list_collection_names()])
    for secret in (made["secret"], rotated["secret"]):
        assert secret.removeprefix("whsec_")[:20] not in kept
    assert made["url"] in kept


async def test_a_repeated_request_makes_one_webhook_and_shows_the_same_secret(owner: Owner, receiver: Receiver) -> None:
    body = {"url": f"https://localhost:{receiver.port}/", "events": EVERYTHING}
    headers = {"Idempotency-Key": "one"}
    first, second = [await owner.ask("POST", json=body, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert len((await owner.ask("GET")).json()["data"]) == 1


async def test_what_is_left_out_of_a_change_stays(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, description="CRM")
    changed = (await owner.ask("PATCH", f"/{made['id']}", json={"includeTranscript": True})).json()
    assert changed == {**{n: v for n, v in made.items() if n != "secret"}, "includeTranscript": True}
    off = (await owner.ask("PATCH", f"/{made['id']}", json={"enabled": False, "events": ["call.ended"]})).json()
    assert (off["enabled"], off["disabledReason"], off["events"]) == (False, "owner", ["call.ended"])
    on = (await owner.ask("PATCH", f"/{made['id']}", json={"enabled": True})).json()
    assert (on["enabled"], on["disabledReason"], on["description"]) == (True, None, "CRM")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"url": "http://localhost/"}, "webhook_url_not_allowed"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "webhook_url_not_allowed"),
        ({"url": "https://127.0.0.1:8443/"}, "webhook_url_not_allowed"),
        ({"url": "https://nothing.invalid/"}, "webhook_url_not_allowed"),
        ({"url": "https://me:secret@localhost/"}, "webhook_url_not_allowed"),
        ({"url": ""}, "validation_failed"),
        ({"events": []}, "validation_failed"),
        ({"events": ["call.exploded"]}, "validation_failed"),
        ({"events": None}, "validation_failed"),
        ({"description": "x" * 201}, "validation_failed"),
        ({"secret": "whsec_mine"}, "validation_failed"),
    ],
)
async def test_what_cannot_be_is_refused_when_made_and_when_changed(
    owner: Owner, receiver: Receiver, fields: dict[str, Any], code: str
) -> None:
    body = {"url": f"https://localhost:{receiver.port}/", "events": EVERYTHING, **fields}
    refusals = [await owner.ask("POST", json=body)]
    made = await owner.webhook(receiver)
    refusals.append(await owner.ask("PATCH", f"/{made['id']}", json=fields))
    for refusal in refusals:
        problem = assert_problem(refusal, 422, refusal.json()["code"])
        assert problem["errors"][0]["field"] in {*fields, "events.0"}
        if code == "webhook_url_not_allowed":
            assert problem["code"] == code
    assert len((await owner.ask("GET")).json()["data"]) == 1


async def test_there_are_at_most_ten(owner: Owner, receiver: Receiver) -> None:
    for _ in range(10):
        await owner.webhook(receiver)
    body = {"url": f"https://localhost:{receiver.port}/", "events": EVERYTHING}
    assert_problem(await owner.ask("POST", json=body), 409, "too_many_webhooks")
    assert len((await owner.ask("GET")).json()["data"]) == 10


async def test_to_others_a_webhook_is_not_there(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver)
    await owner.ask("POST", f"/{made['id']}/test")
    (delivery,) = await owner.deliveries(made)
    other = Owner(owner.api, (await owner.api.register("other@example.com"))["accessToken"])
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "", {}),
        ("PATCH", "", {"json": {"enabled": False}}),
        ("DELETE", "", {}),
        ("POST", "/rotate-secret", {}),
        ("POST", "/test", {}),
        ("GET", "/deliveries", {}),
        ("POST", f"/deliveries/{delivery['id']}/resend", {}),
    ]
    for method, path, options in asked:
        for name in (made["id"], NOWHERE, "x", "%00"):
            assert_problem(await other.ask(method, f"/{name}{path}", **options), 404, "webhook_not_found")
        assert (await owner.api.call(method, f"{PATH}/{made['id']}{path}", **options)).status_code == 401
    assert (await other.ask("GET")).json() == {"data": []}
    theirs = await other.webhook(receiver)
    path = f"/{theirs['id']}/deliveries/{delivery['id']}/resend"
    assert_problem(await other.ask("POST", path), 404, "webhook_delivery_not_found")
    assert (await owner.ask("GET", f"/{made['id']}")).json()["enabled"]
    assert [each["id"] for each in await owner.deliveries(made)] == [delivery["id"]]


async def test_machines_keys_do_not_open_it(owner: Owner) -> None:
    scopes = {"name": "engine", "scopes": ["conversations:write", "conversations:read", "usage:read"]}
    key = (await owner.api.call("POST", "/api/user/api-keys", token=owner.token, json=scopes)).json()["key"]
    assert_problem(await owner.api.call("GET", PATH, token=key), 403, "scope_missing")


async def test_a_deleted_webhook_is_gone_with_its_deliveries(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver)
    await owner.ask("POST", f"/{made['id']}/test")
    assert (await owner.ask("DELETE", f"/{made['id']}")).status_code == 204
    assert_problem(await owner.ask("DELETE", f"/{made['id']}"), 404, "webhook_not_found")
    assert await owner.api.db["webhookdeliveries"].count_documents({}) == 0
    await owner.talk()
    await owner.pass_a_second()
    assert receiver.received == []


async def test_a_late_attempt_to_make_a_webhook_brings_back_none_that_was_deleted(owner: Owner) -> None:
    # Its answer was lost, it was sent again, and then it arrives after all.
    store, endpoint_id = EndpointStore(owner.api.db), str(ObjectId())
    (user,) = await owner.api.db["users"].distinct("_id")
    user_id, event = UserId(str(user)), EventType.CALL_ENDED
    fields = EndpointFields("https://example.com/in", (event,))

    async def attempt() -> None:
        await store.insert(user_id, endpoint_id, fields, endpoints_max=1)

    await attempt()
    assert [endpoint.id for endpoint in await store.subscribed([user_id], event)] == [endpoint_id]
    assert await store.delete(user_id, endpoint_id)
    await attempt()
    assert await store.subscribed([user_id], event) == []
    assert await store.of_user(user_id) == []
    assert await store.find(user_id, endpoint_id) is None
    assert await store.change(user_id, endpoint_id, fields, enabled=True) is None
    assert not await store.delete(user_id, endpoint_id)
    assert await owner.api.db["webhookendpoints"].distinct("url") == [""]
    # What is gone takes nobody's place.
    assert await store.insert(user_id, str(ObjectId()), fields, endpoints_max=1) is not None


async def test_deliveries_come_in_pages_newest_first(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver)
    sent = [(await owner.ask("POST", f"/{made['id']}/test")).json()["id"] for _ in range(5)]
    await owner.api.db["webhookdeliveries"].update_many({}, [{"$set": {"createdAt": "$$NOW"}}])
    path, found, cursor = f"/{made['id']}/deliveries", [], None
    while True:
        page = (await owner.ask("GET", path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        found += [each["id"] for each in page["data"]]
        cursor = page["nextCursor"]
        if not page["hasMore"]:
            break
    assert found == sorted(sent, reverse=True)
    other = await owner.webhook(receiver)
    first = (await owner.ask("GET", path, params={"limit": 2})).json()["nextCursor"]
    elsewhere = await owner.ask("GET", f"/{other['id']}/deliveries", params={"cursor": first})
    assert_problem(elsewhere, 400, "invalid_cursor")
