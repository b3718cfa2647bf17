"""The object store, over a folder and over a bucket of a real S3 server on this machine: both behave the same."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.s3_server import S3Server, s3_server

from callgenie.recordings.errors import RecordingNotFoundError, RecordingStoreUnavailableError
from callgenie.recordings.object_store import ObjectStore
from callgenie.recordings.obstore_objects import FolderObjects

KEY = "65f0c0ffee65f0c0ffee65f0/2026/11/0123456789abcdef.wav"
# More than one part of an upload.
LARGE = 11_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(params=["folder", "s3", "s3 under a prefix"])
def store(request: pytest.FixtureRequest, server: S3Server, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderObjects(tmp_path / "not" / "there yet")
    bucket = server.bucket(f"calls-{os.urandom(4).hex()}")
    return server.objects(bucket, "pre/fix" if "prefix" in request.param else "")


def file_of(tmp_path: Path, content: bytes, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


async def read(store: ObjectStore, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in store.read(key, start, end)])


async def test_what_was_put_is_found_and_read_byte_for_byte(store: ObjectStore, tmp_path: Path) -> None:
    content = os.urandom(LARGE)
    await store.put(KEY, file_of(tmp_path, content))
    found = await store.find(KEY)
    assert found is not None
    assert (found.key, found.bytes) == (KEY, LARGE)
    assert found.version
    assert await read(store, KEY, 0, LARGE) == content


async def test_a_large_object_comes_in_pieces(store: ObjectStore, tmp_path: Path) -> None:
    await store.put(KEY, file_of(tmp_path, os.urandom(LARGE)))
    sizes = [len(piece) async for piece in store.read(KEY, 0, LARGE)]
    assert sum(sizes) == LARGE
    assert max(sizes) < 2**20


async def test_any_part_can_be_read(store: ObjectStore, tmp_path: Path) -> None:
    content = os.urandom(1_000)
    await store.put(KEY, file_of(tmp_path, content))
    for start, end in ((0, 1), (10, 500), (999, 1_000), (500, 5_000), (0, 0), (7, 3)):
        assert await read(store, KEY, start, end) == content[start : max(start, end)]


async def test_putting_again_replaces_and_shows(store: ObjectStore, tmp_path: Path) -> None:
    await store.put(KEY, file_of(tmp_path, b"before"))
    before = await store.find(KEY)
    await store.put(KEY, file_of(tmp_path, b"after!"))
    after = await store.find(KEY)
    assert before is not None
    assert after is not None
    assert before.version != after.version
    assert await read(store, KEY, 0, 6) == b"after!"


async def test_an_empty_file_is_a_file(store: ObjectStore, tmp_path: Path) -> None:
    await store.put(KEY, file_of(tmp_path, b""))
    found = await store.find(KEY)
    assert found is not None
    assert found.bytes == 0
    assert await read(store, KEY, 0, 0) == b""


async def test_what_is_not_there_is_not_found_and_can_be_deleted(store: ObjectStore) -> None:
    assert await store.find(KEY) is None
    with pytest.raises(RecordingNotFoundError):
        await read(store, KEY, 0, 10)
    await store.delete(KEY)


async def test_what_was_deleted_is_gone_and_its_neighbour_is_not(store: ObjectStore, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        await store.put(f"u1/2026/11/{name}", file_of(tmp_path, b"x"))
    await store.delete("u1/2026/11/a.wav")
    await store.delete("u1/2026/11/a.wav")
    assert await store.find("u1/2026/11/a.wav") is None
    assert [found.key async for found in store.under("u1")] == ["u1/2026/11/b.wav"]


async def test_a_prefix_ends_where_a_word_ends(store: ObjectStore, tmp_path: Path) -> None:
    keys = {"u1/2026/11/a.wav", "u1/2026/12/b.wav", "u10/2026/11/c.wav"}
    for key in keys:
        await store.put(key, file_of(tmp_path, b"x"))
    assert {found.key async for found in store.under("u1")} == {"u1/2026/11/a.wav", "u1/2026/12/b.wav"}
    assert {found.key async for found in store.under("u1/2026/11")} == {"u1/2026/11/a.wav"}
    assert {found.key async for found in store.under("")} == keys
    assert [found async for found in store.under("nobody")] == []


async def test_more_than_one_page_is_listed_whole(store: ObjectStore, tmp_path: Path) -> None:
    file = file_of(tmp_path, b"x")
    for number in range(520):
        await store.put(f"u1/{number:04}.wav", file)
    assert len({found.key async for found in store.under("u1")}) == 520


async def test_a_file_that_cannot_be_read_is_refused_and_nothing_is_kept(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(RecordingStoreUnavailableError):
        await store.put(KEY, tmp_path / "missing")
    assert await store.find(KEY) is None


async def test_a_bucket_that_is_not_there_and_a_server_that_is_away_are_told(tmp_path: Path) -> None:
    with s3_server() as own:
        missing = own.objects("nobody-made-this")
        with pytest.raises(RecordingStoreUnavailableError):
            await missing.put(KEY, file_of(tmp_path, b"x"))
        store = own.objects(own.bucket("calls"))
        own.stop()
        with pytest.raises(RecordingStoreUnavailableError) as refused:
            await store.find(KEY)
        assert str(own.port) not in refused.value.detail
        for attempt in (store.put(KEY, file_of(tmp_path, b"x")), store.delete(KEY), read(store, KEY, 0, 1)):
            with pytest.raises(RecordingStoreUnavailableError):
                await attempt
        with pytest.raises(RecordingStoreUnavailableError):
            assert [found async for found in store.under("")]
        own.start()
        await store.put(KEY, file_of(tmp_path, b"back"))
        assert await read(store, KEY, 0, 4) == b"back"


async def test_nobody_else_on_the_machine_may_look_into_the_folder(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "recordings")
    await store.put(KEY, file_of(tmp_path, b"x"))
    assert stat.S_IMODE((tmp_path / "recordings").stat().st_mode) == 0o700


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    file_of(tmp_path, b"", "in the way")
    store = FolderObjects(tmp_path / "in the way" / "recordings")
    with pytest.raises(RecordingStoreUnavailableError):
        await store.put(KEY, file_of(tmp_path, b"x"))


async def test_only_putting_makes_the_folder(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "recordings")
    await store.delete(KEY)
    assert await store.find(KEY) is None
    assert [found async for found in store.under("")] == []
    assert not store._folder.exists()
