import json
import random
from typing import Any, Final

from tests.support.accounts import PASSWORD, Api

ROUTES: Final = {
    ("POST", "/api/auth/register"): {
        "email": "x@example.com",
        "password": PASSWORD,
        "name": "X",
        "phone": "+14155550123",
    },
    ("POST", "/api/auth/login"): {"email": "owner@example.com", "password": PASSWORD},
    ("POST", "/api/auth/refresh"): {"refreshToken": "x"},
    ("POST", "/api/auth/verify-email"): {"token": "x"},
    ("POST", "/api/auth/resend-verification"): {"email": "owner@example.com"},
    ("POST", "/api/auth/forgot-password"): {"email": "owner@example.com"},
    ("POST", "/api/auth/reset-password"): {"token": "x", "password": PASSWORD},
    ("POST", "/api/auth/change-password"): {"currentPassword": "not it", "newPassword": PASSWORD},
    ("PUT", "/api/user/preferences"): {
        "voiceModel": "nanotts-en-us",
        "aiModel": "faq",
        "responseLength": "short",
        "language": "en",
        "assistantName": "Asha",
    },
    ("PATCH", "/api/user/profile"): {
        "name": "X",
        "phone": "+14155550123",
        "business": {
            "company": "X",
            "timezone": "UTC",
            "hours": {"mon": [{"open": "09:00", "close": "17:30"}]},
            "holidays": ["2026-12-25"],
            "greeting": "x",
            "afterHoursGreeting": "x",
            "afterHours": "message",
            "instructions": "x",
            "faq": [{"question": "x", "answer": "x"}],
            "transferNumber": "+14155550123",
            "remembersCallers": True,
            "recordCalls": True,
            "recordingAnnouncement": "x",
            "recordingDays": 30,
        },
    },
}
NASTY: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    2**63 - 1,
    2**63,
    10**400,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\0",
    "\ud800",
    "é" * 300,
    "x" * 100_000,
    "$where",
    "a.b",
    "$$ROOT",
    "(a+)+$",
    "../../etc/passwd",
    "2026-12-25T25:61:61Z",
    "0001-01-01",
    "99999-01-01",
    "%s%n{0}",
    "<script>",
    "\u202e\u200b",
    [],
    {},
    [[[[[[]]]]]],
    {"$ne": None},
    {"$gt": ""},
    {"$where": "sleep(1000)"},
    {"a.b": 1},
    {"": ""},
    {"__proto__": {"role": "admin"}},
    ["x"] * 500,
)


def spoil(value: Any, chance: random.Random) -> Any:
    """Return the body with one of its parts, at any depth, replaced by something nasty."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        if chance.random() < 0.1:
            return value | {
                chance.choice(("role", "_id", "$set", "a.b", "\ud800", "", "x" * 500)): chance.choice(NASTY)
            }
        return value | {key: spoil(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        return [spoil(value[0], chance)]
    return chance.choice(NASTY)


async def test_no_body_makes_the_server_fail(api: Api) -> None:
    token = (await api.register())["accessToken"]
    chance = random.Random(20260314)  # noqa: S311 - the same bodies each time
    statuses: dict[int, int] = {}
    for _ in range(150):
        for (method, path), body in ROUTES.items():
            content = json.dumps(spoil(body, chance)).encode()
            headers = {"content-type": "application/json", "if-match": chance.choice(("*", '"1"', "x", '"' + "9" * 50))}
            response = await api.call(method, path, token=token, content=content, headers=headers)
            assert response.status_code < 500, (path, content[:300], response.text)
            assert response.status_code < 400 or response.headers["content-type"] == "application/problem+json"
            statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
    # Most are refused, and some come through: otherwise this would test nothing but the door.
    assert statuses[422] > 300
    assert statuses[200] >= 5
    users = await api.db["users"].distinct("role")
    assert users == ["user"]
