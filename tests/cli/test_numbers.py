"""`callgenie numbers` as it is typed, on a database of one test run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bson import ObjectId
from pymongo import MongoClient
from tests.support.processes import running


@pytest.fixture
def elsewhere(mongodb_uri: str) -> Iterator[str]:
    """A database of this test's own on the shared server."""
    name = f"cli{ObjectId()}"
    uri = mongodb_uri.replace("/callgenie?", f"/{name}?")
    yield uri
    with MongoClient[dict[str, object]](uri) as client:
        client.drop_database(name)


def typed(uri: str, data_folder: Path, *arguments: str) -> tuple[int, list[str]]:
    with running("callgenie", *arguments, MONGODB_URI=uri, CALLGENIE_DATA_DIR=str(data_folder)) as command:
        return command.end(), [line for line in command.said if not line.startswith("·")]


def test_numbers_come_in_are_listed_and_taken_back(elsewhere: str, data_folder: Path) -> None:
    file = data_folder / "numbers.txt"
    file.write_text("# ours\n+1 415 555 0100\n+442079460000\n+14155550100\n415 555 0101\n+1\x1b[2J\n")
    code, said = typed(elsewhere, data_folder, "numbers", "import", str(file))
    assert code == 65
    assert said == [
        "2 added, 1 already there, 2 skipped",
        "  line 5, '415 555 0101': does not start with + and a country code",
        "  line 6, '+1\\x1b[2J': not a phone number",
    ]
    assert typed(elsewhere, data_folder, "numbers", "list", "--country", "us") == (
        0,
        ["+14155550100     free       US  415"],
    )
    with MongoClient[dict[str, object]](elsewhere) as client:
        whose = {
            "state": "assigned",
            "userId": ObjectId("a" * 24),
            "assignedAt": datetime(2021, 1, 14, tzinfo=UTC),
        }
        client.get_default_database()["phonenumbers"].update_one({"_id": "+14155550100"}, {"$set": whose})
    code, said = typed(elsewhere, data_folder, "numbers", "list", "--state", "assigned")
    assert (code, said) == (0, [f"+14155550100     assigned   US  415    user {'a' * 24} since 2021-01-14"])
    code, said = typed(elsewhere, data_folder, "numbers", "release", "+14155550100")
    assert (code, said) == (0, [f"+14155550100 was user {'a' * 24}'s; it is free again in 30 days"])
    code, said = typed(elsewhere, data_folder, "numbers", "release", "+14155550100")
    assert (code, said) == (1, ["Error: +14155550100 is not assigned to anybody."])


def test_an_unknown_state_is_explained(elsewhere: str, data_folder: Path) -> None:
    code, said = typed(elsewhere, data_folder, "numbers", "list", "--state", "gone")
    assert code == 2
    assert "quarantine" in " ".join(said)
