"""The page to call from, and the ticket it asks for, over HTTP."""

import re
from collections.abc import AsyncIterator

import pytest
from tests.support.accounts import assert_problem
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.mongo.client import Database

PATH = "/api/calls/web"


@pytest.fixture
async def app(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, public_url="https://calls.example.com") as served:
        yield served


async def test_an_owner_gets_a_ticket_for_their_own_assistant(app: WholeApi) -> None:
    owner = await app.register()
    answer = await app.call("POST", PATH, token=owner["accessToken"])
    assert answer.status_code == 201, answer.text
    issued = answer.json()
    assert issued["url"] == f"wss://calls.example.com{PATH}/{issued['sessionId']}?ticket={issued['ticket']}"
    assert issued["expiresIn"] == 60
    assert answer.headers["cache-control"] == "no-store"
    [call] = (await app.call("GET", "/api/user/calls", token=owner["accessToken"])).json()["data"]
    assert (call["sessionId"], call["carrier"], call["status"]) == (issued["sessionId"], "browser", "ringing")
    stored = await app.db.conversations.find_one({"sessionId": issued["sessionId"]})
    assert stored is not None
    assert str(stored["userId"]) == owner["user"]["id"]


async def test_nobody_calls_at_anybodys_cost_without_being_let_in(app: WholeApi) -> None:
    token = (await app.register())["accessToken"]
    assert_problem(await app.call("POST", PATH), 401, "not_signed_in")
    keys = {}
    for scope in ("conversations:write", "calls:web"):
        made = await app.call("POST", "/api/user/api-keys", token=token, json={"name": scope, "scopes": [scope]})
        keys[scope] = made.json()["key"]
    assert_problem(await app.call("POST", PATH, token=keys["conversations:write"]), 403, "scope_missing")
    assert (await app.call("POST", PATH, token=keys["calls:web"])).status_code == 201


async def test_a_full_plan_says_why_it_refuses(app: WholeApi) -> None:
    token = (await app.register())["accessToken"]
    first = (await app.call("POST", PATH, token=token)).json()
    assert_problem(await app.call("POST", PATH, token=token), 409, "concurrency_limit")
    # Whoever does not want the first call after all gives its line back.
    assert (await app.call("DELETE", f"/api/user/calls/{first['sessionId']}", token=token)).status_code == 204
    assert (await app.call("POST", PATH, token=token)).status_code == 201


async def test_a_page_from_elsewhere_gets_no_ticket(app: WholeApi) -> None:
    token = (await app.register())["accessToken"]
    elsewhere = {"Origin": "https://evil.example.com"}
    assert_problem(await app.call("POST", PATH, token=token, headers=elsewhere), 403, "origin_not_allowed")
    here = {"Origin": "https://calls.example.com"}
    assert (await app.call("POST", PATH, token=token, headers=here)).status_code == 201


async def test_the_page_takes_nothing_from_elsewhere_and_holds_no_script(app: WholeApi) -> None:
    page = await app.call("GET", "/call")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "://" not in page.text
    assert re.findall(r"<script[^>]*>(.+?)</script>|\sstyle=|\son[a-z]+=", page.text) == []
    needed = set(re.findall(r'(?:src|href)="([^"]+)"', page.text)) | {"call/line.js", "call/audio.js"}
    assert needed == {"call/call.css", "call/call.js", "call/line.js", "call/audio.js"}
    for address in needed:
        answer = await app.call("GET", f"/{address}")
        assert answer.status_code == 200, address
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "://" not in answer.text
        # What somebody said is text wherever it is shown.
        assert "innerHTML" not in answer.text


@pytest.mark.parametrize("name", ["call.html", "..%2fweb_page.py", "nothing.js"])
async def test_no_other_file_is_served(app: WholeApi, name: str) -> None:
    assert (await app.call("GET", f"/call/{name}")).status_code == 404
