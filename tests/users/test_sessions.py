import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from tests.support.accounts import PASSWORD, Api, MovableClock, assert_problem

from callgenie.kernel.ids import UserId
from callgenie.users.session_store import SessionStore, new_session_id
from callgenie.users.sessions import REPEAT_SECONDS

PROFILE = "/api/user/profile"


async def refresh(api: Api, token: str) -> Any:
    return await api.call("POST", "/api/auth/refresh", json={"refreshToken": token})


async def age_last_rotation(api: Api, seconds: float) -> None:
    """Stand in for waiting: the tolerance is measured by the database's clock, which no test can move."""
    await api.db["sessions"].update_one({}, [{"$set": {"rotatedAt": {"$subtract": ["$rotatedAt", seconds * 1000]}}}])


async def test_logging_in_opens_a_session(api: Api) -> None:
    user = (await api.register())["user"]
    response = await api.log_in(email=" OWNER@Example.com")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    session = response.json()
    assert set(session) == {"user", "accessToken", "tokenType", "expiresIn", "refreshToken"}
    assert session["user"] == user
    assert (session["tokenType"], session["expiresIn"]) == ("Bearer", 900)
    assert (await api.call("GET", PROFILE, token=session["accessToken"])).json()["user"] == user


async def test_an_unknown_address_and_a_wrong_password_are_told_alike(api: Api) -> None:
    await api.register()
    wrong = assert_problem(await api.log_in(password=PASSWORD + "!"), 401, "invalid_credentials")
    unknown = assert_problem(await api.log_in(email="nobody@example.com"), 401, "invalid_credentials")
    del wrong["requestId"], unknown["requestId"]
    assert wrong == unknown


async def test_a_suspension_is_told_only_to_who_knows_the_password(api: Api) -> None:
    await api.register()
    await api.db["users"].update_one({}, {"$set": {"status": "suspended"}})
    assert_problem(await api.log_in(), 403, "account_suspended")
    assert_problem(await api.log_in(password="something else"), 401, "invalid_credentials")
    assert await api.db["sessions"].count_documents({}) == 1  # the one of signing up


async def test_over_long_input_is_refused_before_it_is_hashed(api: Api) -> None:
    assert_problem(await api.log_in(password="x" * 201), 422, "password_too_long")


@pytest.mark.parametrize(
    "body",
    [
        {"email": {"$ne": None}, "password": PASSWORD},
        {"email": "owner@example.com", "password": {"$ne": None}},
        {"email": ["owner@example.com"], "password": PASSWORD},
        {"email": "owner@example.com", "password": PASSWORD, "remember": True},
        {"email": "owner@example.com"},
        [],
        None,
    ],
)
async def test_what_is_no_login_is_refused(api: Api, body: Any) -> None:
    await api.register()
    assert_problem(await api.call("POST", "/api/auth/login", json=body), 422, "invalid")


async def test_logging_out_ends_both_tokens_at_once_and_no_other_session(api: Api) -> None:
    first = await api.register()
    second = (await api.log_in()).json()

    response = await api.call("POST", "/api/auth/logout", token=second["accessToken"])
    assert (response.status_code, response.content) == (204, b"")

    assert_problem(await api.call("GET", PROFILE, token=second["accessToken"]), 401, "not_signed_in")
    assert_problem(await refresh(api, second["refreshToken"]), 401, "invalid_refresh_token")
    assert_problem(await api.call("POST", "/api/auth/logout", token=second["accessToken"]), 401, "not_signed_in")
    assert (await api.call("GET", PROFILE, token=first["accessToken"])).status_code == 200


async def test_logging_out_also_ends_tokens_that_the_session_had_before(api: Api) -> None:
    first = await api.register()
    second = (await refresh(api, first["refreshToken"])).json()
    await api.call("POST", "/api/auth/logout", token=second["accessToken"])
    for session in (first, second):
        assert_problem(await api.call("GET", PROFILE, token=session["accessToken"]), 401, "not_signed_in")
        assert_problem(await refresh(api, session["refreshToken"]), 401, "invalid_refresh_token")


async def test_a_suspension_takes_effect_at_once(api: Api) -> None:
    session = await api.register()
    await api.db["users"].update_one({}, {"$set": {"status": "suspended"}})
    assert_problem(await api.call("GET", PROFILE, token=session["accessToken"]), 401, "not_signed_in")
    assert_problem(await refresh(api, session["refreshToken"]), 401, "invalid_refresh_token")


async def test_one_increment_of_the_epoch_ends_all_sessions_at_once(api: Api) -> None:
    sessions = [await api.register(), (await api.log_in()).json()]
    await api.db["users"].update_one({}, {"$inc": {"authEpoch": 1}})
    for session in sessions:
        assert_problem(await api.call("GET", PROFILE, token=session["accessToken"]), 401, "not_signed_in")
        assert_problem(await refresh(api, session["refreshToken"]), 401, "invalid_refresh_token")
    assert (await api.call("GET", PROFILE, token=(await api.log_in()).json()["accessToken"])).status_code == 200


async def test_an_access_token_lasts_15_minutes(api: Api, clock: MovableClock) -> None:
    session = await api.register()
    clock.move(minutes=14, seconds=59)
    assert (await api.call("GET", PROFILE, token=session["accessToken"])).status_code == 200
    clock.move(seconds=1)
    assert_problem(await api.call("GET", PROFILE, token=session["accessToken"]), 401, "not_signed_in")
    renewed = (await refresh(api, session["refreshToken"])).json()
    assert (await api.call("GET", PROFILE, token=renewed["accessToken"])).status_code == 200


async def test_a_session_that_ran_out_is_over_before_the_server_removes_it(api: Api) -> None:
    session = await api.register()
    await api.db["sessions"].update_one({}, {"$set": {"expiresAt": datetime.now(UTC) - timedelta(seconds=1)}})
    assert_problem(await api.call("GET", PROFILE, token=session["accessToken"]), 401, "not_signed_in")
    assert_problem(await refresh(api, session["refreshToken"]), 401, "invalid_refresh_token")


async def test_a_session_lasts_thirty_days_from_its_last_refresh(api: Api) -> None:
    session = await api.register()
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await api.db["sessions"].update_one({}, {"$set": {"expiresAt": soon}})
    await refresh(api, session["refreshToken"])
    kept = await api.db["sessions"].find_one({})
    assert kept is not None
    assert timedelta(days=29, hours=23) < kept["expiresAt"] - datetime.now(UTC) < timedelta(days=30, minutes=1)


async def test_a_refresh_rotates_the_token(api: Api) -> None:
    first = await api.register()
    second = (await refresh(api, first["refreshToken"])).json()
    third = (await refresh(api, second["refreshToken"])).json()
    assert len({first["refreshToken"], second["refreshToken"], third["refreshToken"]}) == 3
    assert second["user"] == first["user"]
    assert await api.db["sessions"].count_documents({}) == 1


async def test_refresh_tokens_are_kept_as_hashes_only(api: Api) -> None:
    first = await api.register()
    second = (await refresh(api, first["refreshToken"])).json()
    kept = str(await api.db["sessions"].find_one({}))
    assert first["refreshToken"] not in kept
    assert second["refreshToken"] not in kept


async def test_parallel_refreshes_all_get_the_same_child(api: Api) -> None:
    first = await api.register()
    answers = await asyncio.gather(*(refresh(api, first["refreshToken"]) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refreshToken"] for answer in answers}) == 1


async def test_a_lost_answer_can_be_asked_for_again_for_thirty_seconds(api: Api) -> None:
    first = await api.register()
    child = (await refresh(api, first["refreshToken"])).json()["refreshToken"]
    await age_last_rotation(api, REPEAT_SECONDS - 5)
    assert (await refresh(api, first["refreshToken"])).json()["refreshToken"] == child
    assert (await refresh(api, child)).status_code == 200


async def test_a_used_token_that_turns_up_later_ends_the_session(api: Api) -> None:
    first = await api.register()
    second = (await refresh(api, first["refreshToken"])).json()
    await age_last_rotation(api, REPEAT_SECONDS + 1)

    assert_problem(await refresh(api, first["refreshToken"]), 401, "invalid_refresh_token")

    assert_problem(await refresh(api, second["refreshToken"]), 401, "invalid_refresh_token")
    assert_problem(await api.call("GET", PROFILE, token=second["accessToken"]), 401, "not_signed_in")
    assert await api.db["sessions"].count_documents({"endedAt": None}) == 0


async def test_a_token_two_generations_old_ends_the_session(api: Api) -> None:
    first = await api.register()
    second = (await refresh(api, first["refreshToken"])).json()
    await refresh(api, second["refreshToken"])
    assert_problem(await refresh(api, first["refreshToken"]), 401, "invalid_refresh_token")
    assert await api.db["sessions"].count_documents({"endedAt": None}) == 0


async def test_a_refresh_that_was_overtaken_puts_nothing_back(api: Api) -> None:
    # Its question to the database comes when the child has had a child already.
    session_id = api.services.access.read((await api.register())["accessToken"]).session_id
    store = SessionStore(api.db)
    life = timedelta(days=1)
    first = await store.find(session_id)
    assert first is not None
    assert await store.rotate(session_id, old=first.refresh_hash, new="child", life=life)
    assert await store.rotate(session_id, old="child", new="grandchild", life=life)
    assert not await store.rotate(session_id, old=first.refresh_hash, new="child", life=life)
    last = await store.find(session_id)
    assert last is not None
    assert last.refresh_hash == "grandchild"


async def test_a_late_attempt_to_open_a_session_undoes_no_refresh_and_no_end(api: Api) -> None:
    # Its answer was lost, it was sent again, and then it arrives after all.
    user_id = UserId((await api.register())["user"]["id"])
    store, session_id, life = SessionStore(api.db), new_session_id(), timedelta(days=1)

    async def attempt() -> None:
        await store.open(session_id, user_id, auth_epoch=0, refresh_hash="first", life=life)

    await attempt()
    assert await store.rotate(session_id, old="first", new="child", life=life)
    await attempt()
    found = await store.find(session_id)
    assert found is not None
    assert found.refresh_hash == "child"
    await store.end(session_id)
    await attempt()
    assert await store.find(session_id) is None
    assert not await store.exists(user_id, session_id)


async def test_a_session_that_was_ended_is_removed_a_day_later(api: Api) -> None:
    token = (await api.register())["accessToken"]
    for _ in range(2):
        await SessionStore(api.db).end(api.services.access.read(token).session_id)
    kept = await api.db["sessions"].find_one({})
    assert kept is not None
    assert timedelta(hours=23) < kept["expiresAt"] - datetime.now(UTC) < timedelta(days=1, minutes=1)


@pytest.mark.parametrize("token", ["", "x", "é" * 80, "A" * 80, "AAAA" * 5000, "😀"])
async def test_what_is_no_refresh_token_ends_no_session(api: Api, token: str) -> None:
    await api.register()
    assert_problem(await refresh(api, token), 401, "invalid_refresh_token")
    assert await api.db["sessions"].count_documents({}) == 1


async def test_a_refresh_token_of_somebody_elses_making_ends_no_session(api: Api) -> None:
    first = await api.register()
    for place in range(0, 80, 7):
        letter = "A" if first["refreshToken"][place] != "A" else "B"
        forged = first["refreshToken"][:place] + letter + first["refreshToken"][place + 1 :]
        assert_problem(await refresh(api, forged), 401, "invalid_refresh_token")
    assert (await refresh(api, first["refreshToken"])).status_code == 200


async def test_a_session_opened_with_a_password_that_was_just_changed_never_lives(api: Api) -> None:
    await api.register()
    credentials = await api.services.users.check_password("owner@example.com", PASSWORD)
    await api.db["users"].update_one({}, {"$inc": {"authEpoch": 1}})
    tokens = await api.services.sessions._open(credentials)
    assert_problem(await api.call("GET", PROFILE, token=tokens.access_token), 401, "not_signed_in")


async def test_a_token_of_a_user_who_is_gone_is_worth_nothing(api: Api) -> None:
    session = await api.register()
    await api.db["users"].delete_many({})
    assert_problem(await api.call("GET", PROFILE, token=session["accessToken"]), 401, "not_signed_in")


async def test_a_token_names_its_own_users_session(api: Api) -> None:
    other = await api.register("other@example.com")
    await api.register()
    session = await api.db["sessions"].find_one({"userId": {"$ne": ObjectId(other["user"]["id"])}})
    assert session is not None
    forged = api.services.access.issue(other["user"]["id"], str(session["_id"]))
    assert_problem(await api.call("GET", PROFILE, token=forged), 401, "not_signed_in")
