"""Requests that are refused by their head: not a byte of the body is read, whoever sends it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from tests.support.accounts import assert_problem
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.app import ROUTERS
from callgenie.http.body_budget import FORM_BYTES_MAX
from callgenie.mongo.client import Database

SECRET = "a secret of sixteen"
AUTH_TOKEN = "the auth token of a test account"


class Body:
    """A body that remembers what was read of it."""

    def __init__(self, piece: bytes = b"{not even json") -> None:
        self._piece = piece
        self.pieces_read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.pieces_read += 1
            yield self._piece


@pytest.fixture
async def api(connected: Database) -> AsyncIterator[WholeApi]:
    carriers: dict[str, Any] = {"exotel_secret": SECRET, "twilio_auth_token": AUTH_TOKEN}
    async with serving_everything(connected, rate_limits="off", **carriers) as api:
        yield api


def address_of(route: APIRoute) -> str:
    return route.path.replace("{", "").replace("}", "")


def is_for_signed_in(route: APIRoute) -> bool:
    return any("guards" in type(each.call).__module__ for each in route.dependant.dependencies)


GUARDED = [
    (method, address_of(route))
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and is_for_signed_in(route)
    for method in sorted(route.methods or ())
]


def test_the_list_of_guarded_routes_is_not_empty() -> None:
    assert len(GUARDED) > 25
    assert ("PATCH", "/api/user/profile") in GUARDED


@pytest.mark.parametrize(
    "credential", [None, "nothing.that.signs", "cg_0123456789abcdef0123456789abcdef"], ids=["none", "token", "key"]
)
async def test_every_route_for_signed_in_users_refuses_strangers_unread(api: WholeApi, credential: str | None) -> None:
    for method, path in GUARDED:
        body = Body()
        headers = {"content-type": "application/json", "idempotency-key": "0123456789"}
        response = await api.call(method, path, token=credential, content=body, headers=headers)
        assert_problem(response, 401, response.json()["code"])
        assert response.headers["www-authenticate"] == "Bearer"
        assert body.pieces_read == 0, f"{method} {path}"


async def test_an_unknown_address_or_method_is_refused_unread(api: WholeApi) -> None:
    for method, path, status, code in (
        ("POST", "/api/nothing", 404, "not_found"),
        ("POST", "/api/user/nothing", 404, "not_found"),
        ("DELETE", "/api/auth/login", 405, "method_not_allowed"),
        ("PUT", "/api/user/profile", 405, "method_not_allowed"),
    ):
        body = Body()
        response = await api.call(method, path, content=body)
        assert_problem(response, status, code)
        assert body.pieces_read == 0
    assert response.headers["allow"] == "GET, PATCH"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/telephony/twilio/voice", "webhook_unsigned"),
        ("/api/telephony/twilio/status", "webhook_unsigned"),
        ("/api/telephony/exotel/status", "secret_not_shown"),
        ("/api/telephony/exotel/status?secret=wrong", "secret_not_shown"),
    ],
)
async def test_a_carrier_that_shows_nothing_is_refused_unread(api: WholeApi, path: str, code: str) -> None:
    body = Body()
    assert_problem(await api.call("POST", path, content=body), 403, code)
    assert body.pieces_read == 0


@pytest.mark.parametrize(
    "path", ["/api/telephony/twilio/voice", f"/api/telephony/exotel/status?secret={SECRET}", "/reset-password"]
)
async def test_a_form_is_short(api: WholeApi, path: str) -> None:
    signed = {"x-twilio-signature": "c2lnbmVk"}
    body = Body()
    announced = {**signed, "content-length": str(FORM_BYTES_MAX + 1)}
    assert_problem(await api.call("POST", path, content=body, headers=announced), 413, "body_too_large")
    assert body.pieces_read == 0
    body = Body(b"x" * 1_024)
    assert_problem(await api.call("POST", path, content=body, headers=signed), 413, "body_too_large")
    assert body.pieces_read <= FORM_BYTES_MAX // 1_024 + 2
    whole = await api.call("POST", path, content=b"x" * FORM_BYTES_MAX, headers=signed)
    assert whole.status_code != 413


async def test_who_is_let_in_is_answered_as_before(api: WholeApi) -> None:
    token = (await api.register())["accessToken"]
    response = await api.call("PATCH", "/api/user/profile", token=token, json={"name": "Another Name"})
    assert response.json()["user"]["name"] == "Another Name"
    assert_problem(await api.call("PATCH", "/api/user/profile", token=token, json={"nmae": "x"}), 422, "invalid")
    response = await api.call("PATCH", "/api/user/profile", token=token, content=Body(b"x" * 65_536))
    assert_problem(response, 413, "body_too_large")
