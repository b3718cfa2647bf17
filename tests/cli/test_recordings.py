"""What the commands do with recordings: `backup`, `restore`, `recordings orphans` and `doctor`, as they are typed."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pydantic import ValidationError
from pymongo import MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.processes import running
from tests.support.s3_server import KEY_ID, SECRET, s3_server

from callgenie.cli.doctor.models import Verdict
from callgenie.cli.doctor.recordings import check_recordings
from callgenie.kernel.ids import SessionId, UserId
from callgenie.lifecycle.erasure_log import ERASURES_FILE
from callgenie.recordings.models import Label
from callgenie.recordings.spill import SPILL_FOLDER, SpillFolder
from callgenie.settings import Settings

OWNER, GONE = str(ObjectId()), str(ObjectId())
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def said_by(*arguments: object, **environment: str) -> tuple[int, str]:
    with running("callgenie", *arguments, **environment) as command:
        return command.end(), "\n".join(command.said)


@pytest.fixture
def elsewhere(mongodb_uri: str) -> Iterator[str]:
    """Another database, in which nothing is."""
    name = f"cli{ObjectId()}"
    uri = mongodb_uri.replace("/callgenie?", f"/{name}?")
    with MongoClient[Any](uri) as client:
        yield uri
        client.drop_database(name)


def key(owner: str, number: int) -> str:
    return f"{owner}/2026/01/{number:032x}.wav"


def record(folder: Path, owner: str, number: int, content: bytes) -> None:
    path = folder / "recordings" / key(owner, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))


def recordings_in(folder: Path) -> dict[str, bytes]:
    place = folder / "recordings"
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_backup_carries_the_recordings_and_a_restore_puts_them_back(
    mongodb_uri: str, elsewhere: str, database: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> None:
    del database
    here, there, out = tmp_path / "here", tmp_path / "there", tmp_path / "out"
    for folder in (here, there):
        folder.mkdir()
    sounds = {key(OWNER, 1): os.urandom(300_000), key(OWNER, 2): b"short", key(GONE, 3): b"of somebody erased since"}
    for number, (name, content) in enumerate(sounds.items(), start=1):
        record(here, name.partition("/")[0], number, content)
    code, said = said_by("backup", out, MONGODB_URI=mongodb_uri, CALLGENIE_DATA_DIR=str(here))
    assert code == 0, said
    assert f"3 recordings (0.3 MB) in {out / 'recordings'}" in said
    assert recordings_in(out) == sounds

    (there / ERASURES_FILE).write_text(json.dumps({"userId": GONE, "at": "2026-01-02T00:00:00Z"}) + "\n")
    record(there, OWNER, 2, b"another call under this key")
    code, said = said_by("restore", out, MONGODB_URI=elsewhere, CALLGENIE_DATA_DIR=str(there))
    assert code == 1
    assert "1 of the recordings" in said
    assert "With --drop" in said
    assert list(recordings_in(there)) == [key(OWNER, 2)]
    with MongoClient[Any](elsewhere) as client:
        assert client.get_default_database()["conversations"].estimated_document_count() == 0

    code, said = said_by("restore", "--drop", out, MONGODB_URI=elsewhere, CALLGENIE_DATA_DIR=str(there))
    assert code == 0, said
    assert "2 recordings (0.3 MB) put back" in said
    assert recordings_in(there) == {name: content for name, content in sounds.items() if not name.startswith(GONE)}


def test_recordings_can_be_left_out_of_a_backup(
    mongodb_uri: str, database: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> None:
    del database
    record(tmp_path, OWNER, 1, b"sound")
    kept = {"MONGODB_URI": mongodb_uri, "CALLGENIE_DATA_DIR": str(tmp_path)}
    code, said = said_by("backup", "--no-recordings", tmp_path / "out", **kept)
    assert code == 0
    assert "recordings (" not in said
    assert not (tmp_path / "out" / "recordings").exists()


def test_what_nobody_names_is_listed_and_deleted_only_when_asked(elsewhere: str, tmp_path: Path) -> None:
    kept = {"MONGODB_URI": elsewhere, "CALLGENIE_DATA_DIR": str(tmp_path)}
    for number in (1, 2, 3):
        record(tmp_path, OWNER, number, b"sound")
    # One is of today, and may be on its way into the record.
    os.utime(tmp_path / "recordings" / key(OWNER, 3))
    (tmp_path / "recordings" / "notes.txt").write_text("not ours")
    started = {"startedAt": datetime(2026, 1, 1, tzinfo=UTC), "periodStart": datetime(2026, 1, 1, tzinfo=UTC)}
    with MongoClient[Any](elsewhere) as client:
        client.get_default_database()["conversations"].insert_one(
            {
                "userId": ObjectId(OWNER),
                "sessionId": "CA1",
                "carrier": "twilio",
                "direction": "inbound",
                "status": "completed",
                "turns": [],
                "turnCount": 0,
                "recording": {"state": "stored", "key": key(OWNER, 1)},
                **started,
            }
        )
    code, said = said_by("recordings", "orphans", **kept)
    assert code == 0, said
    assert "1 recording without a conversation found" in said
    assert key(OWNER, 2) in said
    assert len(recordings_in(tmp_path)) == 4
    assert "1 recording without a conversation deleted" in said_by("recordings", "orphans", "--delete", **kept)[1]
    assert set(recordings_in(tmp_path)) == {key(OWNER, 1), key(OWNER, 3), "notes.txt"}
    assert "0 recordings" in said_by("recordings", "orphans", **kept)[1]


async def test_the_doctor_says_where_recordings_are_and_whether_any_wait(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    [found] = [finding async for finding in check_recordings(settings)]
    assert found.verdict is Verdict.GOOD
    assert str(tmp_path / "recordings") in found.sentence
    label = Label(UserId(OWNER), SessionId("CA1"), datetime(2026, 1, 1, tzinfo=UTC), 8_000, 30)
    SpillFolder(tmp_path / SPILL_FOLDER).begin(label).close()
    [found] = [finding async for finding in check_recordings(settings)]
    assert (found.verdict, "1 recording to be stored" in found.sentence) == (Verdict.HINT, True)


async def test_the_doctor_asks_the_bucket(tmp_path: Path) -> None:
    with s3_server() as server:
        settings = Settings(
            _env_file=None,
            data_dir=tmp_path,
            recordings_url=f"s3://{server.bucket('calls')}/here",
            recordings_s3_endpoint=server.url,
            recordings_s3_key_id=KEY_ID,
            recordings_s3_secret=SECRET,
        )
        [found] = [finding async for finding in check_recordings(settings)]
        assert (found.verdict, "s3://calls/here" in found.sentence) == (Verdict.GOOD, True)
        server.stop()
        [found] = [finding async for finding in check_recordings(settings)]
    assert found.verdict is Verdict.BAD
    assert "RECORDINGS_URL" in found.sentence
    assert SECRET not in found.sentence


@pytest.mark.parametrize(
    "url",
    ["recordings", "file://host/folder", "file:relative", "s3://", "s3://Bad_Bucket", "https://x", "s3://b1x?a=b"],
)
def test_a_place_that_cannot_be_is_refused_at_the_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDINGS_URL", url)
    with pytest.raises(ValidationError, match="RECORDINGS_URL"):
        Settings(_env_file=None)
