"""Backups carry recordings, byte for byte, between stores of either kind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bson import ObjectId
from tests.support.s3_server import S3Server, s3_server

from callgenie.recordings.backups import RECORDINGS_FOLDER, Copied, put_back_recordings, save_recordings
from callgenie.recordings.errors import RecordingsInTheWayError, RecordingStoreUnavailableError
from callgenie.recordings.object_store import ObjectStore
from callgenie.recordings.obstore_objects import FolderObjects

OWNERS = [str(ObjectId()) for _ in range(3)]
# One of more than a part of an upload, and one of nothing but a header.
RECORDINGS = {
    f"{OWNERS[0]}/2026/10/{1:032x}.wav": os.urandom(6_000_000),
    f"{OWNERS[0]}/2026/11/{2:032x}.wav": os.urandom(44),
    f"{OWNERS[1]}/2026/11/{3:032x}.wav": os.urandom(70_000),
}


class Bars:
    """Adds up what is said of the progress."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.done = 0

    def begin(self, name: str, total: int) -> None:
        self.totals[name] = total

    def advance(self, count: int) -> None:
        self.done += count


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


def store_of(kind: str, server: S3Server, folder: Path) -> ObjectStore:
    if kind == "folder":
        return FolderObjects(folder)
    return server.objects(server.bucket(f"calls-{os.urandom(4).hex()}"), "a/prefix")


def file_with(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


async def fill(store: ObjectStore, scratch: Path, recordings: dict[str, bytes]) -> None:
    for key, content in recordings.items():
        await store.put(key, file_with(scratch, content))


async def content_of(store: ObjectStore) -> dict[str, bytes]:
    return {
        found.key: b"".join([piece async for piece in store.read(found.key, 0, found.bytes)])
        async for found in store.under("")
    }


@pytest.mark.parametrize(("origin", "target"), [("folder", "s3"), ("s3", "folder"), ("s3", "s3"), ("folder", "folder")])
async def test_a_backup_moves_recordings_byte_for_byte(
    server: S3Server, tmp_path: Path, origin: str, target: str
) -> None:
    here, there = store_of(origin, server, tmp_path / "here"), store_of(target, server, tmp_path / "there")
    # What is none of ours stays out of it.
    await fill(here, tmp_path / "scratch", RECORDINGS | {"somebody/elses.txt": b"x"})
    bars = Bars()
    saved = await save_recordings(here, tmp_path / "backup", bars)
    size = sum(map(len, RECORDINGS.values()))
    assert saved == Copied(3, size)
    assert (bars.totals, bars.done) == ({"recordings": size}, size)
    bars = Bars()
    assert await put_back_recordings(there, tmp_path / "backup", bars, replace=False) == Copied(3, size)
    assert bars.done == size
    assert await content_of(there) == RECORDINGS
    # Again: all is there.
    assert await put_back_recordings(there, tmp_path / "backup", Bars(), replace=False) == Copied()


async def test_other_recordings_under_the_same_keys_are_replaced_only_when_asked(tmp_path: Path) -> None:
    here, there = FolderObjects(tmp_path / "here"), FolderObjects(tmp_path / "there")
    await fill(here, tmp_path / "scratch", RECORDINGS)
    await save_recordings(here, tmp_path / "backup", Bars())
    key = next(iter(RECORDINGS))
    other, own = {key: b"another call"}, {f"{OWNERS[2]}/2026/11/{9:032x}.wav": b"made since"}
    await fill(there, tmp_path / "scratch", other | own)
    with pytest.raises(RecordingsInTheWayError, match="1 of the recordings"):
        await put_back_recordings(there, tmp_path / "backup", Bars(), replace=False)
    assert await content_of(there) == other | own
    await put_back_recordings(there, tmp_path / "backup", Bars(), replace=True)
    assert await content_of(there) == RECORDINGS | own


async def test_who_was_erased_is_not_heard_again(tmp_path: Path) -> None:
    here, there = FolderObjects(tmp_path / "here"), FolderObjects(tmp_path / "there")
    await fill(here, tmp_path / "scratch", RECORDINGS)
    await save_recordings(here, tmp_path / "backup", Bars())
    await fill(there, tmp_path / "scratch", {f"{OWNERS[0]}/2026/09/{7:032x}.wav": b"left behind"})
    copied = await put_back_recordings(there, tmp_path / "backup", Bars(), replace=True, forget=[OWNERS[0]])
    assert copied.count == 1
    assert {key.partition("/")[0] for key in await content_of(there)} == {OWNERS[1]}


async def test_a_backup_from_before_there_were_recordings_has_none(tmp_path: Path) -> None:
    there = FolderObjects(tmp_path / "there")
    assert await put_back_recordings(there, tmp_path / "backup", Bars(), replace=False) == Copied()
    assert await save_recordings(there, tmp_path / "backup", Bars()) == Copied()
    assert not there._folder.exists()


async def test_a_recording_that_is_removed_meanwhile_is_left_out(tmp_path: Path) -> None:
    here = FolderObjects(tmp_path / "here")
    await fill(here, tmp_path / "scratch", RECORDINGS)
    first, second, third = sorted(RECORDINGS)

    class Losing(Bars):
        def begin(self, name: str, total: int) -> None:
            super().begin(name, total)
            (tmp_path / "here" / second).unlink()

    saved = await save_recordings(here, tmp_path / "backup", Losing())
    assert saved.count == 2
    kept = tmp_path / "backup" / RECORDINGS_FOLDER
    assert sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*.wav")) == [first, third]


async def test_a_store_that_is_away_is_told(tmp_path: Path) -> None:
    with s3_server() as server:
        store = server.objects(server.bucket("calls"))
        server.stop()
        with pytest.raises(RecordingStoreUnavailableError):
            await save_recordings(store, tmp_path / "backup", Bars())
        with pytest.raises(RecordingStoreUnavailableError):
            await put_back_recordings(store, tmp_path / "backup", Bars(), replace=True)
