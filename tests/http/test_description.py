"""The API's description: committed, complete, and shown without anything from elsewhere."""

import asyncio
import functools
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.support.whole_app import WholeApi, serving_everything
from typer.testing import CliRunner

from callgenie.app import ROUTERS
from callgenie.app import description as describe
from callgenie.cli.program import app as program
from callgenie.http.problems import known_codes
from callgenie.mongo.client import Database

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = {
    "/api/auth/login",
    "/api/auth/refresh",
    "/api/auth/register",
    "/api/auth/verify-email",
    "/api/auth/resend-verification",
    "/api/auth/forgot-password",
    "/api/auth/reset-password",
    "/api/recordings/{user_id}/{session_id}",
}


@functools.cache
def description() -> dict[str, Any]:
    """Return the present one, which takes a second to write."""
    return describe()


@pytest.fixture
async def client(connected: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving_everything(connected) as api:
        assert isinstance(api, WholeApi)
        yield api.client


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def codes(operation: dict[str, Any], status: str) -> list[str]:
    schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
    listed: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
    return listed


def test_the_committed_description_is_the_present_one() -> None:
    printed = CliRunner().invoke(program, ["openapi"]).stdout
    committed = (ROOT / "docs/reference/openapi.json").read_text(encoding="utf-8")
    assert committed == printed, "The API changed. If it was meant to, run `make docs` and commit what it writes."
    assert json.loads(committed)["openapi"].startswith("3.1")


def test_every_route_is_described() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    expected = {
        (re.sub(r":path\}", "}", route.path), method.lower())
        for route in routes
        if route.include_in_schema
        for method in route.methods or ()
    }
    assert {(path, method) for path, method, _ in operations()} == expected
    assert len({operation["operationId"] for *_, operation in operations()}) == len(expected)
    assert all(operation["description"] for *_, operation in operations())


def test_every_route_says_how_it_refuses() -> None:
    for path, method, operation in operations():
        if not path.startswith("/api/"):
            continue
        assert codes(operation, "429")[0] in {"too_many_requests", "too_many_attempts"}, path
        assert "too_many_requests" in codes(operation, "429"), path
        assert set(operation["responses"]["429"]["headers"]) == {"Retry-After", "RateLimit-Policy", "RateLimit"}
        assert "database_busy" in codes(operation, "503"), path
        if path not in PUBLIC and not path.startswith("/api/telephony/"):
            assert operation["security"], path
            assert "not_signed_in" in codes(operation, "401"), path
            assert "scope_missing" in codes(operation, "403"), path
        if method == "post" and path.startswith("/api/user/"):
            assert "Idempotency-Key" in {each["name"] for each in operation["parameters"]}
            assert "request_still_running" in codes(operation, "409")
            assert "idempotency_key_reused" in codes(operation, "422")
        if "requestBody" in operation:
            assert codes(operation, "413") == ["body_too_large"]
            assert "unreadable_body" in codes(operation, "422")


def test_every_code_in_it_is_on_the_closed_list_with_its_status() -> None:
    known = known_codes()
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            if "application/problem+json" in response.get("content", {}):
                assert {known[code] for code in codes(operation, status)} == {int(status)}


def test_every_reference_in_it_leads_somewhere() -> None:
    described = description()
    for name in set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(described))):
        assert name in described["components"]["schemas"]


async def test_it_is_served_as_it_is_committed(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json() == description()


async def test_it_is_made_once_and_sent_as_the_same_bytes(connected: Database) -> None:
    async with serving_everything(connected) as api:
        make, made = api.app.openapi, list[dict[str, Any]]()

        def counted() -> dict[str, Any]:
            made.append(make())
            return made[-1]

        api.app.openapi = counted  # type: ignore[method-assign] # as the product does it
        first, second = await asyncio.gather(*(api.client.get("/openapi.json") for _ in range(2)))
        third = await api.client.get("/openapi.json")
        assert first.content == second.content == third.content
        assert len(made) == 1
        unchanged = await api.client.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_the_page_takes_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "://" not in page.text
    # No script in the page itself.
    assert re.findall(r"<script[^>]*>(.+?)</script>", page.text) == []
    needed = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(needed) == 5
    for address in needed:
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "Apache License" in (await client.get("/docs/LICENSE")).text


@pytest.mark.parametrize("name", ["nothing", "..%2freference.py", "%2e%2e/reference.py", "swagger-ui-bundle.js.map"])
async def test_no_other_file_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status_code == 404
