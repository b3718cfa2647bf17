"""`/metrics` and the line that each request leaves in the log, over HTTP and the real application."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from tests.support.accounts import PASSWORD, assert_problem
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.mongo.client import Database
from callgenie.wiring.jobs import gather_figures

TOKEN = "a token for metrics"


@pytest.fixture
async def api(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, metrics_token=TOKEN) as served:
        yield served


async def figures(api: WholeApi) -> str:
    answer = await api.call("GET", "/metrics", token=TOKEN)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    lines, events = StringIO(), list[dict[str, Any]]()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(lines),
    )
    try:
        yield events
    finally:
        structlog.reset_defaults()
        events += [json.loads(line) for line in lines.getvalue().splitlines()]


async def test_requests_are_counted_by_route_and_not_by_address(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    for name in ("canary-1", "canary-2"):
        await api.call("GET", f"/api/user/conversations/{name}", token=token)
        await api.call("GET", f"/{name}")
        await api.call(f"{name}".upper(), "/api/user/usage")
    text = await figures(api)
    route = 'route="/api/user/conversations/{session_id:path}"'
    assert f'callgenie_http_requests_total{{method="GET",{route},status="404"}} 2.0' in text
    assert 'callgenie_http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text
    assert 'method="other"' in text
    assert f'callgenie_http_request_seconds_count{{method="GET",{route}}} 2.0' in text
    assert "canary" not in text.lower()


async def test_the_figures_of_calls_numbers_mail_and_database_are_there(api: WholeApi) -> None:
    await api.whole.numbers.import_numbers(["+14155550101", "+14155550102"])
    await gather_figures(api.whole)
    text = await figures(api)
    for line in (
        "callgenie_calls_active 0.0",
        "callgenie_numbers_free 2.0",
        "callgenie_usage_ledger_mismatch 0.0",
        "callgenie_outbox_oldest_seconds 0.0",
        "callgenie_follow_up_oldest_seconds 0.0",
        "callgenie_webhook_due_seconds 0.0",
    ):
        assert line in text
    connections = re.search(r"^callgenie_database_connections_open ([0-9.]+)$", text, re.MULTILINE)
    assert connections is not None
    assert float(connections[1]) >= 1
    assert "callgenie_database_connections_in_use 0.0" in text


async def test_a_ledger_that_differs_from_the_record_shows(api: WholeApi) -> None:
    registered = await api.register()
    exchange = {"sessionId": "s", "phoneNumber": "+14155550123", "userMessage": "?", "aiResponse": "!"}
    done = {**exchange, "status": "completed", "duration": 30}
    assert (await api.call("POST", "/api/user/conversations", token=registered["accessToken"], json=done)).is_success
    await gather_figures(api.whole)
    assert "callgenie_usage_ledger_mismatch 0.0" in await figures(api)
    await api.db["usage"].update_one({}, {"$set": {"seconds": 31}})
    await gather_figures(api.whole)
    assert "callgenie_usage_ledger_mismatch 1.0" in await figures(api)
    await api.db["usage"].update_one({}, {"$set": {"seconds": 30}})
    await gather_figures(api.whole)
    assert "callgenie_usage_ledger_mismatch 0.0" in await figures(api)


@pytest.mark.parametrize("given", [None, "", "another token", TOKEN[:-1], "ключ"])
async def test_a_token_that_is_set_is_needed(api: WholeApi, given: str | None) -> None:
    headers = {} if given is None else {b"Authorization": f"Bearer {given}".encode()}
    assert_problem(await api.client.get("/metrics", headers=headers), 401, "metrics_token_needed")


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("203.0.113.9", {}, 403),
        ("unknown", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
    ],
)
async def test_without_a_token_only_this_machine_may_read(
    connected: Database, address: str, headers: dict[str, str], status: int
) -> None:
    async with serving_everything(connected, client_address=address) as api:
        answer = await api.client.get("/metrics", headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert_problem(answer, 403, "metrics_not_public")


async def test_each_request_leaves_one_line_and_nothing_private(connected: Database) -> None:
    with logged() as events:
        async with serving_everything(connected) as api:
            token = (await api.register("canary@example.com"))["accessToken"]
            headers = {"X-Request-Id": "one-of-ours"}
            await api.call("GET", "/api/user/conversations/canary?q=canary", token=token, headers=headers)
            await api.call("GET", "/api/user/profile", token="canary-token")
    served = [event for event in events if event["event"] == "request.served"]
    assert [(event["route"], event["method"], event["status"]) for event in served] == [
        ("/api/auth/register", "POST", 201),
        ("/api/user/conversations/{session_id:path}", "GET", 404),
        ("/api/user/profile", "GET", 401),
    ]
    assert served[1]["request_id"] == "one-of-ours"
    assert all(event["duration_ms"] >= 0 for event in served)
    for secret in ("canary", PASSWORD, token, "203.0.113.9"):
        assert secret not in json.dumps(events)


async def test_a_status_is_logged_as_a_plain_number(connected: Database) -> None:
    # What the console shows of a named one is no number.
    with capture_logs() as events:
        async with serving_everything(connected) as api:
            await api.call("GET", "/nowhere")
    assert [repr(event["status"]) for event in events if event["event"] == "request.served"] == ["404"]
