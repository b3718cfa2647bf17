import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import PASSWORD, Api, MovableClock, assert_problem, serving

from callgenie.kernel.ids import UserId


async def test_signing_up_answers_with_the_user_the_profile_and_a_session(api: Api) -> None:
    body = {"email": " Owner@Example.COM ", "password": PASSWORD, "name": "Jane Miller", "phone": "+14155550123"}
    response = await api.call("POST", "/api/auth/register", json=body)

    assert response.status_code == 201
    answer = response.json()
    assert set(answer) == {"user", "profile", "accessToken", "tokenType", "expiresIn", "refreshToken"}
    user_id = answer["user"].pop("id")
    assert len(user_id) == 24
    assert answer["user"] == {
        "email": "owner@example.com",
        "name": "Jane Miller",
        "phone": "+14155550123",
        "role": "user",
        "status": "active",
        "emailVerified": False,
        "createdAt": "2026-03-14T09:26:53.589000Z",
    }
    assert (answer["tokenType"], answer["expiresIn"]) == ("Bearer", 900)
    profile = answer["profile"]
    assert profile["preferences"] == {
        "voiceModel": "nanotts-en-us",
        "aiModel": "faq",
        "responseLength": "medium",
        "language": "en",
        "assistantName": "SAATHI",
    }
    assert profile["phoneNumber"] is None
    assert profile["usage"]["calls"] == {"limit": 10, "used": 0, "active": 0, "remaining": 10}
    assert profile["subscription"] == {
        "plan": "free",
        "status": "active",
        "currentPeriodStart": "2026-03-14T09:26:53.589000Z",
        "currentPeriodEnd": "2026-04-14T09:26:53.589000Z",
        "cancelAtPeriodEnd": False,
        "pendingPlan": None,
        "stripeCustomerId": None,
        "stripeSubscriptionId": None,
    }


async def test_both_tokens_of_signing_up_work_at_once(api: Api) -> None:
    registered = await api.register()
    profile = await api.call("GET", "/api/user/profile", token=registered["accessToken"])
    assert profile.json() == {"user": registered["user"], "profile": registered["profile"]}
    refreshed = await api.call("POST", "/api/auth/refresh", json={"refreshToken": registered["refreshToken"]})
    assert refreshed.status_code == 200


async def test_what_signing_up_keeps_holds_no_password(api: Api) -> None:
    await api.register()
    document = await api.db["users"].find_one({})
    assert document is not None
    assert document["passwordHash"].startswith("hmac-sha384:$2b$04$")
    assert document["createdAt"].isoformat() == "2026-03-14T09:26:53.589000+00:00"
    for name in ("users", "userprofiles", "sessions"):
        assert PASSWORD not in str([kept async for kept in api.db[name].find()])


async def test_of_twenty_at_one_address_one_gets_the_account(api: Api) -> None:
    body = {"email": "owner@example.com", "password": PASSWORD, "name": "Jane"}
    spellings = ["owner@example.com", "OWNER@example.com", " owner@EXAMPLE.com", "\uff4fwner@example.com"] * 5
    answers = await asyncio.gather(
        *(api.call("POST", "/api/auth/register", json={**body, "email": email}) for email in spellings)
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, 409, "email_taken")
    assert await api.db["users"].count_documents({}) == 1
    assert await api.db["userprofiles"].count_documents({}) == 1


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"password": "1234567"}, "password_too_short", "password"),
        ({"password": "x" * 201}, "password_too_long", "password"),
        ({"password": "Password123"}, "password_too_common", "password"),
        ({"password": "janemiller1"}, "password_too_common", "password"),
        ({"phone": "0123"}, "invalid_phone", "phone"),
        ({"phone": "+1 415 555 0123"}, "invalid_phone", "phone"),
        ({"email": "owner\uff20example.com"}, "invalid_email", "email"),
        ({"email": "owner"}, "invalid_email", "email"),
        ({"name": "  "}, "invalid_name", "name"),
        ({"name": "x" * 201}, "invalid_name", "name"),
        ({"role": "admin"}, "invalid", "role"),
        ({"status": "active"}, "invalid", "status"),
        ({"plan": "enterprise"}, "invalid", "plan"),
        ({"_id": "65f2c6a1a1b2c3d4e5f60718"}, "invalid", "_id"),
        ({"emailVerified": True}, "invalid", "emailVerified"),
        ({"email": {"$ne": None}}, "invalid", "email"),
        ({"email": ["owner@example.com"]}, "invalid", "email"),
        ({"password": {"$gt": ""}}, "invalid", "password"),
        ({"name": "Jane\0Miller"}, "invalid", "name"),
        ({"email": None}, "invalid", "email"),
    ],
)
async def test_what_cannot_be_taken_is_named_and_nothing_is_kept(
    api: Api, change: dict[str, Any], code: str, field: str
) -> None:
    body = {"email": "owner@example.com", "password": PASSWORD, "name": "Jane Miller", **change}
    problem = assert_problem(await api.call("POST", "/api/auth/register", json=body), 422, code)
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert await api.db["users"].count_documents({}) == 0
    assert await api.db["userprofiles"].count_documents({}) == 0


async def test_a_name_is_kept_as_it_was_given(api: Api) -> None:
    name = "<b>Jane</b>\r\nBcc: x@example.com =1+1 "
    assert (await api.register(name=name))["user"]["name"] == name


@pytest.mark.parametrize("password", ["p" * 72, "p" * 73, "🔒ключ鍵🔑 lösen", "trailing space ", "nul\0in the middle"])
async def test_any_password_of_8_to_200_characters_is_matched_exactly(api: Api, password: str) -> None:
    await api.register(password=password)
    assert (await api.log_in(password=password)).status_code == 200
    for other in (password[:-1], password + "p", password + " ", password.split("\0", 1)[0] + "!", password.upper()):
        if other != password:
            assert_problem(await api.log_in(password=other), 401, "invalid_credentials")


async def test_a_crash_between_user_and_profile_leaves_an_account_that_works(api: Api, clock: MovableClock) -> None:
    await api.register()
    await api.db["userprofiles"].delete_many({})
    clock.move(days=3)

    signed_in = await api.log_in()
    token = signed_in.json()["accessToken"]
    answers = await asyncio.gather(*(api.call("GET", "/api/user/profile", token=token) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}
    start = answers[0].json()["profile"]["subscription"]["currentPeriodStart"]
    assert start == "2026-03-14T09:26:53.589000Z"
    assert await api.db["userprofiles"].count_documents({}) == 1


async def test_preferences_can_be_set_after_such_a_crash(api: Api) -> None:
    token = (await api.register())["accessToken"]
    await api.db["userprofiles"].delete_many({})
    answer = await api.call("PUT", "/api/user/preferences", token=token, json={"responseLength": "long"})
    assert answer.json()["responseLength"] == "long"


async def test_the_library_returns_the_user_and_the_profile(database: AsyncDatabase[dict[str, Any]]) -> None:
    async with serving(database) as api:
        user, profile = await api.services.sign_up.register(
            email="user@example.com", password=PASSWORD, name="John Doe", phone="+1234567890"
        )
    assert profile.user_id == user.id == UserId(user.id)
    assert profile.subscription.anchor == user.created_at
