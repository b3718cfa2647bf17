import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import PASSWORD, MovableClock, assert_problem
from tests.support.mailed import EMAIL, Mailed, mailed

NEW = "another good password"
PROFILE = "/api/user/profile"


@pytest.fixture
async def served(database: AsyncDatabase[dict[str, Any]], clock: MovableClock) -> AsyncIterator[Mailed]:
    async with mailed(database, clock=clock) as mail:
        yield mail


async def reset_token(served: Mailed) -> str:
    assert (await served.post("forgot-password", email=EMAIL)).status_code == 202
    return (await served.delivered())[-1]


async def reset(served: Mailed, token: str, password: str = NEW) -> httpx.Response:
    return await served.post("reset-password", token=token, password=password)


async def change(served: Mailed, access_token: str, current: str = PASSWORD, new: str = NEW) -> httpx.Response:
    body = {"currentPassword": current, "newPassword": new}
    return await served.api.call("POST", "/api/auth/change-password", token=access_token, json=body)


async def test_a_forgotten_password_is_replaced_and_every_session_ends(served: Mailed) -> None:
    sessions = [await served.api.register(), (await served.api.log_in()).json()]
    answer = await reset(served, await reset_token(served))
    assert (answer.status_code, answer.content) == (204, b"")
    for session in sessions:
        assert_problem(await served.api.call("GET", PROFILE, token=session["accessToken"]), 401, "not_signed_in")
        refreshed = await served.post("refresh", refreshToken=session["refreshToken"])
        assert_problem(refreshed, 401, "invalid_refresh_token")
    assert_problem(await served.api.log_in(), 401, "invalid_credentials")
    assert (await served.api.log_in(password=NEW)).status_code == 200


async def test_who_read_the_mail_has_confirmed_the_address(
    database: AsyncDatabase[dict[str, Any]], clock: MovableClock
) -> None:
    async with mailed(database, clock=clock, verified_only=True) as served:
        await served.sign_up(password="a stranger's password", name="Mallory")
        await served.post("forgot-password", email=EMAIL)
        strangers, token = await served.delivered()
        assert (await reset(served, token)).status_code == 204
        assert (await served.api.log_in(password=NEW)).json()["user"]["emailVerified"] is True
        assert_problem(await served.post("verify-email", token=strangers), 400, "invalid_token")


async def test_forgetting_is_answered_alike_for_every_address_and_costs_the_same_one_write(served: Mailed) -> None:
    await served.api.register()
    await served.delivered()
    for email in (EMAIL, "nobody@example.com"):
        answer = await served.post("forgot-password", email=email)
        assert (answer.status_code, answer.json()) == (202, {})
    asked = [entry async for entry in served.api.db["outbox"].find({"kind": "reset"})]
    assert [entry["userId"] for entry in asked] == [None, None]
    assert (await served.post("forgot-password", email="no address")).status_code == 202
    await served.delivered()
    assert len(served.letterbox.messages) == 2
    assert served.letterbox.recipients[1:] == [EMAIL]


async def test_of_twenty_uses_of_one_token_one_succeeds(served: Mailed) -> None:
    await served.api.register()
    token = await reset_token(served)
    passwords = [f"another good password {number}" for number in range(20)]
    answers = await asyncio.gather(*(reset(served, token, password) for password in passwords))
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 19
    winner = next(password for password, answer in zip(passwords, answers, strict=True) if answer.status_code == 204)
    assert (await served.api.log_in(password=winner)).status_code == 200


async def test_a_new_link_voids_the_one_before(served: Mailed) -> None:
    await served.api.register()
    first, second = await reset_token(served), await reset_token(served)
    assert_problem(await reset(served, first), 400, "invalid_token")
    assert (await reset(served, second)).status_code == 204
    assert_problem(await reset(served, second), 400, "invalid_token")


async def test_a_token_for_a_new_password_confirms_nothing_and_is_not_used_up_by_it(served: Mailed) -> None:
    await served.api.register()
    token = await reset_token(served)
    assert_problem(await served.post("verify-email", token=token), 400, "invalid_token")
    assert (await served.api.log_in()).json()["user"]["emailVerified"] is False
    assert (await reset(served, token)).status_code == 204


async def test_an_older_mail_that_is_sent_late_does_not_void_the_newer_link(served: Mailed) -> None:
    await served.api.register()
    await served.delivered()
    for _ in range(2):
        await served.post("forgot-password", email=EMAIL)
    older, newer = [entry["_id"] async for entry in served.api.db["outbox"].find({"kind": "reset"}).sort("askedAt")]
    delivery = served.api.services.delivery
    link = (await delivery.read(newer)).letter.action.link
    with pytest.raises(LookupError):
        await read_or_fail(delivery, older)
    assert (await reset(served, link.partition("?token=")[2])).status_code == 204


async def read_or_fail(delivery: Any, mail_id: str) -> None:
    entry = await delivery._store.find(mail_id)
    if await delivery._write(entry) is None:
        raise LookupError


@pytest.mark.parametrize(
    ("password", "code"),
    [("short", "password_too_short"), ("x" * 201, "password_too_long"), ("password123", "password_too_common")],
)
async def test_a_password_that_cannot_be_taken_does_not_use_the_token_up(
    served: Mailed, password: str, code: str
) -> None:
    session = await served.api.register()
    token = await reset_token(served)
    assert_problem(await reset(served, token, password), 422, code)
    assert (await served.api.call("GET", PROFILE, token=session["accessToken"])).status_code == 200
    assert (await reset(served, token)).status_code == 204


@pytest.mark.parametrize("body", [{}, {"token": None, "password": NEW}, {"token": {"$ne": ""}, "password": NEW}, []])
async def test_what_is_no_reset_is_refused(served: Mailed, body: Any) -> None:
    await served.api.register()
    await reset_token(served)
    assert_problem(await served.api.call("POST", "/api/auth/reset-password", json=body), 422, "invalid")


async def test_a_changed_password_ends_every_session_but_the_one_that_asks(served: Mailed) -> None:
    mine = await served.api.register()
    other = (await served.api.log_in()).json()
    answer = await change(served, mine["accessToken"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await served.api.call("GET", PROFILE, token=mine["accessToken"])).status_code == 200
    assert (await served.post("refresh", refreshToken=mine["refreshToken"])).status_code == 200
    assert_problem(await served.api.call("GET", PROFILE, token=other["accessToken"]), 401, "not_signed_in")
    assert_problem(await served.post("refresh", refreshToken=other["refreshToken"]), 401, "invalid_refresh_token")
    assert_problem(await served.api.log_in(), 401, "invalid_credentials")
    assert (await served.api.log_in(password=NEW)).status_code == 200


async def test_a_later_reset_also_ends_the_session_that_changed_the_password(served: Mailed) -> None:
    mine = await served.api.register()
    await change(served, mine["accessToken"])
    await reset(served, await reset_token(served), "a third good password")
    assert_problem(await served.api.call("GET", PROFILE, token=mine["accessToken"]), 401, "not_signed_in")


async def test_a_wrong_current_password_changes_nothing(served: Mailed) -> None:
    mine = await served.api.register()
    other = (await served.api.log_in()).json()
    assert_problem(await change(served, mine["accessToken"], current="not my password"), 401, "invalid_credentials")
    short = assert_problem(await change(served, mine["accessToken"], new="short"), 422, "password_too_short")
    assert [fault["field"] for fault in short["errors"]] == ["newPassword"]
    long = assert_problem(await change(served, mine["accessToken"], current="x" * 201), 422, "password_too_long")
    assert [fault["field"] for fault in long["errors"]] == ["currentPassword"]
    assert_problem(await change(served, "no token"), 401, "not_signed_in")
    for session in (mine, other):
        assert (await served.api.call("GET", PROFILE, token=session["accessToken"])).status_code == 200
    assert (await served.api.log_in()).status_code == 200


async def test_of_many_changes_at_once_one_is_made(served: Mailed) -> None:
    mine = await served.api.register()
    passwords = [f"another good password {number}" for number in range(10)]
    answers = await asyncio.gather(*(change(served, mine["accessToken"], new=password) for password in passwords))
    made = [password for password, answer in zip(passwords, answers, strict=True) if answer.status_code == 204]
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {204, 401, 409}
    assert (await served.api.log_in(password=made[0])).status_code == 200
    assert (await served.api.call("GET", PROFILE, token=mine["accessToken"])).status_code == 200
