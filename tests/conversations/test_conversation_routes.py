from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pymongo.errors import WriteError
from tests.support.accounts import Api, assert_problem

PATH = "/api/user/conversations"
BODY: dict[str, Any] = {
    "sessionId": "unique-session-id",
    "phoneNumber": "+1234567890",
    "userMessage": "Hello SAATHI",
    "aiResponse": "Hello! How can I help you today?",
}


async def post(api: Api, token: str, **changes: Any) -> httpx.Response:
    return await api.call("POST", PATH, token=token, json=BODY | changes)


@pytest.fixture
async def token(api: Api) -> str:
    return str((await api.register())["accessToken"])


async def test_the_guides_example_is_recorded_settled_listed_and_shown(api: Api, token: str) -> None:
    saved = await post(api, token, duration=30, status="completed")
    assert saved.status_code == 201, saved.text
    assert saved.headers["cache-control"] == "no-store"
    answer = saved.json()
    assert (answer["billableSeconds"], answer["overageSeconds"], answer["status"]) == (30, 0, "completed")
    assert answer["usage"]["seconds"] == {"limit": 1800, "used": 30, "held": 0, "remaining": 1770}
    again = await post(api, token, duration=30, status="completed")
    assert (again.status_code, again.json()["usage"]) == (200, answer["usage"])
    usage = await api.call("GET", "/api/user/usage", token=token)
    assert usage.json() == answer["usage"]
    listed = (await api.call("GET", PATH, token=token)).json()
    assert (listed["hasMore"], listed["nextCursor"], len(listed["data"])) == (False, None, 1)
    item = listed["data"][0]
    assert (item["userMessage"], item["aiResponse"], item["turnCount"]) == (BODY["userMessage"], BODY["aiResponse"], 2)
    assert "turns" not in item
    shown = (await api.call("GET", f"{PATH}/unique-session-id", token=token)).json()
    assert [(turn["role"], turn["text"]) for turn in shown["turns"]] == [
        ("user", "Hello SAATHI"),
        ("assistant", "Hello! How can I help you today?"),
    ]
    assert (shown["phoneNumber"], shown["startedAt"][-1]) == ("+1234567890", "Z")
    assert set(shown["latency"]) == {"p50", "p95"}


async def test_a_turn_is_shown_with_the_outcome_of_its_answer(api: Api, token: str) -> None:
    await post(api, token)
    await api.db.conversations.update_one({}, {"$set": {"turns.1.outcome": "passed_on"}})
    shown = (await api.call("GET", f"{PATH}/unique-session-id", token=token)).json()
    assert [turn["outcome"] for turn in shown["turns"]] == [None, "passed_on"]
    with pytest.raises(WriteError):
        await api.db.conversations.update_one({}, {"$set": {"turns.1.outcome": "guessed"}})


@pytest.mark.parametrize(
    "session_id", ["a/b/c", "/lead", "trail/", "ü 🎧", "a?b#c", "100%", "%2F", "...", "$where", "a.b", "{}", "x" * 200]
)
async def test_a_session_id_may_hold_any_character(api: Api, token: str, session_id: str) -> None:
    assert (await post(api, token, sessionId=session_id)).status_code == 201
    shown = await api.call("GET", f"{PATH}/{quote(session_id, safe='')}", token=token)
    assert (shown.status_code, shown.json().get("sessionId")) == (200, session_id)


async def test_what_is_not_yours_is_not_there(api: Api, token: str) -> None:
    stranger = str((await api.register("other@example.com"))["accessToken"])
    await post(api, token)
    for name in ("unique-session-id", "never-was", "%00"):
        shown = await api.call("GET", f"{PATH}/{name}", token=stranger)
        assert_problem(shown, 404, "conversation_not_found")
    assert (await api.call("GET", PATH, token=stranger)).json()["data"] == []
    assert (await post(api, stranger)).status_code == 201
    assert await api.db.conversations.count_documents({}) == 2


async def test_without_a_token_nothing_is_shown_or_kept(api: Api) -> None:
    assert (await api.call("GET", PATH)).status_code == 401
    assert (await api.call("GET", f"{PATH}/x")).status_code == 401
    assert (await api.call("POST", PATH, json=BODY)).status_code == 401
    assert await api.db.conversations.count_documents({}) == 0


async def test_another_number_under_the_same_session_id_is_a_conflict(api: Api, token: str) -> None:
    await post(api, token)
    assert_problem(await post(api, token, phoneNumber="+1234567891"), 409, "session_conflict")


@pytest.mark.parametrize(
    "changes",
    [
        {"sessionId": ""},
        {"sessionId": {"$ne": None}},
        {"sessionId": "a\0b"},
        {"phoneNumber": "555"},
        {"userMessage": ["$gt"]},
        {"userMessage": "x" * 8_001},
        {"duration": -1},
        {"duration": 1.5},
        {"duration": "30"},
        {"duration": True},
        {"duration": 2**70},
        {"status": "ringing"},
        {"status": "nonsense"},
        {"startedAt": "yesterday"},
        {"startedAt": "2026-11-22T10:00:00"},
        {"startedAt": "1969-01-01T00:00:00Z"},
        {"startedAt": "2990-01-01T00:00:00Z"},
        {"audioUrl": "javascript:alert(1)"},
        {"metrics": {"$set": 1}},
        {"metrics": {"a.b": 1}},
        {"metrics": {"deep": {"er": 1}}},
        {"metrics": {"big": 2**70}},
        {"userId": "000000000000000000000000"},
        {"billableSeconds": 0},
    ],
)
async def test_a_body_that_is_not_as_it_must_be_is_refused_and_nothing_kept(
    api: Api, token: str, changes: dict[str, Any]
) -> None:
    answer = await post(api, token, **changes)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in {"invalid", "invalid_exchange", "unreadable_body"}
    assert await api.db.conversations.count_documents({}) == 0


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense",
        "status[$ne]=x",
        "direction=up",
        "from=yesterday",
        "from=0001-01-01T00:00:00%2B14:00",
        "minDuration=-1",
        "maxDuration=1e9",
        "q=",
        "q=%00",
        f"q={'x' * 201}",
        "limit=0",
        "limit=101",
        "phoneNumber=x",
        "nonsense=1",
    ],
)
async def test_a_query_that_is_not_as_it_must_be_is_refused(api: Api, token: str, query: str) -> None:
    assert_problem(await api.call("GET", f"{PATH}?{query}", token=token), 422, "invalid")


async def test_a_cursor_goes_on_and_fits_nowhere_else(api: Api, token: str) -> None:
    for number in range(3):
        await post(api, token, sessionId=f"s-{number}")
    first = (await api.call("GET", f"{PATH}?limit=2", token=token)).json()
    assert ([item["sessionId"] for item in first["data"]], first["hasMore"]) == (["s-2", "s-1"], True)
    rest = (await api.call("GET", PATH, token=token, params={"cursor": first["nextCursor"]})).json()
    assert [item["sessionId"] for item in rest["data"]] == ["s-0"]
    for wrong in ({"cursor": first["nextCursor"], "status": "completed"}, {"cursor": "nonsense"}):
        assert_problem(await api.call("GET", PATH, token=token, params=wrong), 400, "invalid_cursor")


async def test_filters_are_named_as_the_contract_says(api: Api, token: str) -> None:
    await post(api, token, duration=30, status="completed", startedAt="2026-11-01T12:00:00Z")
    for query, count in {
        "phoneNumber=%2B1234567890": 1,
        "phoneNumber=+1234567890": 1,
        "from=2026-11-01T12:00:00Z&to=2026-11-01T12:00:01Z": 1,
        "to=2026-11-01T12:00:00Z": 0,
        "minDuration=30&maxDuration=30": 1,
        "status=completed&direction=inbound&q=hello%20saathi": 1,
        "endedReason=caller-hangup": 0,
    }.items():
        listed = await api.call("GET", f"{PATH}?{query}", token=token)
        assert (query, listed.status_code, len(listed.json()["data"])) == (query, 200, count)


async def test_metrics_and_audio_come_back_as_they_were_given(api: Api, token: str) -> None:
    metrics = {"transcriptionTime": 120, "responseTime": 0.75, "model": "x", "cached": True, "none": None}
    await post(api, token, metrics=metrics, audioUrl="https://audio.example.com/1.wav")
    shown = (await api.call("GET", f"{PATH}/unique-session-id", token=token)).json()
    assert (shown["metrics"], shown["audioUrl"]) == (metrics, "https://audio.example.com/1.wav")
