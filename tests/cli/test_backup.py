"""`callgenie backup` and `callgenie restore` as they are typed."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId, decode_file_iter, encode
from pymongo import MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.processes import running

from callgenie.lifecycle.erasure_log import ERASURES_FILE

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def said_by(*arguments: object, **environment: str) -> tuple[int, str]:
    with running("callgenie", *arguments, **environment) as command:
        return command.end(), "\n".join(command.said)


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    file = tmp_path / "numbers.txt"
    file.write_text("+14155550100\n+14155550101\n")
    return file


@pytest.fixture
def elsewhere(mongodb_uri: str) -> Iterator[str]:
    """Another database, in which nothing is."""
    uri = mongodb_uri.replace("/callgenie?", "/moved?")
    yield uri
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database("moved")


def test_a_backup_moves_an_installation(
    data_folder: Path, mongodb_uri: str, elsewhere: str, database: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> None:
    del database
    out, kept = tmp_path / "backups" / "monday", {"CALLGENIE_DATA_DIR": str(data_folder)}
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        client["callgenie"]["phonenumbers"].insert_many({"_id": f"+1415555010{n}", "state": "free"} for n in range(2))
    code, said = said_by("backup", out, MONGODB_URI=mongodb_uri, **kept)
    assert code == 0
    assert f"in {out / 'callgenie'}" in said
    assert "Keep" in said
    assert "secrets.json" in said
    with (out / "callgenie" / "phonenumbers.bson").open("rb") as file:
        assert [number["_id"] for number in decode_file_iter(file)] == ["+14155550100", "+14155550101"]

    assert said_by("restore", out, MONGODB_URI=elsewhere, **kept)[0] == 0
    code, said = said_by("restore", out, MONGODB_URI=elsewhere, **kept)
    assert code == 1
    assert "in phonenumbers. With --drop" in said
    assert said_by("restore", "--drop", out, MONGODB_URI=elsewhere, **kept)[0] == 0


def test_a_restore_waits_for_nobody_who_is_serving(data_folder: Path, numbers: Path, tmp_path: Path) -> None:
    with running("tests.support.little_server", data_folder, 0) as server:
        url = server.wait_for("ready")
        assert said_by("numbers", "import", numbers, "--data-dir", data_folder)[0] == 0
        # A backup is made while the server works.
        assert said_by("backup", tmp_path / "out", "--data-dir", data_folder)[0] == 0
        code, said = said_by("restore", "--drop", tmp_path / "out", "--data-dir", data_folder)
        assert code == 1
        assert f"process {server.pid}, at {url}" in said
        assert server.end(signal.SIGTERM) == 0


def test_who_was_erased_stays_erased_and_the_number_goes_back(data_folder: Path, tmp_path: Path) -> None:
    user = ObjectId()
    dump = tmp_path / "dump" / "callgenie"
    dump.mkdir(parents=True)
    lines = {
        "users": {"_id": user, "email": "gone@example.com"},
        "phonenumbers": {"_id": "+14155550100", "state": "assigned", "userId": user, "assignedAt": NOW},
    }
    for name, document in lines.items():
        (dump / f"{name}.bson").write_bytes(encode(document))
    (data_folder / ERASURES_FILE).write_text(json.dumps({"userId": str(user), "at": "2026-01-01T00:00:00Z"}) + "\n")
    code, said = said_by("restore", tmp_path / "dump", "--data-dir", data_folder)
    assert code == 0, said
    assert "1 of them left out again" in said
    assert said_by("backup", tmp_path / "out", "--data-dir", data_folder)[0] == 0
    with (tmp_path / "out" / "callgenie" / "phonenumbers.bson").open("rb") as file:
        [number] = decode_file_iter(file)
    assert number["state"] == "quarantine"
    assert "userId" not in number
    assert (tmp_path / "out" / "callgenie" / "users.bson").read_bytes() == b""
