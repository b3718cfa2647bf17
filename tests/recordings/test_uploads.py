"""From the disk to the object store, whatever happens in between."""

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.metering import Office
from tests.support.recording_studio import Studio, sides_of, studio
from tests.support.s3_server import s3_server
from tests.support.spilled_call import RATE, ended_call, recording_of, spilled

from callgenie.calls.models import AnsweredCall
from callgenie.kernel.child_process import ChildProcess
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import RecordingFault
from callgenie.recordings.errors import RecordingStoreUnavailableError
from callgenie.recordings.models import Label
from callgenie.recordings.obstore_objects import FolderObjects
from callgenie.recordings.spill import SpilledRecording, SpillFolder
from callgenie.recordings.store import RecordingStates
from callgenie.recordings.uploads import Uploads

CRASH = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from callgenie.recordings.models import Label
from callgenie.recordings.spill import SpillFolder

user, session, folder = sys.argv[1:]
label = Label(user, session, datetime(2026, 11, 26, tzinfo=UTC), 8_000, 30)
writer = SpillFolder(Path(folder)).begin(label)
for second in range(5):
    writer.write(bytes([0, 16]) * 8_000, b"")
print("writing", flush=True)
sys.stdin.read()
"""


async def test_a_process_that_dies_leaves_a_recording_that_the_next_one_stores(office: Office, desk: Studio) -> None:
    await office.owner()
    call = await office.answered("CA1")
    command = [sys.executable, "-c", CRASH, call.user_id, "CA1", str(desk.folder / "waiting")]
    async with await ChildProcess.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"writing\n"
        await desk.uploads(office.db).round()
        assert desk.stored() == [], "it is still being written"
        process.kill()
        await process.wait()
    await desk.uploads(office.db).round()
    [file] = desk.stored()
    assert (await recording_of(office))["seconds"] == 5
    caller, _, rate = sides_of(file)
    assert (len(caller), rate) == (5 * RATE, RATE)
    assert (caller == 16 * 256).all()
    assert desk.files() == [file]


async def test_many_workers_store_each_recording_once(office: Office, desk: Studio) -> None:
    for number in range(5):
        spilled(desk, await ended_call(office, f"CA{number}"))
    workers = [desk.uploads(office.db) for _ in range(4)]
    await asyncio.gather(*(worker.round() for worker in workers))
    assert len(desk.stored()) == 5
    for number in range(5):
        assert (await recording_of(office, f"CA{number}"))["state"] == "stored"
    assert desk.files() == desk.stored()


async def test_while_the_store_is_away_recordings_wait_and_then_all_are_stored(office: Office, tmp_path: Path) -> None:
    with s3_server() as server:
        store = server.objects(server.bucket("calls"), "here")
        server.stop()
        with studio(tmp_path, store) as desk:
            labels = [spilled(desk, await ended_call(office, f"CA{number}")) for number in range(3)]
            uploads = desk.uploads(office.db)
            for _ in range(2):
                with pytest.raises(RecordingStoreUnavailableError):
                    await uploads.round()
                assert uploads.waiting == 3
            assert await recording_of(office, "CA0") == {}
            server.start()
            await uploads.round()
            assert uploads.waiting == 0
            assert desk.files() == []
        assert {found.key async for found in store.under("")} == {label.key for label in labels}
        for number in range(3):
            assert (await recording_of(office, f"CA{number}"))["state"] == "stored"


class CrashError(Exception):
    pass


class Crashing(FolderObjects):
    """Dies when it has stored, before anybody can write down that it has."""

    async def put(self, key: str, file: Path) -> None:
        await super().put(key, file)
        raise CrashError


async def test_dying_between_the_store_and_the_record_is_made_good(office: Office, desk: Studio) -> None:
    spilled(desk, await ended_call(office))
    with studio(desk.folder, Crashing(desk.folder / "store")) as dying:
        await dying.uploads(office.db).round()
    [before] = desk.stored()
    assert await recording_of(office) == {}
    await desk.uploads(office.db).round()
    assert desk.files() == [before]
    assert (await recording_of(office))["state"] == "stored"


async def test_the_recording_of_a_deleted_conversation_is_never_stored(office: Office, desk: Studio) -> None:
    call = await ended_call(office)
    spilled(desk, call)
    await office.conversations.delete(call.user_id, call.session_id)
    await desk.uploads(office.db).round()
    assert desk.files() == []


class Deleting(FolderObjects):
    """Something else happens while an upload is on its way."""

    def __init__(self, folder: Path, office: Office, call: AnsweredCall) -> None:
        super().__init__(folder)
        self._office = office
        self._call = call

    async def put(self, key: str, file: Path) -> None:
        await super().put(key, file)
        await self._office.conversations.delete(self._call.user_id, self._call.session_id)


async def test_a_conversation_deleted_during_the_upload_takes_its_recording_along(office: Office, desk: Studio) -> None:
    call = await ended_call(office)
    spilled(desk, call)
    with studio(desk.folder, Deleting(desk.folder / "store", office, call)) as slow:
        await slow.uploads(office.db).round()
    assert desk.files() == []


class SlowDisk(SpillFolder):
    """Has claimed a recording, and takes its time to say so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.claimed, self.go_on = threading.Event(), threading.Event()

    def claim(self, name: str) -> SpilledRecording | None:
        found = super().claim(name)
        self.claimed.set()
        self.go_on.wait()
        return found


class EndlessStore(FolderObjects):
    """Takes a recording, and never has it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked = asyncio.Event()

    async def put(self, key: str, file: Path) -> None:
        del key, file
        self.asked.set()
        await asyncio.Event().wait()


async def test_the_last_round_stores_what_a_cancelled_one_was_about_to_claim(office: Office, desk: Studio) -> None:
    spilled(desk, await ended_call(office))
    disk = SlowDisk(desk.folder / "waiting")
    uploads = Uploads(disk, desk.store, RecordingStates(office.db), desk.threads)
    cancelled = asyncio.create_task(uploads.round())
    await asyncio.to_thread(disk.claimed.wait)
    cancelled.cancel()
    await asyncio.wait({cancelled})
    last = asyncio.create_task(uploads.round())
    await asyncio.sleep(0)
    disk.go_on.set()
    await last
    assert len(desk.stored()) == 1
    assert desk.files() == desk.stored()


async def test_a_round_that_is_cancelled_during_an_upload_lets_go_of_it(office: Office, desk: Studio) -> None:
    spilled(desk, await ended_call(office))
    store = EndlessStore(desk.folder / "store")
    uploads = Uploads(desk.spill, store, RecordingStates(office.db), desk.threads)
    cancelled = asyncio.create_task(uploads.round())
    await store.asked.wait()
    cancelled.cancel()
    await asyncio.wait({cancelled})
    await desk.uploads(office.db).round()
    assert len(desk.stored()) == 1
    assert desk.files() == desk.stored()
    assert cancelled.cancelled()


class WithoutAnswer(RecordingStates):
    """The database goes away between the upload and the word that it is done."""

    async def store(self, label: Label, *, seconds: int, size_bytes: int) -> bool:
        raise UnavailableError(f"The database is away, with {seconds} s and {size_bytes} bytes of {label.key} to note.")


async def test_what_an_upload_has_left_in_the_store_goes_with_a_conversation_deleted_since(
    office: Office, desk: Studio
) -> None:
    call = await ended_call(office)
    label = spilled(desk, call)
    with pytest.raises(UnavailableError):
        await Uploads(desk.spill, desk.store, WithoutAnswer(office.db), desk.threads).round()
    assert [file.name for file in desk.stored()] == [label.key.rpartition("/")[2]]
    await office.conversations.delete(call.user_id, call.session_id)
    await desk.uploads(office.db).round()
    assert desk.files() == []


async def test_what_was_given_up_before_there_was_a_sound_says_why(office: Office, desk: Studio) -> None:
    spilled(desk, await ended_call(office), seconds=0, fault=RecordingFault.DISK_ERROR)
    await desk.uploads(office.db).round()
    assert await recording_of(office) == {"state": "failed", "fault": "disk-error"}
    assert desk.files() == []


async def test_a_label_that_cannot_be_read_is_put_aside_and_told_once(
    office: Office, desk: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    label = spilled(desk, await ended_call(office))
    waiting = desk.folder / "waiting"
    (waiting / "0-damaged.json").write_bytes(b"{")
    (waiting / "0-damaged.wav").write_bytes(b"sound")
    uploads = desk.uploads(office.db)
    capsys.readouterr()
    for _ in range(3):
        await uploads.round()
        assert uploads.waiting == 0
    assert [file.name for file in desk.stored()] == [label.key.rpartition("/")[2]]
    aside = waiting / "0-damaged.json.unreadable"
    assert desk.spill.unreadable() == [aside]
    assert (waiting / "0-damaged.wav.unreadable").read_bytes() == b"sound"
    (told,) = (line for line in "".join(capsys.readouterr()).splitlines() if "spill_unreadable" in line)
    assert str(aside) in told


def test_one_call_has_one_recording(tmp_path: Path) -> None:
    spill = SpillFolder(tmp_path)
    label = Label("u" * 24, SessionId("../../etc/passwd"), datetime(2026, 11, 26, tzinfo=UTC), RATE, 30)  # type: ignore[arg-type] # as it comes from a carrier
    writer = spill.begin(label)
    with pytest.raises(FileExistsError):
        spill.begin(label)
    assert {path.parent for path in tmp_path.rglob("*")} == {tmp_path}
    assert spill.waiting() == 0
    writer.close()
    assert spill.waiting() == 1
    found = spill.claim(spill.names()[0])
    assert found is not None
    assert found.label == label
    assert spill.claim(spill.names()[0]) is None
    found.remove()
    assert spill.names() == []
