"""The record as a file: whole, in order, only one's own, and harmless in a spreadsheet."""

import csv
import io
import json
from typing import Any

import pytest
from tests.support.accounts import Api, assert_problem
from tests.support.metering import Office, exchange

from callgenie.http.downloads import safe_cell

PATH = "/api/user/conversations"


@pytest.fixture
async def token(api: Api) -> str:
    return str((await api.register())["accessToken"])


async def record(api: Api, token: str, session_id: str, **fields: Any) -> None:
    body = {"sessionId": session_id, "phoneNumber": "+1234567890", "userMessage": "Hello", "aiResponse": "Hi"} | fields
    saved = await api.call("POST", PATH, token=token, json=body)
    assert saved.status_code == 201, saved.text


async def exported(api: Api, token: str, query: str) -> str:
    answer = await api.call("GET", f"{PATH}/export?{query}", token=token)
    assert answer.status_code == 200, answer.text
    return answer.text


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_csv_has_a_row_for_each_conversation_newest_first(api: Api, token: str) -> None:
    for hour in range(3):
        await record(api, token, f"s-{hour}", startedAt=f"2026-01-01T0{hour}:00:00Z", duration=30, status="completed")
    answer = await api.call("GET", f"{PATH}/export?format=csv", token=token)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="conversations.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert [row["sessionId"] for row in rows(answer.text)] == ["s-2", "s-1", "s-0"]
    first = rows(answer.text)[0]
    assert (first["startedAt"], first["billableSeconds"], first["counted"]) == ("2026-01-01T02:00:00Z", "30", "true")
    assert (first["userMessage"], first["aiResponse"], first["endedReason"]) == ("Hello", "Hi", "")


async def test_json_lines_hold_what_the_api_shows_of_each(api: Api, token: str) -> None:
    await record(api, token, "s-1", duration=30, status="completed", metrics={"a": 1.5})
    await record(api, token, "s-2", userMessage="line\nbreak \u2028 ü")
    answer = await api.call("GET", f"{PATH}/export?format=jsonl", token=token)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.content.decode().split("\n")[:-1]]
    assert [line["sessionId"] for line in lines] == ["s-2", "s-1"]
    for line in lines:
        assert line == (await api.call("GET", f"{PATH}/{line['sessionId']}", token=token)).json()


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", '=HYPERLINK("x")']
)
async def test_no_cell_begins_like_a_formula(api: Api, token: str, text: str) -> None:
    await record(api, token, f"{text}s", userMessage=text, aiResponse=text, audioUrl="https://example.com/a,b")
    row = rows(await exported(api, token, "format=csv"))[0]
    assert row["userMessage"] == row["aiResponse"] == f"'{text}"
    assert row["sessionId"] == f"'{text}s"
    assert row["phoneNumber"] == "'+1234567890"
    assert row["audioUrl"] == "https://example.com/a,b"


def test_plain_text_stays_as_it_is() -> None:
    assert [safe_cell(value) for value in (None, "", "  ", "Hello", "a=1", 'say "hi", ok', "5")] == [
        "",
        "",
        "  ",
        "Hello",
        "a=1",
        'say "hi", ok',
        "5",
    ]


async def test_the_filters_are_those_of_the_list(api: Api, token: str) -> None:
    await record(api, token, "long", duration=300, status="completed", userMessage="the blue bicycle")
    await record(api, token, "short", duration=3, status="completed", startedAt="2026-01-01T00:00:00Z")
    await record(api, token, "open", phoneNumber="+1234567899")
    for query, expected in {
        "minDuration=100": ["long"],
        "status=completed": ["long", "short"],
        "phoneNumber=%2B1234567899": ["open"],
        "to=2026-02-01T00:00:00Z": ["short"],
        "q=blue": ["long"],
        "q=green": [],
    }.items():
        assert [row["sessionId"] for row in rows(await exported(api, token, query))] == expected, query


async def test_an_unknown_format_or_field_is_refused(api: Api, token: str) -> None:
    for query in ("format=xml", "limit=5", "cursor=x", "status=nonsense"):
        assert_problem(await api.call("GET", f"{PATH}/export?{query}", token=token), 422, "invalid")
    assert (await api.call("GET", f"{PATH}/export?format=csv")).status_code == 401


async def test_nothing_of_others_and_nothing_deleted_is_in_it(api: Api, token: str) -> None:
    other = str((await api.register("other@example.com"))["accessToken"])
    await record(api, other, "theirs")
    await record(api, token, "deleted")
    await api.call("DELETE", f"{PATH}/deleted", token=token)
    assert rows(await exported(api, token, "format=csv")) == []
    assert await exported(api, token, "format=jsonl") == ""


async def test_a_long_history_is_streamed_whole_without_being_held(office: Office) -> None:
    user = office.customers.add()
    for number in range(45):
        await office.conversations.save_exchange(user, exchange(f"s-{number:02}"))
    seen = [each.session_id async for each in office.conversations.stream(user, whole=True)]
    assert seen == [f"s-{number:02}" for number in reversed(range(45))]
