"""The server as a process: how it starts, stops, and says what is in its way."""

import json
import shutil
import signal
import socket
import stat
from pathlib import Path

import httpx
import psutil
import pytest
from tests.support.processes import PATIENCE_SECONDS, Running, becomes_true, lives, running

from callgenie.mongo.folder import DataFolder

SERVER = "tests.support.little_server"


def mongod_of(server: Running) -> psutil.Process:
    [process] = [found for found in server.descendants("mongod") if found.name() == "mongod"]
    return process


def ping(url: str) -> str:
    return httpx.get(url, timeout=PATIENCE_SECONDS).text


def test_it_answers_at_the_address_that_it_says(data_folder: Path) -> None:
    with running(SERVER, data_folder, 0) as server:
        url = server.wait_for("ready")
        assert ping(url) == "pong"
        note = DataFolder(data_folder).server()
        assert note is not None
        assert (note.pid, note.url) == (server.pid, url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(data_folder: Path, number: signal.Signals) -> None:
    with running(SERVER, data_folder, 0) as server:
        server.wait_for("ready")
        mongod = mongod_of(server)
        assert server.end(number) == 0
        steps = ["drained", "put away", "stopped"]
        assert [line for line in server.said if line in steps] == steps
        assert not lives(mongod)
        assert not (data_folder / "server.json").exists()


def test_a_server_that_nobody_listens_to_any_more_ends_cleanly_as_well(data_folder: Path) -> None:
    with running("callgenie", "serve", "--port", 0, "--data-dir", data_folder) as server:
        server.wait_for('{"url"')
        mongod = mongod_of(server)
        server.stop_listening()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_SECONDS) == 0
        assert not lives(mongod)


def test_limits_that_are_off_are_said_loudly(data_folder: Path) -> None:
    with running(SERVER, data_folder, 0, RATE_LIMITS="off") as server:
        server.wait_for("progress WARNING: RATE_LIMITS=off")
        server.wait_for("ready")


def test_a_signal_while_it_starts_ends_it_cleanly(data_folder: Path) -> None:
    with running(SERVER, data_folder, 0) as server:
        server.wait_for("progress Starting the database")
        assert server.end(signal.SIGTERM) == 0
        assert "drained" not in server.said
    assert becomes_true(lambda: not DataFolder(data_folder).database_runs())


def test_it_can_be_stopped_when_its_folder_was_deleted(data_folder: Path) -> None:
    place = data_folder / "data"
    with running(SERVER, place, 0) as server:
        server.wait_for("ready")
        mongod = mongod_of(server)
        shutil.rmtree(place)
        assert server.end(signal.SIGTERM) == 0
        assert not lives(mongod)


def test_running_calls_may_finish(data_folder: Path) -> None:
    with running(SERVER, data_folder, 0) as server:
        url = server.wait_for("ready")
        httpx.post(url + "/call", timeout=PATIENCE_SECONDS)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("draining 1")
        # While calls finish the database is there and requests are answered.
        assert ping(url) == "pong"
        server.let_go()
        assert server.end() == 0
        assert "drained" in server.said


def test_a_second_ctrl_c_ends_it_at_once_and_leaves_no_mongod(data_folder: Path) -> None:
    with running(SERVER, data_folder, 0, DRAIN_SECONDS="600") as server:
        url = server.wait_for("ready")
        mongod = mongod_of(server)
        httpx.post(url + "/call", timeout=PATIENCE_SECONDS)
        server.process.send_signal(signal.SIGINT)
        server.wait_for("draining 1")
        assert server.end(signal.SIGINT) == 128 + signal.SIGINT
        assert becomes_true(lambda: not lives(mongod))


def test_a_killed_server_leaves_no_mongod_and_starts_again(data_folder: Path) -> None:
    with running(SERVER, data_folder, 0) as server:
        server.wait_for("ready")
        mongod = mongod_of(server)
        server.end(signal.SIGKILL)
        assert becomes_true(lambda: not lives(mongod))
        assert DataFolder(data_folder).server() is None
    with running(SERVER, data_folder, 0) as again:
        assert ping(again.wait_for("ready")) == "pong"
        assert again.end(signal.SIGTERM) == 0


def test_a_second_server_is_told_who_runs_and_where(data_folder: Path) -> None:
    with running(SERVER, data_folder, 0) as server:
        url = server.wait_for("ready")
        with running(SERVER, data_folder, 0) as second:
            said = second.wait_for("refused data_folder_in_use")
            assert second.end() == 3
        assert f"process {server.pid} and answers at {url}" in said
        assert ping(url) == "pong"


def test_a_taken_port_is_one_sentence_and_starts_nothing(data_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with running(SERVER, data_folder, port) as server:
            said = server.wait_for("refused port_in_use")
            assert server.end() == 3
    assert f"port {port} of 127.0.0.1" in said
    assert not (data_folder / "db").exists()


@pytest.mark.parametrize(
    ("host", "sentence"),
    [("no such host", "is no address to listen on"), ("192.0.2.1", "not an address of this machine")],
)
def test_an_address_that_is_not_ours_is_one_sentence(data_folder: Path, host: str, sentence: str) -> None:
    with running(SERVER, data_folder, 0, CALLGENIE_HOST=host) as server:
        assert sentence in server.wait_for("refused cannot_listen")


def test_it_warns_when_other_machines_can_reach_it(data_folder: Path) -> None:
    with running(SERVER, data_folder, 0, CALLGENIE_HOST="0.0.0.0") as server:  # noqa: S104 -- what the test is about
        said = server.wait_for("progress WARNING")
        assert "PUBLIC_URL and TWILIO_AUTH_TOKEN are not set" in said
        assert server.wait_for("ready").startswith("http://127.0.0.1:")


def test_it_makes_its_secrets_once_and_for_this_user_alone(data_folder: Path) -> None:
    kept = []
    for _ in range(2):
        with running(SERVER, data_folder, 0) as server:
            server.wait_for("ready")
            assert stat.S_IMODE((data_folder / "secrets.json").stat().st_mode) == 0o600
            kept.append(json.loads((data_folder / "secrets.json").read_text()))
            assert server.end(signal.SIGTERM) == 0
    assert kept[0] == kept[1]
    assert set(kept[0]) == {"jwtSecret", "passwordPepper"}


def test_a_database_elsewhere_is_used_and_none_is_started(data_folder: Path, mongodb_uri: str) -> None:
    with running(SERVER, data_folder, 0, MONGODB_URI=mongodb_uri) as server:
        assert ping(server.wait_for("ready")) == "pong"
        assert server.descendants("mongod") == []
        assert any("must have the same two" in line for line in server.said)
        assert server.end(signal.SIGTERM) == 0
    assert [path.name for path in data_folder.iterdir()] == ["secrets.json"]
