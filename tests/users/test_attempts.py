"""How often a password may be tried, over HTTP and the real application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.support.accounts import PASSWORD, assert_problem
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.mongo.client import Database

WRONG = "not the password at all"


@pytest.fixture
async def api(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected) as served:
        yield served


async def test_of_a_hundred_wrong_passwords_at_once_five_are_hashed(connected: Database) -> None:
    async with AsyncExitStack() as stack:
        apis = [
            await stack.enter_async_context(serving_everything(connected, client_address=f"203.0.113.{number}"))
            for number in range(20)
        ]
        await apis[0].register()
        answers = await asyncio.gather(*(apis[number % 20].log_in(password=WRONG) for number in range(100)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 5
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert_problem(limited, 429, "too_many_attempts")
    assert limited.headers["ratelimit-policy"] == '"sign-in-account";q=5;w=300'
    assert 290 < int(limited.headers["retry-after"]) <= 300
    assert limited.headers["ratelimit"] == f'"sign-in-account";r=0;t={limited.headers["retry-after"]}'


async def test_an_unknown_address_has_the_same_budget(api: WholeApi) -> None:
    answers = [await api.log_in("nobody@example.com", WRONG) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


async def test_one_network_address_tries_ten_a_minute_whatever_the_account(api: WholeApi) -> None:
    answers = [await api.log_in(f"user{number}@example.com", WRONG) for number in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[-1].headers["ratelimit-policy"] == '"sign-in-address";q=10;w=60'


async def test_the_spelling_of_an_address_makes_no_difference(api: WholeApi) -> None:
    spellings = ("owner@example.com", "OWNER@example.com", " owner@Example.com")
    statuses = [(await api.log_in(spelling, WRONG)).status_code for spelling in spellings * 2]
    assert statuses == [401] * 5 + [429]


async def test_a_locked_out_owner_goes_on_where_they_are_signed_in_and_can_reset(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    for _ in range(6):
        await api.log_in(password=WRONG)
    assert_problem(await api.log_in(), 429, "too_many_attempts")
    assert (await api.call("GET", "/api/user/profile", token=token)).status_code == 200
    reset = await api.call("POST", "/api/auth/forgot-password", json={"email": "owner@example.com"})
    assert reset.status_code == 202


async def test_signing_in_gives_the_attempts_back(api: WholeApi) -> None:
    await api.register()
    for _ in range(4):
        for _ in range(2):
            assert (await api.log_in(password=WRONG)).status_code == 401
        assert (await api.log_in(password=PASSWORD)).status_code == 200
    # Those that failed still count for the network address.
    statuses = [(await api.log_in(f"user{number}@example.com", WRONG)).status_code for number in range(3)]
    assert statuses == [401, 401, 429]


async def test_without_the_counters_fewer_attempts_are_let_through(api: WholeApi) -> None:
    await api.register()
    admin = api.db.client.admin
    failing = {"failCommands": ["findAndModify"], "errorCode": 11602, "closeConnection": False}
    await admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": failing})
    try:
        statuses = [(await api.log_in(password=WRONG)).status_code for _ in range(4)]
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert statuses == [401, 401, 429, 429]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/api/user/account", {"password": WRONG}),
        ("POST", "/api/auth/change-password", {"currentPassword": WRONG, "newPassword": "another long password"}),
    ],
)
async def test_a_session_in_wrong_hands_is_no_way_to_try_passwords(
    api: WholeApi, method: str, path: str, body: dict[str, str]
) -> None:
    token = (await api.register())["accessToken"]
    answers = [await api.call(method, path, token=token, json=body) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert_problem(answers[-1], 429, "too_many_attempts")
    assert_problem(await api.log_in(), 429, "too_many_attempts")
