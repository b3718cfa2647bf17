import pytest
from tests.support.accounts import PASSWORD, Api, assert_problem

SESSIONS = "/api/auth/sessions"
PROFILE = "/api/user/profile"


async def test_a_user_sees_where_they_are_signed_in_newest_first(api: Api) -> None:
    await api.register("other@example.com")
    first = await api.register()
    second = (await api.log_in()).json()
    listed = (await api.call("GET", SESSIONS, token=first["accessToken"])).json()
    assert (listed["hasMore"], listed["nextCursor"]) == (False, None)
    newer, older = listed["data"]
    assert set(newer) == {"id", "createdAt", "renewedAt", "expiresAt", "current"}
    assert (newer["current"], older["current"]) == (False, True)
    assert newer["id"] > older["id"]
    seen_by_second = (await api.call("GET", SESSIONS, token=second["accessToken"])).json()["data"]
    assert [session["current"] for session in seen_by_second] == [True, False]


async def test_the_list_comes_in_pages(api: Api) -> None:
    token = (await api.register())["accessToken"]
    for _ in range(4):
        await api.log_in()
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        params = {"limit": "2"} if cursor is None else {"limit": "2", "cursor": cursor}
        page = (await api.call("GET", SESSIONS, token=token, params=params)).json()
        seen += [session["id"] for session in page["data"]]
        cursor = page["nextCursor"]
        assert page["hasMore"] is (cursor is not None)
    assert cursor is None
    assert len(set(seen)) == 5
    assert_problem(await api.call("GET", SESSIONS, token=token, params={"cursor": "x"}), 400, "invalid_cursor")


async def test_a_cursor_of_another_user_is_worth_nothing(api: Api) -> None:
    token = (await api.register())["accessToken"]
    await api.log_in()
    other = (await api.register("other@example.com"))["accessToken"]
    cursor = (await api.call("GET", SESSIONS, token=token, params={"limit": 1})).json()["nextCursor"]
    answer = await api.call("GET", SESSIONS, token=other, params={"cursor": cursor})
    assert_problem(answer, 400, "invalid_cursor")


async def test_sessions_that_are_over_are_not_listed(api: Api) -> None:
    token = (await api.register())["accessToken"]
    await api.log_in()
    await api.db["sessions"].update_one({}, [{"$set": {"expiresAt": "$$NOW"}}])
    assert_problem(await api.call("GET", SESSIONS, token=token), 401, "not_signed_in")
    fresh = (await api.log_in()).json()["accessToken"]
    assert len((await api.call("GET", SESSIONS, token=fresh)).json()["data"]) == 2
    await api.db["users"].update_one({}, {"$inc": {"authEpoch": 1}})
    last = (await api.log_in()).json()["accessToken"]
    assert len((await api.call("GET", SESSIONS, token=last)).json()["data"]) == 1


async def test_ending_a_session_takes_effect_at_once(api: Api) -> None:
    mine = await api.register()
    other = (await api.log_in()).json()
    other_id = (await api.call("GET", SESSIONS, token=other["accessToken"])).json()["data"][0]["id"]
    answer = await api.call("DELETE", f"{SESSIONS}/{other_id}", token=mine["accessToken"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(await api.call("GET", PROFILE, token=other["accessToken"]), 401, "not_signed_in")
    assert (await api.call("GET", PROFILE, token=mine["accessToken"])).status_code == 200
    again = await api.call("DELETE", f"{SESSIONS}/{other_id}", token=mine["accessToken"])
    assert_problem(again, 404, "session_not_found")


@pytest.mark.parametrize("name", ["x", "65f2c6a1a1b2c3d4e5f60718", "$ne", "é"])
async def test_a_session_that_is_not_there_is_not_found(api: Api, name: str) -> None:
    token = (await api.register())["accessToken"]
    assert_problem(await api.call("DELETE", f"{SESSIONS}/{name}", token=token), 404, "session_not_found")


async def test_nobody_ends_a_session_of_somebody_else(api: Api) -> None:
    victim = await api.register()
    session_id = (await api.call("GET", SESSIONS, token=victim["accessToken"])).json()["data"][0]["id"]
    other = await api.register("other@example.com", password=PASSWORD)
    answer = await api.call("DELETE", f"{SESSIONS}/{session_id}", token=other["accessToken"])
    assert_problem(answer, 404, "session_not_found")
    assert (await api.call("GET", PROFILE, token=victim["accessToken"])).status_code == 200


async def test_both_routes_are_for_signed_in_users_only(api: Api) -> None:
    assert_problem(await api.call("GET", SESSIONS), 401, "not_signed_in")
    assert_problem(await api.call("DELETE", f"{SESSIONS}/65f2c6a1a1b2c3d4e5f60718"), 401, "not_signed_in")
