import asyncio
import json
from typing import Any

import pytest
from tests.support.accounts import Api, assert_problem

from callgenie.kernel.ids import UserId
from callgenie.numbers.models import NumberWish

PATH = "/api/user/profile"
HOURS = {"mon": [{"open": "09:00", "close": "12:00"}, {"open": "13:00", "close": "17:30"}], "tue": []}
BUSINESS = {
    "company": "Sunny Dental",
    "timezone": "America/New_York",
    "hours": HOURS,
    "holidays": ["2026-12-25", "2027-01-01"],
    "greeting": "Sunny Dental, hello!",
    "afterHoursGreeting": "We are closed.",
    "afterHours": "refuse",
    "instructions": "Be kind.",
    "faq": [{"question": "Do you take walk-ins?", "answer": "Yes."}],
    "transferNumber": "+14155550123",
    "remembersCallers": False,
    "recordCalls": True,
    "recordingAnnouncement": "We record this call.",
    "recordingDays": 90,
    "callingHours": {"open": "09:00", "close": "18:30"},
    "people": [
        {"name": "Anna Smith", "role": "dentist", "phoneNumber": "+14155550123"},
        {"name": "Tom", "role": None, "phoneNumber": None},
    ],
}


async def patch(api: Api, token: str, body: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.call("PATCH", PATH, token=token, json=body, headers=named)


async def test_a_change_is_shown_as_get_shows_it(api: Api) -> None:
    token = (await api.register())["accessToken"]
    changed = await patch(api, token, {"name": "J. Miller", "phone": "+14155550123", "business": BUSINESS})
    assert changed.status_code == 200
    assert changed.json()["profile"]["business"] == BUSINESS
    assert (changed.json()["user"]["name"], changed.json()["user"]["phone"]) == ("J. Miller", "+14155550123")
    shown = await api.call("GET", PATH, token=token)
    assert shown.json() == changed.json()
    assert shown.headers["etag"] == changed.headers["etag"] == '"2"'


async def test_what_is_left_out_stays_and_null_empties(api: Api) -> None:
    token = (await api.register(phone="+14155550123"))["accessToken"]
    await patch(api, token, {"business": BUSINESS})
    assert (await patch(api, token, {"name": "J. Miller"})).json()["user"]["phone"] == "+14155550123"
    emptied: dict[str, Any] = {
        "greeting": None,
        "afterHoursGreeting": " ",
        "transferNumber": None,
        "recordingAnnouncement": " ",
        "recordingDays": None,
        "hours": {},
        "faq": [],
        "people": [],
    }
    changed = (await patch(api, token, {"phone": None, "business": emptied})).json()
    assert changed["user"]["name"] == "J. Miller"
    assert changed["user"]["phone"] is None
    assert changed["profile"]["business"] == BUSINESS | emptied | {
        "greeting": "Thank you for calling Sunny Dental. This is SAATHI, the automated assistant. How can I help you?",
        "afterHoursGreeting": None,
        "recordingAnnouncement": "This call is recorded.",
    }


async def test_holidays_are_kept_in_order_and_once(api: Api) -> None:
    token = (await api.register())["accessToken"]
    days = ["2027-01-01", "2026-12-25", "2027-01-01"]
    changed = await patch(api, token, {"business": {"holidays": days}})
    assert changed.json()["profile"]["business"]["holidays"] == ["2026-12-25", "2027-01-01"]


@pytest.mark.parametrize(
    ("business", "field"),
    [
        ({"company": "x" * 201}, "company"),
        ({"company": None}, "company"),
        ({"greeting": "x" * 501}, "greeting"),
        ({"afterHoursGreeting": "x" * 501}, "afterHoursGreeting"),
        ({"remembersCallers": None}, "remembersCallers"),
        ({"remembersCallers": "no"}, "remembersCallers"),
        ({"remembersCallers": 0}, "remembersCallers"),
        ({"afterHours": "voicemail"}, "afterHours"),
        ({"afterHours": None}, "afterHours"),
        ({"afterHours": ["message"]}, "afterHours"),
        ({"instructions": "x" * 4001}, "instructions"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": "europe/paris"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "posix/UTC"}, "timezone"),
        ({"hours": {"monday": []}}, "hours.monday.[key]"),
        ({"hours": {"mon.open": []}}, "hours.mon.open.[key]"),
        ({"hours": {"mon": [{"open": "9:00", "close": "17:00"}]}}, "hours.mon.0.open"),
        ({"hours": {"mon": [{"open": "09:00", "close": "24:30"}]}}, "hours.mon.0.close"),
        ({"hours": {"mon": [{"open": "24:00", "close": "24:00"}]}}, "hours.mon.0.open"),
        ({"hours": {"mon": [{"open": "09:00\n", "close": "17:00"}]}}, "hours.mon.0.open"),
        ({"hours": {"mon": [{"open": "09:00", "close": "09:00"}]}}, "hours.mon.0"),
        ({"hours": {"mon": [{"open": "22:00", "close": "02:00"}]}}, "hours.mon.0"),
        ({"hours": {"mon": [{"open": "09:00", "close": "12:00"}, {"open": "11:59", "close": "13:00"}]}}, "hours.mon"),
        ({"hours": {"mon": [{"open": "13:00", "close": "17:00"}, {"open": "09:00", "close": "12:00"}]}}, "hours.mon"),
        ({"hours": {"mon": [{"open": "09:00", "close": "17:00", "note": "x"}]}}, "hours.mon.0.note"),
        ({"hours": {"mon": [{"open": "00:00", "close": "00:01"}] * 13}}, "hours.mon"),
        ({"holidays": ["2026-02-29"]}, "holidays.0"),
        ({"holidays": ["2026-12-25T00:00:00"]}, "holidays.0"),
        ({"holidays": [1767225600]}, "holidays.0"),
        ({"holidays": ["25.12.2026"]}, "holidays.0"),
        ({"holidays": ["2026-12-25"] * 367}, "holidays"),
        ({"faq": [{"question": "x" * 301, "answer": "x"}]}, "faq.0.question"),
        ({"faq": [{"question": "x", "answer": "x" * 1001}]}, "faq.0.answer"),
        ({"faq": [{"question": " ", "answer": "x"}]}, "faq.0.question"),
        ({"faq": [{"question": "x"}]}, "faq.0.answer"),
        ({"faq": [{"question": "x", "answer": "x"}] * 201}, "faq"),
        ({"transferNumber": "911"}, "transferNumber"),
        ({"recordCalls": None}, "recordCalls"),
        ({"recordCalls": "yes"}, "recordCalls"),
        ({"recordingAnnouncement": "x" * 201}, "recordingAnnouncement"),
        ({"recordingDays": 0}, "recordingDays"),
        ({"recordingDays": 3651}, "recordingDays"),
        ({"recordingDays": True}, "recordingDays"),
        ({"people": [{"name": "x" * 101}]}, "people.0.name"),
        ({"people": [{"name": " "}]}, "people.0.name"),
        ({"people": [{"role": "baker"}]}, "people.0.name"),
        ({"people": [{"name": "Tom", "role": "x" * 101}]}, "people.0.role"),
        ({"people": [{"name": "Tom", "phoneNumber": "911"}]}, "people.0.phoneNumber"),
        ({"people": [{"name": "Tom"}] * 21}, "people"),
        ({"people": None}, "people"),
        ({"company": {"$gt": ""}}, "company"),
        ({"plan": "enterprise"}, "plan"),
        ({"company": "nul\0"}, "company"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
async def test_a_business_that_cannot_be_is_refused_and_nothing_changes(
    api: Api, business: dict[str, Any], field: str
) -> None:
    token = (await api.register())["accessToken"]
    problem = assert_problem(await patch(api, token, {"name": "J.", "business": business}), 422, "invalid")
    assert [fault["field"] for fault in problem["errors"]] == [f"business.{field}"]
    shown = await api.call("GET", PATH, token=token)
    assert (shown.json()["user"]["name"], shown.headers["etag"]) == ("Jane Miller", '"1"')


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "invalid_name"),
        ({"name": None}, "invalid"),
        ({"phone": "0123"}, "invalid_phone"),
        ({"email": "other@example.com"}, "invalid"),
        ({"role": "admin"}, "invalid"),
        ({"subscription": {"plan": "enterprise"}}, "invalid"),
        ({"business": None}, "invalid"),
    ],
)
async def test_what_a_user_may_not_change_is_refused(api: Api, body: dict[str, Any], code: str) -> None:
    token = (await api.register())["accessToken"]
    assert_problem(await patch(api, token, body), 422, code)
    assert (await api.call("GET", PATH, token=token)).headers["etag"] == '"1"'


async def test_the_largest_business_fits(api: Api) -> None:
    token = (await api.register())["accessToken"]
    largest = {
        "company": "é" * 200,
        "greeting": "é" * 500,
        "instructions": "é" * 4000,
        "faq": [{"question": "é" * 300, "answer": "é" * 1000}] * 200,
        "hours": {day: [{"open": "00:00", "close": "24:00"}] for day in ("mon", "tue", "wed")},
    }
    assert (await patch(api, token, {"business": largest})).status_code == 200


async def test_if_match_lets_through_only_who_has_seen_the_present_state(api: Api) -> None:
    token = (await api.register())["accessToken"]
    seen = (await api.call("GET", PATH, token=token)).headers["etag"]
    changed = await patch(api, token, {"business": {"company": "First"}}, If_Match=seen)
    assert changed.status_code == 200
    late = await patch(api, token, {"name": "Late", "business": {"company": "Second"}}, If_Match=seen)
    assert_problem(late, 412, "profile_changed")
    for tag in ('W/"2"', "2", '"x"', ""):
        assert_problem(
            await patch(api, token, {"business": {"company": "Second"}}, If_Match=tag), 412, "profile_changed"
        )
    shown = (await api.call("GET", PATH, token=token)).json()
    assert (shown["user"]["name"], shown["profile"]["business"]["company"]) == ("Jane Miller", "First")
    for tag in (changed.headers["etag"], "*", '"99", "4"'):
        assert (await patch(api, token, {"business": {"company": "Third"}}, If_Match=tag)).status_code == 200


@pytest.mark.parametrize("body", [{"name": "Winner"}, {"business": {"company": "Winner"}}])
async def test_of_twenty_who_saw_the_same_state_one_writes(api: Api, body: dict[str, Any]) -> None:
    token = (await api.register())["accessToken"]
    answers = await asyncio.gather(*(patch(api, token, body, If_Match='"1"') for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19


async def test_a_change_of_preferences_is_a_new_state_too(api: Api) -> None:
    token = (await api.register())["accessToken"]
    seen = (await api.call("GET", PATH, token=token)).headers["etag"]
    await api.call("PUT", "/api/user/preferences", token=token, json={"responseLength": "long"})
    assert_problem(await patch(api, token, {"name": "Late"}, If_Match=seen), 412, "profile_changed")


async def test_the_profile_shows_the_number_and_the_usage(api: Api) -> None:
    token = (await api.register())["accessToken"]
    await api.services.numbers.import_numbers(["+14155550123"])
    user_id = UserId((await api.call("GET", PATH, token=token)).json()["user"]["id"])
    await api.services.numbers.assign(user_id, NumberWish())
    profile = (await api.call("GET", PATH, token=token)).json()["profile"]
    assert profile["phoneNumber"] == "+14155550123"
    assert set(profile) == {"preferences", "business", "subscription", "phoneNumber", "usage"}
    assert profile["usage"]["allowed"] is True
    assert profile["usage"]["period"]["end"] == profile["subscription"]["currentPeriodEnd"]
