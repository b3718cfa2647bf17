"""`callgenie users` and `callgenie usage` as they are typed, on a database of each test's own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database
from tests.support.processes import running

USER = ObjectId("a" * 24)
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def elsewhere(mongodb_uri: str) -> Iterator[tuple[str, Database[Any]]]:
    """A database on the shared server, with one user in it."""
    name = f"cli{ObjectId()}"
    uri = mongodb_uri.replace("/callgenie?", f"/{name}?")
    with MongoClient[Any](uri, tz_aware=True) as client:
        client[name]["users"].insert_one(
            {
                "_id": USER,
                "email": "owner@example.com",
                "passwordHash": "x",
                "name": "Jane\x1b[2J",
                "phone": None,
                "role": "user",
                "status": "active",
                "emailVerified": True,
                "authEpoch": 0,
                "createdAt": NOW,
            }
        )
        yield uri, client[name]
        client.drop_database(name)


def typed(uri: str, data_folder: Path, *arguments: str) -> tuple[int, list[str]]:
    with running("callgenie", *arguments, MONGODB_URI=uri, CALLGENIE_DATA_DIR=str(data_folder)) as command:
        return command.end(), [line for line in command.said if not line.startswith("·")]


def test_users_are_listed_shown_suspended_and_put_on_a_plan(
    elsewhere: tuple[str, Database[Any]], data_folder: Path
) -> None:
    uri, db = elsewhere
    line = "2026-01-31 active    free       owner@example.com"
    assert typed(uri, data_folder, "users", "list") == (0, [line])
    assert typed(uri, data_folder, "users", "plan", "owner@example.com", "basic") == (
        0,
        ["owner@example.com is on plan basic"],
    )
    assert typed(uri, data_folder, "users", "suspend", "owner@example.com") == (0, ["owner@example.com is suspended"])
    changed = db["users"].find_one({}) or {}
    assert (changed["status"], changed["authEpoch"]) == ("suspended", 1)
    code, said = typed(uri, data_folder, "users", "show", "Owner@example.com")
    facts = dict(line.split(maxsplit=1) for line in said)
    assert code == 0
    assert (facts["plan"], facts["status"], facts["number"]) == ("basic (active)", "suspended", "none")
    assert facts["name"] == "'Jane\\x1b[2J'"
    assert facts["next"] == "call  refused: account_suspended"
    # `numbers list` and the log name users by their ids.
    assert typed(uri, data_folder, "users", "show", str(USER)) == (0, said)
    assert typed(uri, data_folder, "users", "show", "b" * 24) == (1, ["Error: There is no such user."])
    code, said = typed(uri, data_folder, "users", "activate", "nobody@example.com")
    assert (code, said) == (1, ["Error: There is no such user."])


def test_reconcile_says_what_differs_and_fails(elsewhere: tuple[str, Database[Any]], data_folder: Path) -> None:
    uri, db = elsewhere
    assert typed(uri, data_folder, "usage", "reconcile") == (0, ["The ledger and the conversations agree."])
    db["usage"].insert_one(
        {
            "_id": f"{USER}:2026-01-31T09:30:00.000Z",
            "userId": USER,
            "periodStart": NOW,
            "calls": 1,
            "seconds": 30,
            "held": 0,
            "holds": {},
            "gone": [],
        }
    )
    code, said = typed(uri, data_folder, "usage", "reconcile")
    assert code == 1
    period = f"user {USER}, period from 2026-01-31T09:30:00Z"
    assert said == [
        f"{period}: seconds: the ledger says 30, the conversations 0",
        f"{period}: calls: the ledger says 1, the conversations 0",
    ]
