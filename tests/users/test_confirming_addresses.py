import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import ORIGIN, PASSWORD, MovableClock, assert_problem
from tests.support.mail_sink import mail_sink, text_of
from tests.support.mailed import EMAIL, Mailed, mailed

STRANGERS = "a stranger's password"


@pytest.fixture
async def optional(database: AsyncDatabase[dict[str, Any]], clock: MovableClock) -> AsyncIterator[Mailed]:
    async with mailed(database, clock=clock) as served:
        yield served


@pytest.fixture
async def required(database: AsyncDatabase[dict[str, Any]], clock: MovableClock) -> AsyncIterator[Mailed]:
    async with mailed(database, clock=clock, verified_only=True) as served:
        yield served


async def test_where_it_is_optional_an_account_works_at_once_and_its_address_can_be_confirmed(optional: Mailed) -> None:
    answer = await optional.sign_up()
    assert answer.status_code == 201
    assert answer.json()["user"]["emailVerified"] is False
    (token,) = await optional.delivered()
    confirmed = await confirm(optional, token)
    assert (confirmed.status_code, confirmed.content) == (204, b"")
    assert (await optional.api.log_in()).json()["user"]["emailVerified"] is True


async def test_where_it_is_required_new_and_taken_addresses_are_answered_alike(required: Mailed) -> None:
    new = await required.sign_up()
    again = await required.sign_up()
    await required.api.db["users"].update_one({}, {"$set": {"emailVerified": True}, "$unset": {"registrations": ""}})
    taken = await required.sign_up()
    for answer in (new, again, taken):
        assert (answer.status_code, answer.json()) == (202, {})
        assert answer.headers["cache-control"] == new.headers["cache-control"]
    assert await required.api.db["users"].count_documents({}) == 1
    assert await required.api.db["sessions"].count_documents({}) == 0


async def test_signing_in_works_after_confirming_only_and_says_so_to_the_owner_only(required: Mailed) -> None:
    await required.sign_up()
    assert_problem(await required.api.log_in(), 403, "email_not_verified")
    assert_problem(await required.api.log_in(password="a wrong password"), 401, "invalid_credentials")
    (token,) = await required.delivered()
    assert_problem(await required.api.log_in(), 403, "email_not_verified")
    assert (await confirm(required, token)).status_code == 204
    session = await required.api.log_in()
    assert session.status_code == 200
    profile = await required.api.call("GET", "/api/user/profile", token=session.json()["accessToken"])
    assert profile.json()["user"]["emailVerified"] is True


async def test_the_owner_of_a_taken_address_is_told_at_most_once_an_hour(required: Mailed, clock: MovableClock) -> None:
    await required.sign_up()
    (token,) = await required.delivered()
    await confirm(required, token)
    for _ in range(3):
        assert (await required.sign_up(password=STRANGERS, name="Mallory")).status_code == 202
    await required.delivered()
    assert len(required.letterbox.messages) == 2
    told = required.letterbox.texts()[1]
    assert "Jane Miller" in told
    assert "Mallory" not in told
    assert_problem(await required.api.log_in(password=STRANGERS), 401, "invalid_credentials")
    clock.move(hours=1)
    await required.sign_up()
    await required.delivered()
    assert len(required.letterbox.messages) == 3


async def test_an_unconfirmed_sign_up_does_not_keep_the_owner_of_the_address_out(required: Mailed) -> None:
    await required.sign_up(password=STRANGERS, name="Mallory")
    await required.sign_up()
    _, owners = await required.delivered()
    assert (await confirm(required, owners)).status_code == 204
    session = await required.api.log_in()
    assert session.json()["user"]["name"] == "Jane Miller"
    assert_problem(await required.api.log_in(password=STRANGERS), 401, "invalid_credentials")


async def test_a_stranger_who_signs_up_after_the_owner_does_not_get_into_the_owners_link(required: Mailed) -> None:
    await required.sign_up()
    await required.sign_up(password=STRANGERS, name="Mallory")
    owners, strangers = await required.delivered()
    assert (await confirm(required, owners)).status_code == 204
    assert (await required.api.log_in()).status_code == 200
    assert_problem(await required.api.log_in(password=STRANGERS), 401, "invalid_credentials")
    assert_problem(await confirm(required, strangers), 400, "invalid_token")
    assert (await required.api.log_in()).json()["user"]["name"] == "Jane Miller"


async def test_twenty_sign_ups_at_one_address_at_once_are_one_account(required: Mailed) -> None:
    answers = await asyncio.gather(*(required.sign_up() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert await required.api.db["users"].count_documents({}) == 1
    user = await required.api.db["users"].find_one({})
    assert user is not None
    assert len(user["registrations"]) == 10


async def test_of_twenty_uses_of_one_token_one_succeeds(required: Mailed) -> None:
    await required.sign_up()
    (token,) = await required.delivered()
    answers = await asyncio.gather(*(confirm(required, token) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 19


async def test_a_new_link_voids_the_one_before(required: Mailed) -> None:
    await required.sign_up()
    await required.delivered()
    assert (await required.post("resend-verification", email=" OWNER@Example.com ")).status_code == 202
    first, second = await required.delivered()
    assert_problem(await confirm(required, first), 400, "invalid_token")
    assert (await confirm(required, second)).status_code == 204


async def test_asking_again_is_answered_alike_for_every_address(required: Mailed) -> None:
    await required.sign_up()
    (token,) = await required.delivered()
    await confirm(required, token)
    for email in (EMAIL, "nobody@example.com", "no address at all", "x\uff20example.com", ""):
        answer = await required.post("resend-verification", email=email)
        assert (answer.status_code, answer.json()) == (202, {})
    await required.delivered()
    assert len(required.letterbox.messages) == 1


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é" * 43, "😀"])
async def test_what_is_no_token_confirms_nothing(required: Mailed, token: str) -> None:
    await required.sign_up()
    await required.delivered()
    assert_problem(await confirm(required, token), 400, "invalid_token")


async def test_a_token_is_good_for_an_hour_only(required: Mailed) -> None:
    await required.sign_up()
    (token,) = await required.delivered()
    kept = await required.api.db["tokens"].find_one({})
    assert kept is not None
    lasts = kept["expiresAt"] - kept["askedAt"]
    assert 3_600 <= lasts.total_seconds() < 3_660
    await required.api.db["tokens"].update_one({}, [{"$set": {"expiresAt": "$$NOW"}}])
    assert_problem(await confirm(required, token), 400, "invalid_token")


async def test_a_token_for_one_purpose_serves_no_other(required: Mailed) -> None:
    await required.sign_up()
    await required.post("forgot-password", email=EMAIL)
    verify, reset = await required.delivered()
    assert_problem(await confirm(required, reset), 400, "invalid_token")
    answer = await required.api.call(
        "POST", "/api/auth/reset-password", json={"token": verify, "password": "another good password"}
    )
    assert_problem(answer, 400, "invalid_token")


async def test_the_database_holds_no_token(required: Mailed) -> None:
    await required.sign_up()
    await required.post("forgot-password", email=EMAIL)
    for token in await required.delivered():
        for name in ("tokens", "outbox", "users"):
            assert token not in str([kept async for kept in required.api.db[name].find()])


async def test_links_lead_to_the_configured_origin_whatever_the_request_says(required: Mailed) -> None:
    body = {"email": EMAIL, "password": PASSWORD, "name": "Jane Miller"}
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"}
    await required.api.call("POST", "/api/auth/register", json=body, headers=evil)
    await required.api.call("POST", "/api/auth/forgot-password", json={"email": EMAIL}, headers=evil)
    await required.delivered()
    verify, reset = required.letterbox.texts()
    assert f"\n{ORIGIN}/verify-email?token=" in verify
    assert f"\n{ORIGIN}/reset-password?token=" in reset
    assert b"evil" not in b"".join(required.letterbox.raw)


async def test_a_name_makes_neither_a_header_nor_markup(required: Mailed) -> None:
    await required.sign_up(name="<img src=x>\r\nBcc: x@example.com")
    await required.delivered()
    (message,) = required.letterbox.messages
    assert required.letterbox.recipients == [EMAIL]
    assert message["Bcc"] is None
    assert text_of(message).startswith("Hello <img src=x> Bcc: x@example.com,")
    assert "&lt;img src=x&gt;" in text_of(message, "html")


async def test_with_the_mail_server_away_the_answer_is_the_same_and_the_mail_comes_later_once(
    database: AsyncDatabase[dict[str, Any]],
) -> None:
    async with mailed(database, verified_only=True) as served:
        letterbox = served.letterbox
    async with mailed(database, verified_only=True) as served:
        served.api.services.delivery._mailer = letterbox.mailer()
        assert (await served.sign_up()).status_code == 202
        assert (await served.api.services.delivery.deliver()).postponed == 1
        async with mail_sink(letterbox):
            await database["outbox"].update_many({}, [{"$set": {"dueAt": "$$NOW"}}])
            await served.api.services.delivery.deliver()
            await served.api.services.delivery.deliver()
        assert letterbox.recipients == [EMAIL]
        assert (await confirm(served, letterbox.tokens()[0])).status_code == 204


async def test_an_account_that_was_in_use_before_confirming_was_required_is_not_taken_over(
    database: AsyncDatabase[dict[str, Any]],
) -> None:
    async with mailed(database) as before:
        await before.sign_up()
    async with mailed(database, verified_only=True) as after:
        assert_problem(await after.api.log_in(), 403, "email_not_verified")
        assert (await after.sign_up(password=STRANGERS, name="Mallory")).status_code == 202
        assert_problem(await after.api.log_in(password=STRANGERS), 401, "invalid_credentials")
        await after.post("resend-verification", email=EMAIL)
        await after.delivered()
        assert (await confirm(after, (await after.delivered())[-1])).status_code == 204
        assert (await after.api.log_in()).json()["user"]["name"] == "Jane Miller"


async def confirm(served: Mailed, token: str) -> Any:
    return await served.post("verify-email", token=token)
