import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.accounts import JWT_SECRET, Api, MovableClock, assert_problem

from callgenie.kernel.ids import SystemRandomness, UserId
from callgenie.users.errors import InvalidAccessTokenError
from callgenie.users.tokens import AccessTokens

USER = UserId("65f2c6a1a1b2c3d4e5f60718")
SESSION = "65f2c6a1a1b2c3d4e5f60719"
OLD_SECRET = "the secret before, also longer than 32 bytes"


def tokens(*secrets: str, clock: MovableClock | None = None) -> AccessTokens:
    return AccessTokens(secrets or (JWT_SECRET,), clock or MovableClock(), SystemRandomness())


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(claims: dict[str, Any], *, secret: str = JWT_SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    kid = jwt.get_unverified_header(tokens().issue(USER, SESSION))["kid"]
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": kid, **headers})


def test_a_token_holds_what_was_put_into_it() -> None:
    token = tokens().issue(USER, SESSION)
    claims = tokens().read(token)
    assert (claims.user_id, claims.session_id) == (USER, SESSION)
    assert set(claims_of(token)) == {"iss", "aud", "sub", "sid", "typ", "jti", "iat", "nbf", "exp"}
    assert claims_of(token)["exp"] - claims_of(token)["iat"] == 900
    assert tokens().issue(USER, SESSION) != token


def test_tokens_of_the_secret_before_are_still_read() -> None:
    old = tokens(OLD_SECRET).issue(USER, SESSION)
    assert tokens(JWT_SECRET, OLD_SECRET).read(old).user_id == USER
    with pytest.raises(InvalidAccessTokenError):
        tokens(JWT_SECRET).read(old)


def test_a_clock_a_little_behind_the_makers_reads_the_token() -> None:
    ahead = MovableClock()
    ahead.move(seconds=4)
    assert tokens().read(tokens(clock=ahead).issue(USER, SESSION)).user_id == USER
    ahead.move(seconds=10)
    with pytest.raises(InvalidAccessTokenError):
        tokens().read(tokens(clock=ahead).issue(USER, SESSION))


def forgeries() -> dict[str, str]:
    good = claims_of(tokens().issue(USER, SESSION))
    whole = tokens().issue(USER, SESSION)
    header, payload, signature = whole.split(".")

    def encoded(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    without_signature = encoded({"alg": "none", "typ": "JWT", "kid": jwt.get_unverified_header(whole)["kid"]})
    found = {
        "none": f"{without_signature}.{payload}.",
        "none with a signature": f"{without_signature}.{payload}.{signature}",
        "the right secret under another algorithm": signed(good, algorithm="HS384"),
        "another secret": signed(good, secret=OLD_SECRET),
        "crit": signed(good, crit=["exp"]),
        "a key in the header": signed(good, jwk={"kty": "oct", "k": "AAAA"}),
        "a key's address in the header": signed(good, jku="https://example.com/keys"),
        "unknown kid": signed(good, kid="00000000"),
        "kid that is no text": f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 7})}.{payload}.{signature}",
        "another type of token": signed(good, typ="at+jwt"),
        "changed payload": f"{header}.{encoded(good | {'sub': 'f' * 24})}.{signature}",
        "cut": whole[:-1],
        "longer": whole + "A",
        "four parts": whole + ".x",
        "endless": whole + "A" * 10_000,
        "payload that is no object": f"{header}.{encoded([1])}.{signature}",
        "signed list": jwt.api_jws.encode(b"[]", JWT_SECRET, headers=jwt.get_unverified_header(whole)),
        "signed nonsense": jwt.api_jws.encode(b"\xff", JWT_SECRET, headers=jwt.get_unverified_header(whole)),
    }
    for name in good:
        found[f"without {name}"] = signed({key: value for key, value in good.items() if key != name})
    for name, value in (
        ("typ", "refresh"),
        ("iss", "somebody"),
        ("aud", "somebody"),
        ("sub", 7),
        ("sid", None),
        ("sid", "short"),
        ("sub", "$where"),
        ("jti", ["x"]),
        ("exp", "9999999999"),
        ("exp", 9e12),
        ("exp", True),
        ("exp", good["iat"]),
        ("nbf", good["exp"]),
        ("iat", good["exp"]),
    ):
        try:
            found[f"{name} = {value!r}"] = signed(good | {name: value})
        except (TypeError, jwt.PyJWTError):
            # The library will not sign it; whoever forges tokens has another.
            body = json.dumps(good | {name: value}).encode()
            found[f"{name} = {value!r}"] = jwt.api_jws.encode(
                body, JWT_SECRET, headers=jwt.get_unverified_header(whole)
            )
    return found


@pytest.mark.parametrize("name", sorted(forgeries()))
def test_a_forged_token_is_refused(name: str) -> None:
    with pytest.raises(InvalidAccessTokenError):
        tokens().read(forgeries()[name])


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda data: data.decode("latin-1")))
def test_no_text_breaks_the_reader(text: str) -> None:
    for token in (text, f"{text}.{text}.{text}", f"eyJhbGciOiJIUzI1NiJ9.{text}.{text}"):
        with pytest.raises(InvalidAccessTokenError):
            tokens().read(token)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic b3duZXI6cGFzc3dvcmQ=", "Bearer a.b.c", "Bearer \xff", "Token x", "Bearer x y"],
)
async def test_every_fault_of_a_token_is_told_alike(api: Api, header: str) -> None:
    expected = assert_problem(await api.call("GET", "/api/user/profile"), 401, "not_signed_in")
    response = await api.client.get("/api/user/profile", headers=[(b"authorization", header.encode("latin-1"))])
    problem = assert_problem(response, 401, "not_signed_in")
    assert response.headers["www-authenticate"] == "Bearer"
    assert problem | {"requestId": ""} == expected | {"requestId": ""}


async def test_a_refresh_token_is_no_access_token_and_the_other_way_round(api: Api) -> None:
    session = await api.register()
    assert_problem(await api.call("GET", "/api/user/profile", token=session["refreshToken"]), 401, "not_signed_in")
    answer = await api.call("POST", "/api/auth/refresh", json={"refreshToken": session["accessToken"]})
    assert_problem(answer, 401, "invalid_refresh_token")


async def test_the_word_bearer_may_be_written_as_one_likes(api: Api) -> None:
    token = (await api.register())["accessToken"]
    response = await api.call("GET", "/api/user/profile", headers={"Authorization": f"bEARER  {token}"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/user/profile"),
        ("PATCH", "/api/user/profile"),
        ("PUT", "/api/user/preferences"),
        ("POST", "/api/auth/logout"),
    ],
)
async def test_private_routes_are_closed_to_strangers(api: Api, method: str, path: str) -> None:
    assert_problem(await api.call(method, path), 401, "not_signed_in")


async def test_who_is_asking_is_asked_of_the_database_once(api: Api) -> None:
    # One aggregation; a second question for each request would be half of what a request costs.
    session = await api.register()
    before = (await api.db.command("serverStatus"))["opcounters"]
    for _ in range(20):
        await api.services.sessions.authenticate(session["accessToken"])
    after = (await api.db.command("serverStatus"))["opcounters"]
    # Of the other counters the server itself keeps some busy; finds are ours alone.
    assert after["query"] - before["query"] < 10
    assert 20 <= after["command"] - before["command"] < 40
