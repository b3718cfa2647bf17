"""`callgenie migrate` as it is typed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from tests.support.node_version import NODE_DB, old_pair, old_profile, old_user
from tests.support.processes import Running, running

Node = Database[dict[str, Any]]


@pytest.fixture
def source_uri(mongodb_uri: str) -> Iterator[str]:
    """Where the Node version's database is, with one owner and an orphan in it."""
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        client.drop_database(NODE_DB)
        node, user = client[NODE_DB], old_user()
        node.users.insert_one(user)
        node.userprofiles.insert_one(old_profile(user))
        node.conversations.insert_many([old_pair(user, "CA-1"), old_pair(old_user(), "CA-2")])
        yield mongodb_uri.replace("/callgenie?", f"/{NODE_DB}?")
        client.drop_database(NODE_DB)


def said_by(command: Running) -> tuple[int, str]:
    code = command.end()
    return code, "\n".join(command.said)


def test_it_says_what_it_would_do_then_does_it_and_then_that_it_is_done(data_folder: Path, source_uri: str) -> None:
    arguments = ("migrate", source_uri, "--data-dir", data_folder)
    with running("callgenie", *arguments, "--dry-run") as dry:
        code, said = said_by(dry)
        assert code == 65, said
        assert "Dry run: nothing was written." in said
        assert "exchanges: 2 read, 1 taken, 0 already here, 1 skipped" in said
    with running("callgenie", *arguments) as real:
        code, said = said_by(real)
        assert code == 65, said
        assert "users: 1 read, 1 taken, 0 already here, 0 skipped" in said
        assert "usage: 1 calls and 0.5 minutes" in said
        assert "1 x its user is not there, or was skipped" in said
    with running("callgenie", *arguments) as again:
        _, said = said_by(again)
        assert "users: 1 read, 0 taken, 1 already here, 0 skipped" in said
        assert "exchanges: 2 read, 0 taken, 1 already here, 1 skipped" in said


def test_our_own_database_is_no_source(data_folder: Path, source_uri: str) -> None:
    with running("callgenie", "migrate", source_uri, "--data-dir", data_folder, MONGODB_URI=source_uri) as command:
        code, said = said_by(command)
    assert code == 1
    assert "The source is the database node_version that CallGenie itself would write to." in said


def test_a_source_that_is_away_is_one_sentence(data_folder: Path) -> None:
    uri = "mongodb://app:s3cret@127.0.0.1:1/callgenie?serverSelectionTimeoutMS=300"
    with running("callgenie", "migrate", uri, "--data-dir", data_folder) as command:
        code, said = said_by(command)
    assert code == 69
    assert "Error: The source at 127.0.0.1:1 does not answer." in said
    assert "s3cret" not in said
