"""The demo as a process: what it leaves behind when it is ended in the middle."""

import signal
import time
from pathlib import Path

import psutil
import pytest
from tests.support.processes import Running, becomes_true, lives, running

from callgenie.mongo.folder import DataFolder


def descendants_while_on_the_line(demo: Running, data_folder: Path) -> list[psutil.Process]:
    demo.wait_for("· A caller dials")
    assert DataFolder(data_folder).server() is not None
    return psutil.Process(demo.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_demo_that_is_ended_leaves_no_server_behind(number: signal.Signals, data_folder: Path) -> None:
    with running("callgenie", "demo", "--data-dir", data_folder) as demo:
        processes = descendants_while_on_the_line(demo, data_folder)
        assert len(processes) >= 4, "two watchers, the server and its mongod"
        demo.end(number)
        assert becomes_true(lambda: not any(lives(process) for process in processes))


def test_a_recording_that_cannot_be_played_is_refused_before_anything_is_started(data_folder: Path) -> None:
    recording = data_folder / "song.wav"
    recording.write_text("not a recording", encoding="utf-8")
    began = time.monotonic()
    with running("callgenie", "demo", "--data-dir", data_folder / "demo", "--caller", recording) as demo:
        assert demo.end() == 65
    assert "song.wav" in "".join(demo.said)
    assert "Starting the server" not in "".join(demo.said)
    assert not (data_folder / "demo" / "db").exists()
    assert time.monotonic() - began < 30
