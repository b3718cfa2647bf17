"""`Idempotency-Key`, over HTTP and the real application: what was sent twice has happened once."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from fastapi.routing import APIRoute
from tests.support.accounts import assert_problem
from tests.support.whole_app import WholeApi, serving_everything, serving_with_twilio

from callgenie.app import ROUTERS
from callgenie.mongo.client import Database

EXCHANGE: Final = {
    "sessionId": "call-1",
    "phoneNumber": "+14155550123",
    "userMessage": "Are you open?",
    "aiResponse": "Until six.",
}
# Where none is asked for, what is sent still tells one request from another.
NO_BODY: Final[tuple[dict[str, Any], dict[str, Any]]] = ({}, {"x": 1})
# A body for every POST under /api/user, and another that differs; a new route without a line here fails the test.
BODIES: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "/api/user/conversations": (EXCHANGE, {**EXCHANGE, "aiResponse": "Until seven."}),
    "/api/user/assign-phone": ({"country": "US"}, {"country": "IN"}),
    "/api/user/api-keys": (
        {"name": "engine", "scopes": ["usage:read"]},
        {"name": "other", "scopes": ["usage:read"]},
    ),
    "/api/user/calls": (
        {"to": "+14155550142", "purpose": "your order"},
        {"to": "+14155550142", "purpose": "your table"},
    ),
    "/api/user/assistant/ask": ({"text": "Is there parking?"}, {"text": "Do you deliver?"}),
    "/api/user/do-not-call": ({"phoneNumber": "+14155550143"}, {"phoneNumber": "+14155550144"}),
    "/api/user/webhooks": (
        {"url": "https://localhost:1/a", "events": ["call.ended"]},
        {"url": "https://localhost:1/b", "events": ["call.ended"]},
    ),
    "/api/user/webhooks/{webhook_id}/rotate-secret": NO_BODY,
    "/api/user/webhooks/{webhook_id}/test": NO_BODY,
    "/api/user/webhooks/{webhook_id}/deliveries/{delivery_id}/resend": NO_BODY,
}


@pytest.fixture
async def api(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, webhook_allowed_hosts=("localhost",)) as served:
        yield served


async def post(api: WholeApi, token: str, key: str, path: str = "/api/user/conversations", **options: Any) -> Any:
    return await api.call("POST", path, token=token, headers={"Idempotency-Key": key}, **options)


async def token_of(api: WholeApi, email: str = "owner@example.com") -> str:
    return str((await api.register(email))["accessToken"])


async def ids_in_paths(api: WholeApi, token: str) -> dict[str, str]:
    body = BODIES["/api/user/webhooks"][0]
    webhook = (await api.call("POST", "/api/user/webhooks", token=token, json=body)).json()["id"]
    delivery = (await api.call("POST", f"/api/user/webhooks/{webhook}/test", token=token)).json()["id"]
    return {"webhook_id": webhook, "delivery_id": delivery}


async def test_every_post_under_api_user_honours_the_key(connected: Database) -> None:
    async with serving_with_twilio(connected, webhook_allowed_hosts=("localhost",)) as (api, _):
        await _every_post_honours_the_key(api)


async def _every_post_honours_the_key(api: WholeApi) -> None:
    token = await token_of(api)
    await api.whole.numbers.import_numbers(["+14155550101"])
    posts = {
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ()) and route.path.startswith("/api/user/")
    }
    assert posts == BODIES.keys()
    names = await ids_in_paths(api, token)
    for template, (body, other) in BODIES.items():
        path = template.format(**names)
        first = await post(api, token, f"key{path}", path, json=body)
        again = await post(api, token, f"key{path}", path, json=body)
        assert first.is_success, first.text
        assert "idempotency-replayed" not in first.headers
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["cache-control"] == "no-store"
        assert_problem(await post(api, token, f"key{path}", path, json=other), 422, "idempotency_key_reused")


async def test_what_was_sent_twice_is_there_once(api: WholeApi) -> None:
    token = await token_of(api)
    body = {"name": "engine", "scopes": ["usage:read"]}
    answers = [await post(api, token, "k1", "/api/user/api-keys", json=body) for _ in range(3)]
    assert len({answer.json()["key"] for answer in answers}) == 1
    assert await api.db["apikeys"].count_documents({}) == 1
    await post(api, token, "k2", "/api/user/api-keys", json=body)
    assert await api.db["apikeys"].count_documents({}) == 2


async def test_of_twenty_at_once_one_does_the_work(api: WholeApi) -> None:
    token = await token_of(api)
    body = {"name": "engine", "scopes": ["usage:read"]}
    answers = await asyncio.gather(*(post(api, token, "k", "/api/user/api-keys", json=body) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["key"] for answer in answers if answer.status_code == 201}) == 1
    assert all(answer.json()["code"] == "request_still_running" for answer in answers if answer.status_code == 409)
    assert await api.db["apikeys"].count_documents({}) == 1


async def test_a_request_that_still_runs_is_a_conflict_until_its_lease_is_over(api: WholeApi) -> None:
    token = await token_of(api)
    await post(api, token, "k", json=EXCHANGE)
    later = datetime.now(UTC) + timedelta(seconds=30)
    running = {"$set": {"state": "running", "leaseUntil": later, "holder": "crashed"}, "$unset": {"answer": ""}}
    await api.db["idempotency"].update_one({}, running)
    assert_problem(await post(api, token, "k", json=EXCHANGE), 409, "request_still_running")

    await api.db["idempotency"].update_one({}, {"$set": {"leaseUntil": later - timedelta(minutes=1)}})
    other = {**EXCHANGE, "userMessage": "No."}
    assert_problem(await post(api, token, "k", json=other), 422, "idempotency_key_reused")
    taken_over = await post(api, token, "k", json=EXCHANGE)
    assert taken_over.status_code == 200
    assert "idempotency-replayed" not in taken_over.headers
    assert (await post(api, token, "k", json=EXCHANGE)).headers["idempotency-replayed"] == "true"


async def test_a_refusal_is_kept_and_names_the_request_it_answers(api: WholeApi) -> None:
    token = await token_of(api)
    first = assert_problem(await post(api, token, "k", "/api/user/assign-phone"), 409, "no_number_available")
    await api.whole.numbers.import_numbers(["+14155550101"])
    again = assert_problem(await post(api, token, "k", "/api/user/assign-phone"), 409, "no_number_available")
    assert first["requestId"] != again["requestId"]
    assert (await post(api, token, "k2", "/api/user/assign-phone")).status_code == 200


@pytest.mark.parametrize(("error_code", "status"), [(11602, 503), (96, 500)])
async def test_a_failure_of_ours_is_not_kept(api: WholeApi, error_code: int, status: int) -> None:
    token = await token_of(api)
    admin = api.db.client.admin
    # The first is repeated until the time is over, the second is nothing that anybody foresaw.
    failing = {"failCommands": ["update", "insert"], "errorCode": error_code}
    await admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": failing})
    try:
        answer = await post(api, token, "k", "/api/user/api-keys", json=BODIES["/api/user/api-keys"][0])
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert answer.status_code == status
    assert await api.db["idempotency"].count_documents({}) == 0
    again = await post(api, token, "k", "/api/user/api-keys", json=BODIES["/api/user/api-keys"][0])
    assert again.status_code == 201


async def test_keys_belong_to_one_user_and_one_route(api: WholeApi) -> None:
    mine, theirs = await token_of(api), await token_of(api, "other@example.com")
    answers = [
        await post(api, mine, "k", json=EXCHANGE),
        await post(api, theirs, "k", json=EXCHANGE),
        await post(api, mine, "k", "/api/user/api-keys", json=BODIES["/api/user/api-keys"][0]),
    ]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert not any("idempotency-replayed" in answer.headers for answer in answers)
    assert await api.db["conversations"].count_documents({}) == 2


async def test_nobody_reads_an_answer_without_signing_in(api: WholeApi) -> None:
    token = await token_of(api)
    await post(api, token, "k", json=EXCHANGE)
    await api.call("POST", "/api/auth/logout", token=token)
    assert_problem(await post(api, token, "k", json=EXCHANGE), 401, "not_signed_in")
    assert_problem(await post(api, "x", "k", json=EXCHANGE), 401, "not_signed_in")


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "two words", "\x7f"])
async def test_a_key_that_is_none_is_refused(api: WholeApi, key: str) -> None:
    token = await token_of(api)
    assert_problem(await post(api, token, key, json=EXCHANGE), 422, "invalid_idempotency_key")
    assert await api.db["conversations"].count_documents({}) == 0


async def test_what_is_kept_opens_nothing_and_goes_after_a_day(api: WholeApi) -> None:
    token = await token_of(api)
    answer = await post(api, token, "the-key", "/api/user/api-keys", json=BODIES["/api/user/api-keys"][0])
    kept = await api.db["idempotency"].find_one({})
    assert kept is not None
    assert answer.json()["key"] not in json.dumps(kept, default=repr)
    assert answer.json()["key"].encode() not in bytes(kept["answer"]["body"])
    assert "the-key" not in json.dumps(kept, default=repr)
    assert kept["expiresAt"] - kept["createdAt"] == timedelta(hours=24)
    # The server removes it a little later; until then it counts as gone.
    await api.db["idempotency"].update_one({}, {"$set": {"expiresAt": datetime.now(UTC) - timedelta(seconds=1)}})
    again = await post(api, token, "the-key", "/api/user/api-keys", json=BODIES["/api/user/api-keys"][1])
    assert again.status_code == 201
