"""`callgenie init-db` as it is typed."""

from pathlib import Path

from pymongo import MongoClient
from tests.support.processes import Running, running


def said_by(command: Running) -> tuple[int, list[str]]:
    code = command.end()
    return code, command.said


def test_it_says_what_it_did_and_then_that_nothing_is_left(data_folder: Path) -> None:
    arguments = ("init-db", "--data-dir", data_folder)
    with running("callgenie", *arguments, "--check") as before:
        code, said = said_by(before)
        assert code == 1
        assert "Collection users is missing." in said
    with running("callgenie", *arguments) as first:
        code, said = said_by(first)
        assert code == 0
        assert any(line.startswith("Created collection users with") for line in said)
    with running("callgenie", *arguments) as second:
        assert said_by(second)[0] == 0
        assert second.said[-1] == "The database is as it should be."
    with running("callgenie", *arguments, "--check") as after:
        assert said_by(after)[0] == 0


def test_it_works_on_the_database_that_the_server_runs(data_folder: Path) -> None:
    with running("tests.support.little_server", data_folder, 0) as server:
        server.wait_for("ready")
        with running("callgenie", "init-db", CALLGENIE_DATA_DIR=str(data_folder)) as command:
            assert said_by(command) == (0, ["The database is as it should be."])


def test_it_works_on_a_database_elsewhere(data_folder: Path, mongodb_uri: str) -> None:
    elsewhere = mongodb_uri.replace("/callgenie?", "/another?")
    try:
        with running("callgenie", "init-db", "--data-dir", data_folder, MONGODB_URI=elsewhere) as command:
            assert said_by(command)[0] == 0
        assert list(data_folder.iterdir()) == []
    finally:
        with MongoClient[dict[str, object]](elsewhere) as client:
            client.drop_database("another")


def test_a_database_that_is_away_is_one_sentence(data_folder: Path) -> None:
    uri = "mongodb://app:s3cret@127.0.0.1:1/callgenie?serverSelectionTimeoutMS=300"
    with running("callgenie", "init-db", "--data-dir", data_folder, MONGODB_URI=uri) as command:
        code, said = said_by(command)
    assert code == 69
    # A driver that is closed while it connects may leave its socket to the interpreter, which warns here and nowhere
    # else: only tests turn warnings on.
    ours = [line for line in said if not line.startswith(("Exception ignored", "ResourceWarning"))]
    assert ours[-1].startswith("Error: The database at 127.0.0.1:1 does not answer.")
    assert len(ours) == 2
    assert "s3cret" not in str(said)


def test_a_missing_mongod_is_one_sentence(data_folder: Path) -> None:
    with running("callgenie", "init-db", "--data-dir", data_folder, CALLGENIE_MONGOD="/no/mongod") as command:
        code, said = said_by(command)
    assert code == 65
    assert said == ["Error: CALLGENIE_MONGOD is /no/mongod, which is not a program that can be run."]
