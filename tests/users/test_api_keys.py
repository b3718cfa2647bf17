"""API keys over HTTP: shown once, good for what their scopes name, and for nothing else."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bson import ObjectId
from fastapi.routing import APIRoute
from tests.support.accounts import assert_problem
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.app import ROUTERS
from callgenie.kernel.ids import UserId
from callgenie.mongo.client import Database
from callgenie.users.api_key_models import ApiScope
from callgenie.users.api_key_store import ApiKeyStore
from callgenie.users.api_keys import KEYS_MAX

EXCHANGE = {"sessionId": "s", "phoneNumber": "+14155550123", "userMessage": "Hello?", "aiResponse": "Hello."}
# Which scope opens which route, beside a person's access token.
OPENED = {
    ("GET", "/api/user/conversations"): "conversations:read",
    ("GET", "/api/user/conversations/export"): "conversations:read",
    ("GET", "/api/user/conversations/{session_id:path}"): "conversations:read",
    ("POST", "/api/user/conversations"): "conversations:write",
    ("GET", "/api/user/calls"): "conversations:read",
    ("POST", "/api/user/calls"): "calls:write",
    ("DELETE", "/api/user/calls/{session_id:path}"): "calls:write",
    ("POST", "/api/user/assistant/ask"): "assistant:ask",
    ("GET", "/api/user/usage"): "usage:read",
    ("GET", "/api/user/usage/daily"): "usage:read",
}
# Behind the door these find no call to place, none to end, and no question.
OTHERWISE = {
    ("POST", "/api/user/assistant/ask"): "invalid",
    ("POST", "/api/user/calls"): "invalid",
    ("DELETE", "/api/user/calls/{session_id:path}"): "call_not_found",
}
ALL = ["conversations:write", "conversations:read", "usage:read", "calls:write", "assistant:ask"]


@pytest.fixture
async def api(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected) as served:
        yield served


async def make_key(api: WholeApi, token: str, *scopes: str, name: str = "engine") -> dict[str, Any]:
    answer = await api.call("POST", "/api/user/api-keys", token=token, json={"name": name, "scopes": list(scopes)})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_key_is_shown_once_and_kept_as_a_hash(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    made = await make_key(api, token, "usage:read")
    assert set(made) == {"id", "name", "hint", "scopes", "createdAt", "key"}
    assert made["key"].startswith("cg_")
    assert made["key"].endswith(made["hint"])
    listed = (await api.call("GET", "/api/user/api-keys", token=token)).json()
    assert listed == {"data": [{name: value for name, value in made.items() if name != "key"}]}
    kept = await api.db["apikeys"].find_one({})
    assert made["key"] not in json.dumps(kept, default=str)


async def test_a_key_opens_what_its_scopes_name_and_nothing_else(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    await api.call("POST", "/api/user/conversations", token=token, json=EXCHANGE)
    keys = {scope: (await make_key(api, token, scope))["key"] for scope in ALL}
    whole = (await make_key(api, token, *ALL))["key"]
    checked = 0
    for route in [route for router in ROUTERS for route in router.routes]:
        if not isinstance(route, APIRoute) or not route.path.startswith("/api/user/"):
            continue
        for method in route.methods or ():
            opened_by = OPENED.get((method, route.path))
            path = route.path.replace("{session_id:path}", "s").replace("{key_id}", "0" * 24)
            body = {"json": EXCHANGE} if (method, route.path) == ("POST", "/api/user/conversations") else {}
            for scope, key in [*keys.items(), (None, whole)]:
                answer = await api.call(method, path, token=key, **body)
                if opened_by is not None and scope in {opened_by, None}:
                    code = OTHERWISE.get((method, route.path))
                    assert answer.is_success or answer.json()["code"] == code, (method, path, scope, answer.text)
                else:
                    assert_problem(answer, 403, "scope_missing")
                checked += 1
    assert checked >= 4 * len(OPENED)
    assert_problem(await api.call("POST", "/api/auth/logout", token=whole), 403, "scope_missing")


async def test_a_deleted_key_is_dead_at_once(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    made = await make_key(api, token, "usage:read")
    assert (await api.call("GET", "/api/user/usage", token=made["key"])).status_code == 200
    assert (await api.call("DELETE", f"/api/user/api-keys/{made['id']}", token=token)).status_code == 204
    assert_problem(await api.call("GET", "/api/user/usage", token=made["key"]), 401, "not_signed_in")
    again = await api.call("DELETE", f"/api/user/api-keys/{made['id']}", token=token)
    assert_problem(again, 404, "api_key_not_found")


async def test_another_users_key_cannot_be_seen_or_deleted(api: WholeApi) -> None:
    mine, theirs = (await api.register())["accessToken"], (await api.register("other@example.com"))["accessToken"]
    made = await make_key(api, mine, "usage:read")
    assert (await api.call("GET", "/api/user/api-keys", token=theirs)).json() == {"data": []}
    for key_id in (made["id"], "nonsense", "0" * 24):
        answer = await api.call("DELETE", f"/api/user/api-keys/{key_id}", token=theirs)
        assert_problem(answer, 404, "api_key_not_found")
    assert (await api.call("GET", "/api/user/usage", token=made["key"])).status_code == 200


async def test_a_suspended_users_key_opens_nothing(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    key = (await make_key(api, token, "usage:read"))["key"]
    await api.db["users"].update_one({}, {"$set": {"status": "suspended"}})
    assert_problem(await api.call("GET", "/api/user/usage", token=key), 401, "not_signed_in")


@pytest.mark.parametrize("forge", [lambda key: key[:-1], lambda key: key + "A", lambda key: key[:10] + "A" + key[11:]])
async def test_a_forged_key_opens_nothing(api: WholeApi, forge: Any) -> None:
    token = (await api.register())["accessToken"]
    key = (await make_key(api, token, "usage:read"))["key"]
    for text in (forge(key), "cg_", "cg_" + "A" * 80, "cg_ключ", "cg_" + "A" * 5_000):
        answer = await api.client.get("/api/user/usage", headers={b"Authorization": f"Bearer {text}".encode()})
        assert_problem(answer, 401, "not_signed_in")


async def test_a_late_attempt_to_make_a_key_brings_back_none_that_was_deleted(api: WholeApi) -> None:
    # Its answer was lost, it was sent again, and then it arrives after all.
    user_id, store, key_id = UserId((await api.register())["user"]["id"]), ApiKeyStore(api.db), str(ObjectId())

    async def attempt() -> None:
        scopes = [ApiScope.USAGE_READ]
        await store.insert(user_id, key_id, name="n", key_hash="h", hint="h", scopes=scopes, keys_max=1)

    await attempt()
    assert await store.find_holder(key_id, "h") is not None
    assert await store.delete(user_id, key_id)
    await attempt()
    assert await store.find_holder(key_id, "h") is None
    assert await store.of_user(user_id) == []
    assert not await store.delete(user_id, key_id)


async def test_there_is_an_end_to_the_number_of_keys(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    for _ in range(KEYS_MAX):
        await make_key(api, token, "usage:read")
    answer = await api.call("POST", "/api/user/api-keys", token=token, json={"name": "x", "scopes": ["usage:read"]})
    assert_problem(answer, 409, "too_many_api_keys")
    assert await api.db["apikeys"].count_documents({"deletedAt": None}) == KEYS_MAX


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "scopes": ["usage:read"]}, "name"),
        ({"name": "n" * 101, "scopes": ["usage:read"]}, "name"),
        ({"name": "n", "scopes": []}, "scopes"),
        ({"name": "n", "scopes": ["all"]}, "scopes.0"),
        ({"name": "n"}, "scopes"),
        ({"name": "n", "scopes": ["usage:read"], "userId": "0" * 24}, "userId"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(api: WholeApi, body: dict[str, Any], field: str) -> None:
    token = (await api.register())["accessToken"]
    answer = await api.call("POST", "/api/user/api-keys", token=token, json=body)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert await api.db["apikeys"].count_documents({}) == 0


async def test_a_name_that_looks_like_an_operator_is_a_name(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    assert (await make_key(api, token, "usage:read", name="$$NOW"))["name"] == "$$NOW"
