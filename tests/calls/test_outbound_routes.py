"""Calls to somebody over HTTP, and the list of those who must not be called."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.accounts import MovableClock, assert_problem
from tests.support.twilio_api import Trouble
from tests.support.whole_app import WholeApi, serving_everything, serving_with_twilio

from callgenie.mongo.client import Database

CUSTOMER = "+14155550142"
BODY = {"to": CUSTOMER, "purpose": "your order of a birthday cake"}
MORNING = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)


async def owner_with_a_number(api: WholeApi, email: str = "owner@example.com") -> str:
    token: str = (await api.register(email))["accessToken"]
    await api.whole.numbers.import_numbers(["+14155550100", "+14155550101"])
    assert (await api.call("POST", "/api/user/assign-phone", token=token, json={})).status_code == 200
    return token


async def test_a_call_is_placed_and_listed_while_it_rings(connected: Database) -> None:
    async with serving_with_twilio(connected) as (api, twilio):
        token = await owner_with_a_number(api)
        placed = await api.call("POST", "/api/user/calls", token=token, json=BODY)
        assert placed.status_code == 201, placed.text
        listed = (await api.call("GET", "/api/user/calls", token=token)).json()["data"]
        order, _ = twilio.order()
        shown = await api.call("GET", f"/api/user/conversations/{placed.json()['sessionId']}", token=token)
    body = placed.json()
    assert (shown.json()["callerId"], shown.json()["purpose"]) == (order.from_number, BODY["purpose"])
    assert (body["direction"], body["status"], body["certain"]) == ("outbound", "ringing", True)
    assert (body["phoneNumber"], body["callerId"], body["purpose"]) == (CUSTOMER, order.from_number, BODY["purpose"])
    assert [call["sessionId"] for call in listed] == [body["sessionId"]]
    session = f"?session={body['sessionId']}"
    assert order.url == "https://calls.example.com/api/telephony/twilio/outbound" + session
    assert order.status_callback == "https://calls.example.com/api/telephony/twilio/status" + session


async def test_a_machine_places_and_ends_calls_with_a_key_for_it_and_with_no_other(connected: Database) -> None:
    async with serving_with_twilio(connected) as (api, twilio):
        token = await owner_with_a_number(api)
        others = ["conversations:write", "conversations:read", "usage:read", "calls:web"]
        keys = {
            name: (
                await api.call("POST", "/api/user/api-keys", token=token, json={"name": name, "scopes": scopes})
            ).json()["key"]
            for name, scopes in {"may": ["calls:write"], "may not": others}.items()
        }
        refused = await api.call("POST", "/api/user/calls", token=keys["may not"], json=BODY)
        assert_problem(refused, 403, "scope_missing")
        assert twilio.forms == []
        assert await api.db.conversations.count_documents({}) == 0
        placed = await api.call("POST", "/api/user/calls", token=keys["may"], json=BODY)
        assert placed.status_code == 201, placed.text
        path = f"/api/user/calls/{placed.json()['sessionId']}"
        assert_problem(await api.call("DELETE", path, token=keys["may not"]), 403, "scope_missing")
        [call] = (await api.call("GET", "/api/user/calls", token=token)).json()["data"]
        assert call["status"] == "ringing"
        assert (await api.call("DELETE", path, token=keys["may"])).status_code == 204


async def test_an_answer_that_got_lost_is_told_as_such_and_the_key_dials_once(connected: Database) -> None:
    async with serving_with_twilio(connected) as (api, twilio):
        token = await owner_with_a_number(api)
        twilio.troubles.append(Trouble(500, done=True))
        headers = {"Idempotency-Key": "one"}
        first = await api.call("POST", "/api/user/calls", token=token, json=BODY, headers=headers)
        assert (first.status_code, first.json()["certain"]) == (202, False)
        again = await api.call("POST", "/api/user/calls", token=token, json=BODY, headers=headers)
        assert again.json() == first.json()
        # As after a crash of ours before the answer was kept.
        await api.db.idempotency.delete_many({})
        later = await api.call("POST", "/api/user/calls", token=token, json=BODY, headers=headers)
        assert (later.status_code, later.json()["sessionId"]) == (200, first.json()["sessionId"])
        assert len(twilio.forms) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"to": CUSTOMER}, 422, "invalid"),
        ({"to": "4155550142", "purpose": "x"}, 422, "invalid"),
        ({"to": CUSTOMER, "purpose": " "}, 422, "invalid"),
        ({"to": CUSTOMER, "purpose": "one\ntwo"}, 422, "invalid"),
        ({"to": CUSTOMER, "purpose": "x" * 301}, 422, "invalid"),
        ({"to": "+19005550123", "purpose": "x"}, 422, "number_not_callable"),
        ({"to": "+442079460000", "purpose": "x"}, 201, ""),
        ({"to": "+81312345678", "purpose": "x"}, 409, "outside_calling_hours"),
    ],
)
async def test_what_cannot_be_placed_is_refused_with_a_code(
    connected: Database, body: dict[str, Any], status: int, code: str
) -> None:
    async with serving_with_twilio(connected) as (api, twilio):
        token = await owner_with_a_number(api)
        answer = await api.call("POST", "/api/user/calls", token=token, json=body)
        assert answer.status_code == status, answer.text
        assert answer.json().get("code", "") == code
        assert len(twilio.forms) == (1 if status == 201 else 0)


async def test_a_server_without_a_carrier_says_what_to_set(connected: Database) -> None:
    async with serving_everything(connected, clock=MovableClock(MORNING)) as api:
        token = await owner_with_a_number(api)
        answer = await api.call("POST", "/api/user/calls", token=token, json=BODY)
        assert (answer.status_code, answer.json()["code"]) == (409, "outbound_not_set_up")
        assert (await api.call("POST", "/api/user/calls", json=BODY)).status_code == 401


async def test_the_calling_hours_are_the_owners_to_set(connected: Database) -> None:
    async with serving_with_twilio(connected) as (api, _):
        token = await owner_with_a_number(api)

        async def hours(given: Any) -> Any:
            change = {"business": {"callingHours": given}}
            answer = await api.call("PATCH", "/api/user/profile", token=token, json=change)
            return answer.json()["profile"]["business"]["callingHours"] if answer.is_success else answer.status_code

        assert await hours({"open": "12:00", "close": "13:00"}) == {"open": "12:00", "close": "13:00"}
        answer = await api.call("POST", "/api/user/calls", token=token, json=BODY)
        assert answer.json()["code"] == "outside_calling_hours"
        assert "2026-05-04T19:00Z" in answer.json()["detail"]
        assert await hours({"open": "13:00", "close": "12:00"}) == 422
        assert await hours(None) == {"open": "08:00", "close": "21:00"}


# The list


async def test_the_do_not_call_list_is_kept_by_its_owner_alone(connected: Database) -> None:
    async with serving_with_twilio(connected) as (api, twilio):
        token = await owner_with_a_number(api)
        path = "/api/user/do-not-call"
        first = await api.call("POST", path, token=token, json={"phoneNumber": CUSTOMER, "note": "asked on 4 May"})
        again = await api.call("POST", path, token=token, json={"phoneNumber": CUSTOMER})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        refused = await api.call("POST", "/api/user/calls", token=token, json=BODY)
        assert (refused.status_code, refused.json()["code"]) == (409, "do_not_call")
        assert twilio.forms == []

        other = await owner_with_a_number(api, "other@example.com")
        assert (await api.call("GET", path, token=other)).json()["data"] == []
        assert (await api.call("DELETE", f"{path}/%2B14155550142", token=other)).status_code == 404
        assert (await api.call("POST", "/api/user/calls", token=other, json=BODY)).status_code == 201

        assert (await api.call("DELETE", f"{path}/%2B14155550142", token=token)).status_code == 204
        gone = await api.call("DELETE", f"{path}/%2B14155550142", token=token)
        assert (gone.status_code, gone.json()["code"]) == (404, "number_not_listed")
        for method in ("GET", "POST"):
            assert (await api.call(method, path, json={"phoneNumber": CUSTOMER})).status_code == 401


async def test_the_do_not_call_list_comes_in_pages(connected: Database) -> None:
    async with serving_with_twilio(connected) as (api, _):
        token = await owner_with_a_number(api)
        path = "/api/user/do-not-call"
        for last in range(5):
            await api.call("POST", path, token=token, json={"phoneNumber": f"+1415555014{last}"})
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await api.call("GET", path, token=token, params={"limit": "2", **cursor})).json()
            seen += [item["phoneNumber"] for item in page["data"]]
            if not page["hasMore"]:
                break
            cursor = {"cursor": page["nextCursor"]}
    assert seen == [f"+1415555014{last}" for last in range(5)]
