"""The embedded database as processes see it: killed, started again, shared."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect
from tests.support.processes import LET_GO, PATIENCE_SECONDS, Running, becomes_true, lives, running, started

from callgenie.mongo import watcher
from callgenie.mongo.folder import DataFolder

USER = "tests.support.database_user"


def mongod_of(owner: Running) -> psutil.Process:
    [process] = [found for found in owner.descendants("mongod") if found.name() == "mongod"]
    return process


def watcher_of(owner: Running) -> psutil.Process:
    [process] = owner.descendants("watcher.py")
    return process


def test_a_killed_owner_leaves_no_mongod_and_a_folder_that_starts_again(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        owner.wait_for("ready")
        mongod, watching = mongod_of(owner), watcher_of(owner)
        owner.end(signal.SIGKILL)
        assert becomes_true(lambda: not lives(mongod) and not lives(watching))
    with running(USER, data_folder, "serve", "leave") as again:
        assert again.wait_for("starts") == "2"
        assert again.end() == 0


def test_a_folder_starts_again_at_once_after_its_owner_was_killed(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        owner.wait_for("ready")
        mongod = mongod_of(owner)
        owner.process.send_signal(signal.SIGKILL)
        with running(USER, data_folder, "serve", "leave") as again:
            again.wait_for("done")
            assert again.end() == 0
        assert not lives(mongod)


def test_a_clean_end_leaves_nothing_running_and_nothing_to_join(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        owner.wait_for("ready")
        mongod = mongod_of(owner)
        assert owner.end(LET_GO) == 0
        assert not lives(mongod)
    folder = DataFolder(data_folder)
    assert not folder.database_runs()
    assert folder.join() is None
    assert not (data_folder / "database.json").exists()


def test_ctrl_c_in_a_terminal_does_not_reach_the_database(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        owner.wait_for("ready")
        # A terminal signals the group of the program that it runs.
        groups = {os.getpgid(process.pid) for process in (mongod_of(owner), watcher_of(owner))}
        assert os.getpgid(owner.pid) not in groups


def test_a_killed_watcher_costs_a_restart_and_no_data(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        owner.wait_for("ready")
        first, watching = mongod_of(owner), watcher_of(owner)
        watching.kill()
        assert becomes_true(lambda: not lives(first))
        owner.let_go()
        owner.wait_for("done")
        assert owner.end() == 0
    assert not DataFolder(data_folder).database_runs()


def _count_once_recovered(client: MongoClient[dict[str, Any]]) -> int:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return client["callgenie"]["starts"].count_documents({})
        except AutoReconnect:
            # It answers before it has recovered, and the driver repeats a read only once.
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_a_killed_mongod_is_started_again(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        uri = owner.wait_for("ready")
        mongod_of(owner).kill()
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=PATIENCE_SECONDS * 1_000) as client:
            assert _count_once_recovered(client) == 1
        owner.let_go()
        owner.wait_for("done")
        assert owner.end() == 0


def test_an_orphan_of_a_run_whose_watcher_and_owner_were_killed_is_ended_first(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        owner.wait_for("ready")
        orphan, watching = mongod_of(owner), watcher_of(owner)
        owner.process.send_signal(signal.SIGSTOP)
        watching.kill()
        owner.end(signal.SIGKILL)
        assert lives(orphan)
    with running(USER, data_folder, "serve", "leave") as again:
        assert again.wait_for("starts") == "2"
        assert again.end() == 0
    assert not lives(orphan)


def test_a_second_server_on_the_same_folder_is_refused_in_one_sentence(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        owner.wait_for("ready")
        with running(USER, data_folder, "serve", "leave") as second:
            said = second.wait_for("refused")
            assert second.end() == 3
        assert said.startswith("data_folder_in_use CallGenie already runs")
        assert f"process {owner.pid}" in said
        assert str(data_folder) in said


def test_a_command_joins_the_server_that_runs(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "stay") as owner:
        owner.wait_for("ready")
        with running(USER, data_folder, "command", "leave") as command:
            assert command.wait_for("starts") == "2"
            assert command.end() == 0
        assert lives(mongod_of(owner))


def test_a_server_waits_for_a_command_and_then_starts(data_folder: Path) -> None:
    with running(USER, data_folder, "command", "stay") as command:
        command.wait_for("ready")
        with running(USER, data_folder, "serve", "leave") as server:
            server.wait_for("progress Waiting for process")
            command.let_go()
            # The command wrote once more before it let go.
            assert server.wait_for("starts") == "3"
            assert server.end() == 0
        assert command.end() == 0


def test_a_command_that_runs_the_database_waits_for_one_that_joined(data_folder: Path) -> None:
    with running(USER, data_folder, "command", "stay") as first:
        first.wait_for("ready")
        with running(USER, data_folder, "command", "stay") as second:
            second.wait_for("ready")
            first.let_go()
            first.wait_for("progress Waiting for another command")
            second.let_go()
            second.wait_for("done")
            assert second.end() == 0
        assert first.end() == 0
    assert not DataFolder(data_folder).database_runs()


def test_commands_that_start_at_once_share_one_database(data_folder: Path) -> None:
    with (
        running(USER, data_folder, "command", "stay") as one,
        running(USER, data_folder, "command", "stay") as two,
        running(USER, data_folder, "command", "stay") as three,
    ):
        together = (one, two, three)
        for each in together:
            each.wait_for("ready")
        for each in together:
            each.let_go()
        assert [each.end() for each in together] == [0, 0, 0]
    with running(USER, data_folder, "command", "leave") as last:
        # Each of the three left two documents.
        assert last.wait_for("starts") == "7"


def test_a_mongod_that_cannot_start_is_told_with_its_reason(data_folder: Path) -> None:
    with running(USER, data_folder, "serve", "leave") as first:
        assert first.end() == 0
    (data_folder / "db" / "WiredTiger.turtle").write_bytes(b"nonsense")
    with running(USER, data_folder, "serve", "leave") as second:
        said = second.wait_for("refused")
        assert second.end() == 3
    assert said.startswith("mongod_failed The embedded MongoDB ended while starting: ")
    assert "WiredTiger" in said
    assert str(data_folder / "log" / "mongod.log") in said


def test_a_data_folder_that_cannot_be_made_is_one_sentence(data_folder: Path) -> None:
    (data_folder / "file").write_text("in the way")
    with running(USER, data_folder / "file" / "data", "serve", "leave") as user:
        assert user.wait_for("refused").startswith("data_folder_unusable The data folder")


def test_a_data_folder_with_too_long_a_path_is_one_sentence(data_folder: Path) -> None:
    with running(USER, data_folder / ("x" * 100), "serve", "leave") as user:
        assert "is too long" in user.wait_for("refused data_folder_unusable")


@pytest.mark.parametrize("name", ["Übung mit Leerzeichen", "a+b%2F&c?d#e@f:g", "UPPER.sock"])
def test_any_folder_name_works(data_folder: Path, name: str) -> None:
    with running(USER, data_folder / name, "serve", "leave") as user:
        assert user.end() == 0


def test_only_this_user_can_look_into_the_folder(data_folder: Path) -> None:
    place = data_folder / "data"
    with running(USER, place, "serve", "stay") as owner:
        owner.wait_for("ready")
        for path in (place, place / "db", place / "log", place / "mongod.sock"):
            assert path.stat().st_mode & 0o077 == 0, path
        listening = [found for found in mongod_of(owner).net_connections("inet") if found.status == "LISTEN"]
        assert listening == []


def test_a_folder_that_was_moved_starts_again(data_folder: Path) -> None:
    with running(USER, data_folder / "here", "serve", "leave") as first:
        assert first.end() == 0
    (data_folder / "here").rename(data_folder / "there")
    with running(USER, data_folder / "there", "serve", "leave") as second:
        assert second.wait_for("starts") == "3"


def test_the_watcher_kills_a_program_that_does_not_end(data_folder: Path) -> None:
    stubborn = "import signal,time,pathlib,sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    stubborn += "pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
    command = [sys.executable, "-I", "-S", str(watcher.__file__), "0.3", sys.executable, "-c", stubborn]
    flag = data_folder / "started"
    with started(*command, flag, stdin=subprocess.PIPE) as process:
        assert becomes_true(flag.exists)
        begin = time.monotonic()
        assert process.stdin is not None
        process.stdin.close()
        # Left alone, it would end by itself after ten minutes, with 0.
        assert process.wait(PATIENCE_SECONDS) == signal.SIGKILL
        assert time.monotonic() - begin > 0.2


def test_a_server_says_where_it_is_for_as_long_as_it_lives(data_folder: Path) -> None:
    folder = DataFolder(data_folder)
    assert folder.server() is None
    hold = folder.announce_server("http://127.0.0.1:4000")
    assert hold is not None
    running_server = folder.server()
    assert running_server is not None
    assert running_server.url == "http://127.0.0.1:4000"
    assert folder.announce_server("http://127.0.0.1:4001") is None
    hold.release()
    assert (data_folder / "server.json").exists()
    assert folder.server() is None
