"""What does not look as it must is answered with a sentence and an example."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import Api, assert_problem
from tests.support.whole_app import serving_everything

from callgenie.mongo.client import Database

EXCHANGE = {"sessionId": "s-1", "phoneNumber": "+14155550188", "userMessage": "Hi", "aiResponse": "Hello"}
HOURS = "business.hours.mon.0"


@pytest.fixture
async def api(connected: Database, database: object, tmp_path: Path) -> AsyncIterator[Api]:
    del database  # it is empty now
    async with serving_everything(connected, data_dir=tmp_path) as served:
        yield served


def opens(opening: str, closing: str = "17:00") -> dict[str, Any]:
    return {"business": {"hours": {"mon": [{"open": opening, "close": closing}]}}}


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "example"),
    [
        ("PATCH", "profile", opens("9 am"), f"{HOURS}.open", "09:00"),
        ("PATCH", "profile", opens("24:00"), f"{HOURS}.open", "09:00"),
        ("PATCH", "profile", opens("09:00\n"), f"{HOURS}.open", "09:00"),
        ("PATCH", "profile", opens("09:00", "25:00"), f"{HOURS}.close", "17:30"),
        ("POST", "assign-phone", {"country": "USA"}, "country", "US"),
        ("POST", "assign-phone", {"areaCode": "4-1"}, "areaCode", "415"),
        ("POST", "conversations", EXCHANGE | {"audioUrl": "ftp://a"}, "audioUrl", "https://example.com/call.wav"),
        ("POST", "conversations", EXCHANGE | {"metrics": {"a b": 1}}, "metrics.a b.[key]", "firstAnswerMs"),
    ],
)
async def test_the_sentence_says_what_it_must_be(
    api: Api, method: str, path: str, body: dict[str, Any], field: str, example: str
) -> None:
    token = (await api.register())["accessToken"]
    answer = await api.call(method, f"/api/user/{path}", token=token, json=body)
    assert_problem(answer, 422, "invalid")
    (fault,) = answer.json()["errors"]
    assert fault["field"] == field
    assert re.fullmatch(f"must .*, such as {re.escape(example)}", fault["message"])
