import json
from io import StringIO
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from tests.support.accounts import assert_problem

from callgenie.http.problems import FAULTS_MAX, STATUS_OF_KIND, known_codes, problems
from callgenie.kernel.errors import ConflictError, ErrorKind, InvalidError, UnavailableError
from callgenie.users.errors import EmailTakenError


def test_every_kind_of_refusal_has_a_status() -> None:
    assert {kind: int(status) for kind, status in STATUS_OF_KIND.items()} == {
        ErrorKind.INVALID: 422,
        ErrorKind.MALFORMED: 400,
        ErrorKind.NOT_SIGNED_IN: 401,
        ErrorKind.NOT_ALLOWED: 403,
        ErrorKind.NOT_FOUND: 404,
        ErrorKind.CONFLICT: 409,
        ErrorKind.PRECONDITION_FAILED: 412,
        ErrorKind.RANGE_UNSATISFIABLE: 416,
        ErrorKind.LIMIT_REACHED: 429,
        ErrorKind.UNAVAILABLE: 503,
    }
    assert set(STATUS_OF_KIND) == set(ErrorKind)


def test_the_list_of_codes_is_closed_and_each_has_one_status() -> None:
    codes = known_codes()
    assert codes["email_taken"] == 409
    assert codes["internal_error"] == 500
    assert codes["body_too_large"] == 413
    assert all(code.isidentifier() and code == code.lower() for code in codes)


async def test_a_refusal_is_told_whole(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.delete("/api/things/four"), 409, "shop_closed")
    del problem["requestId"]
    assert problem == {
        "type": "urn:callgenie:problem:shop_closed",
        "title": "Shop closed",
        "status": 409,
        "detail": "The shop is closed for 4 days.",
        "code": "shop_closed",
    }


async def test_an_invalid_field_is_named(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.get("/api/invalid"), 422, "invalid")
    assert problem["errors"] == [{"field": "a.b", "message": "is not it"}]


async def test_who_is_to_come_back_is_told_when(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/away")
    assert_problem(response, 503, "unavailable")
    assert response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"someText": "much too long a text"}, "someText"),
        ({"someText": 5}, "someText"),
        ({"someCount": "canary"}, "someCount"),
        ({"canary": 1}, "canary"),
        ({"some_text": "python"}, "some_text"),
        ({"inner": {}}, "inner.deepName"),
        ({"inner": {"deepName": "x", "extra": 1}}, "inner.extra"),
        ({"words": ["fine", 5]}, "words.1"),
        ({"someText": "nul\0"}, "someText"),
        ({"words": ["nul\0"]}, "words"),
        ({"table": {"nul\0": "x"}}, "table"),
        ("canary", "body"),
        ([1], "body"),
    ],
)
async def test_what_does_not_fit_is_named_and_not_echoed(client: httpx.AsyncClient, body: Any, field: str) -> None:
    response = await client.post("/api/echo", json=body)
    problem = assert_problem(response, 422, "invalid")
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert "much too long a text" not in response.text
    assert all("canary" not in fault["message"] for fault in problem["errors"])


async def test_a_missing_body_is_refused(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.post("/api/echo"), 422, "invalid")
    assert problem["errors"] == [{"field": "body", "message": "is required"}]


async def test_json_under_another_name_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/echo", content=b'{"someText": "x"}', headers={"content-type": "text/plain"})
    assert_problem(response, 422, "invalid")
    assert_problem(await client.post("/api/echo", content=b"{}"), 422, "invalid")


async def test_a_secret_may_hold_any_character(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/echo", json={"secret": "a\0b"})).json() == {"someText": "", "secretLength": 3}


async def test_a_thousand_faults_are_told_in_part(client: httpx.AsyncClient) -> None:
    body = {f"{'long' * 50}{number}": 1 for number in range(1000)}
    problem = assert_problem(await client.post("/api/echo", json=body), 422, "invalid")
    assert len(problem["errors"]) == FAULTS_MAX
    assert all(len(fault["field"]) <= 100 for fault in problem["errors"])


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "1e2", "", "99999999999999999999999"])
async def test_a_limit_outside_of_1_to_100_is_refused(client: httpx.AsyncClient, limit: str) -> None:
    problem = assert_problem(await client.get("/api/things/x", params={"limit": limit}), 422, "invalid")
    assert [fault["field"] for fault in problem["errors"]] == ["limit"]


async def test_limits_from_1_to_100_are_taken(client: httpx.AsyncClient) -> None:
    assert [(await client.get(f"/api/things/x?limit={limit}")).json()["limit"] for limit in (1, 100)] == [1, 100]
    assert (await client.get("/api/things/x")).json()["limit"] == 20


@pytest.mark.parametrize("path", ["/", "/api", "/api/nothing", "/api/things/x/", "/api/things//x", "/.env"])
async def test_an_unknown_address_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404, "not_found")


async def test_a_wrong_method_is_told_all_the_right_ones(client: httpx.AsyncClient) -> None:
    response = await client.put("/api/things/x")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "DELETE, GET"


async def test_a_failure_shows_nothing_of_its_insides(client: httpx.AsyncClient) -> None:
    lines = StringIO()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(lines),
    )
    try:
        response = await client.get("/api/crash?secret=hunter2", headers={"X-Request-Id": "seen-in-the-log"})
    finally:
        structlog.reset_defaults()
    assert_problem(response, 500, "internal_error")
    assert "hunter2" not in response.text + str(response.headers)
    logged = json.loads(lines.getvalue())
    assert logged["event"] == "http.request_failed"
    assert logged["request_id"] == "seen-in-the-log"
    assert logged["error"] == "RuntimeError <- KeyError"
    assert "in crash" in logged["where"]
    assert "hunter2" not in lines.getvalue()


async def test_half_an_answer_breaks_off(client: httpx.AsyncClient) -> None:
    with pytest.raises(RuntimeError):
        await client.get("/api/half")


def test_an_endpoints_refusals_are_described() -> None:
    described = problems(EmailTakenError, ConflictError, UnavailableError)
    assert set(described) == {422, 409, 503}
    schema = described[409]["content"]["application/problem+json"]["schema"]
    assert schema["properties"]["code"]["enum"] == ["email_taken", "conflict"]
    assert set(schema["properties"]) == {"type", "title", "status", "detail", "code", "requestId", "errors"}
    assert problems(InvalidError) == problems()


def test_the_description_of_the_api_names_problems_and_nothing_of_the_frameworks() -> None:
    app = FastAPI()

    @app.get("/x", responses=problems(EmailTakenError))
    async def show(limit: int) -> int:
        return limit

    described = json.dumps(app.openapi())
    assert "application/problem+json" in described
    assert "HTTPValidationError" not in described
