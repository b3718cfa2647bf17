"""Limits on requests, over HTTP and the real application."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.accounts import assert_problem
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.http import rate_limits
from callgenie.http.rate_limits import Policy
from callgenie.mongo.client import Database

ADDRESS = "203.0.113.9"


@pytest.fixture
async def api(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, client_address=ADDRESS) as served:
        yield served


async def use_up(api: WholeApi, policy: Policy, who: str) -> None:
    limits = api.whole.limits
    assert limits is not None
    while (await limits.hit(policy, who)).remaining:
        pass


def assert_limited(response: httpx.Response, policy: Policy) -> None:
    assert_problem(response, 429, "too_many_requests")
    item = policy.item
    seconds = int(response.headers["retry-after"])
    assert 1 <= seconds <= 60
    assert response.headers["ratelimit-policy"] == f'"{policy.name}";q={item.amount};w={item.get_expiry()}'
    assert response.headers["ratelimit"] == f'"{policy.name}";r=0;t={seconds}'


async def test_every_answer_says_what_is_left(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    left = [await api.call("GET", "/api/user/usage", token=token) for _ in range(3)]
    assert [re.sub("t=[0-9]+", "t", answer.headers["ratelimit"]) for answer in left] == [
        f'"user";r={remaining};t' for remaining in (1199, 1198, 1197)
    ]
    assert left[0].headers["ratelimit-policy"] == '"user";q=1200;w=60'
    unknown = await api.call("GET", "/api/user/usage", token="forged")
    assert unknown.headers["ratelimit"].startswith('"address";r=999;')


async def test_a_user_who_asks_too_often_is_told_when_to_come_back(api: WholeApi) -> None:
    registered, other = await api.register(), await api.register("other@example.com")
    await use_up(api, rate_limits.USER, registered["user"]["id"])
    assert_limited(await api.call("GET", "/api/user/usage", token=registered["accessToken"]), rate_limits.USER)
    assert (await api.call("GET", "/api/user/usage", token=other["accessToken"])).status_code == 200


async def test_a_key_has_a_limit_of_its_own(api: WholeApi) -> None:
    registered = await api.register()
    body = {"name": "engine", "scopes": ["usage:read"]}
    keys = [
        (await api.call("POST", "/api/user/api-keys", token=registered["accessToken"], json=body)).json()
        for _ in range(2)
    ]
    await use_up(api, rate_limits.API_KEY, keys[0]["id"])
    assert_limited(await api.call("GET", "/api/user/usage", token=keys[0]["key"]), rate_limits.API_KEY)
    for token in (keys[1]["key"], registered["accessToken"]):
        assert (await api.call("GET", "/api/user/usage", token=token)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "policy"),
    [
        ("GET", "/api/user/usage", rate_limits.ADDRESS),
        ("POST", "/api/auth/refresh", rate_limits.ADDRESS),
        ("GET", "/api/nothing", rate_limits.ADDRESS),
        ("POST", "/api/auth/register", rate_limits.REGISTER),
        ("POST", "/api/auth/forgot-password", rate_limits.RESET),
        ("POST", "/api/calls/web", rate_limits.WEB_CALL),
        ("POST", "/api/telephony/twilio/voice", rate_limits.CARRIER),
    ],
)
async def test_an_address_that_asks_too_often_is_refused(api: WholeApi, method: str, path: str, policy: Policy) -> None:
    before = await api.call(method, path, json={})
    assert before.status_code != 429
    await use_up(api, policy, ADDRESS)
    assert_limited(await api.call(method, path, json={}), policy)
    assert (await api.client.get("/health/live")).status_code == 200


async def test_a_forged_address_is_not_believed(api: WholeApi) -> None:
    await use_up(api, rate_limits.ADDRESS, ADDRESS)
    answer = await api.call("GET", "/api/user/usage", headers={"X-Forwarded-For": "198.51.100.7"})
    assert_limited(answer, rate_limits.ADDRESS)


async def test_a_trusted_proxy_s_word_is(connected: Database) -> None:
    async with serving_everything(connected, client_address=ADDRESS, trusted_proxy_hops=1) as api:
        await use_up(api, rate_limits.ADDRESS, "198.51.100.7")
        for first in ("", "192.0.2.1, "):
            answer = await api.call("GET", "/api/user/usage", headers={"X-Forwarded-For": f"{first}198.51.100.7"})
            assert_limited(answer, rate_limits.ADDRESS)
        other = await api.call("GET", "/api/user/usage", headers={"X-Forwarded-For": "198.51.100.8"})
        assert_problem(other, 401, "not_signed_in")


async def test_two_processes_count_together(connected: Database) -> None:
    async with (
        serving_everything(connected, client_address=ADDRESS) as one,
        serving_everything(connected, client_address=ADDRESS) as other,
    ):
        await use_up(one, rate_limits.ADDRESS, ADDRESS)
        assert_limited(await other.call("GET", "/api/user/usage"), rate_limits.ADDRESS)


async def test_without_the_counters_the_limits_are_stricter_and_never_open(api: WholeApi) -> None:
    admin = api.db.client.admin
    failing = {"failCommands": ["findAndModify"], "errorCode": 11602, "closeConnection": False}
    await admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": failing})
    try:
        answers = [await api.call("GET", "/api/user/usage") for _ in range(253)]
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert [answer.status_code for answer in answers] == [401] * 250 + [429] * 3
    assert answers[-1].headers["ratelimit-policy"] == '"address";q=250;w=60'


async def test_limits_can_be_switched_off(connected: Database) -> None:
    async with serving_everything(connected, rate_limits="off") as api:
        assert api.whole.limits is None
        answers: list[Any] = [await api.log_in(password="not the password") for _ in range(12)]
        assert {answer.status_code for answer in answers} == {401}
        assert "ratelimit" not in answers[0].headers
