import asyncio
from typing import Any

import pytest
from tests.support.accounts import Api, assert_problem

PATH = "/api/user/preferences"


async def put(api: Api, token: str, body: Any) -> Any:
    return await api.call("PUT", PATH, token=token, json=body)


async def test_a_field_that_is_left_out_keeps_its_value(api: Api) -> None:
    token = (await api.register())["accessToken"]
    first = await put(api, token, {"voiceModel": "nanotts-en-gb", "responseLength": "short"})
    assert first.status_code == 200
    second = await put(api, token, {"assistantName": "Asha"})
    assert second.json() == {
        "voiceModel": "nanotts-en-gb",
        "aiModel": "faq",
        "responseLength": "short",
        "language": "en",
        "assistantName": "Asha",
    }
    profile = await api.call("GET", "/api/user/profile", token=token)
    assert profile.json()["profile"]["preferences"] == second.json()


async def test_nothing_changes_nothing(api: Api) -> None:
    token = (await api.register())["accessToken"]
    before = await api.db["userprofiles"].find_one({})
    assert (await put(api, token, {})).json()["assistantName"] == "SAATHI"
    assert await api.db["userprofiles"].find_one({}) == before


async def test_an_unknown_voice_or_model_is_refused_with_a_list_of_what_there_is(api: Api) -> None:
    token = (await api.register())["accessToken"]
    body = {"voiceModel": "alloy", "aiModel": "gpt", "language": "tlh", "assistantName": "Asha"}
    problem = assert_problem(await put(api, token, body), 422, "unknown_option")
    assert problem["errors"] == [
        {"field": "voiceModel", "message": "must be one of: nanotts-en-us, nanotts-en-gb"},
        {"field": "aiModel", "message": "must be one of: faq"},
        {"field": "language", "message": "must be one of: en"},
    ]
    assert (await put(api, token, {})).json()["assistantName"] == "SAATHI"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"responseLength": "endless"}, "responseLength"),
        ({"assistantName": ""}, "assistantName"),
        ({"assistantName": "   "}, "assistantName"),
        ({"assistantName": "x" * 51}, "assistantName"),
        ({"assistantName": None}, "assistantName"),
        ({"voiceModel": None}, "voiceModel"),
        ({"voiceModel": {"$ne": ""}}, "voiceModel"),
        ({"language": ["en"]}, "language"),
        ({"plan": "enterprise"}, "plan"),
        ({"subscription": {"plan": "enterprise"}}, "subscription"),
        ({"preferences.voiceModel": "faq"}, "preferences.voiceModel"),
        ({"$set": {}}, "$set"),
    ],
)
async def test_what_does_not_fit_is_refused(api: Api, body: Any, field: str) -> None:
    token = (await api.register())["accessToken"]
    before = await api.db["userprofiles"].find_one({})
    problem = assert_problem(await put(api, token, body), 422, "invalid")
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert await api.db["userprofiles"].find_one({}) == before


async def test_one_users_preferences_are_no_other_users(api: Api) -> None:
    token = (await api.register())["accessToken"]
    other = (await api.register("other@example.com"))["accessToken"]
    await put(api, token, {"assistantName": "Asha"})
    assert (await put(api, other, {})).json()["assistantName"] == "SAATHI"


async def test_a_name_that_looks_like_a_path_of_the_database_is_a_name(api: Api) -> None:
    token = (await api.register())["accessToken"]
    assert (await put(api, token, {"assistantName": "$subscription.plan"})).json()["assistantName"] == (
        "$subscription.plan"
    )


async def test_changes_of_different_fields_at_once_all_stay(api: Api) -> None:
    token = (await api.register())["accessToken"]
    changes = [{"assistantName": "Asha"}, {"responseLength": "long"}, {"voiceModel": "nanotts-en-gb"}] * 5
    await asyncio.gather(*(put(api, token, change) for change in changes))
    kept = (await put(api, token, {})).json()
    assert (kept["assistantName"], kept["responseLength"], kept["voiceModel"]) == ("Asha", "long", "nanotts-en-gb")
    document = await api.db["userprofiles"].find_one({})
    assert document is not None
    assert document["version"] == 1 + len(changes)


async def test_the_options_are_what_the_preferences_take(api: Api) -> None:
    token = (await api.register())["accessToken"]
    options = (await api.call("GET", "/api/user/options", token=token)).json()
    assert options == {
        "voices": ["nanotts-en-us", "nanotts-en-gb"],
        "models": ["faq"],
        "languages": ["en"],
        "lengths": ["short", "medium", "long"],
    }
    for name, field in {"voices": "voiceModel", "models": "aiModel", "lengths": "responseLength"}.items():
        for choice in options[name]:
            assert (await put(api, token, {field: choice})).status_code == 200
    assert (await api.call("GET", "/api/user/options")).status_code == 401
