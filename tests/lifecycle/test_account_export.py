"""What is kept about a user, to take away: whole, theirs alone, and without secrets."""

import io
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from bson import ObjectId
from tests.support.accounts import assert_problem
from tests.support.kept_recording import recorded
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.lifecycle.archive import zip_of
from callgenie.mongo.client import Database
from callgenie.mongo.schema import COLLECTIONS

PATH = "/api/user/export"


@pytest.fixture
async def app(connected: Database, tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, data_dir=tmp_path) as served:
        yield served


async def exported(app: WholeApi, token: str) -> tuple[ZipFile, str]:
    answer = await app.call("GET", PATH, token=token)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="callgenie-export.zip"'
    archive = ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive, "".join(archive.read(name).decode() for name in archive.namelist())


def lines(archive: ZipFile, collection: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"{collection}.jsonl").decode().split("\n")[:-1]]


async def test_it_holds_everything_of_the_user_and_nothing_of_others(app: WholeApi) -> None:
    owner = await app.register(phone="+14155550177")
    other = await app.register("other@example.com")
    for who, said in ((owner, "when is the bakery open"), (other, "where is my bicycle")):
        body = {"sessionId": "s", "phoneNumber": "+14155550188", "userMessage": said, "aiResponse": "ü\n\u2028"}
        await app.call(
            "POST",
            "/api/user/conversations",
            token=who["accessToken"],
            json=body | {"duration": 30, "status": "completed", "metrics": {"tokens": 7}},
        )
    archive, text = await exported(app, owner["accessToken"])
    assert lines(archive, "users")[0]["email"] == "owner@example.com"
    assert lines(archive, "userprofiles")[0]["subscription"]["plan"] == "free"
    assert lines(archive, "usage")[0]["seconds"] == 30
    conversation = lines(archive, "conversations")[0]
    assert [turn["text"] for turn in conversation["turns"]] == ["when is the bakery open", "ü\n\u2028"]
    assert (conversation["userId"], conversation["startedAt"][-1]) == (owner["user"]["id"], "Z")
    assert conversation["metrics"] == {"tokens": 7}
    assert lines(archive, "phonenumbers") == []
    assert other["user"]["id"] not in text
    assert "bicycle" not in text


async def test_no_hash_and_no_secret_is_in_it(app: WholeApi) -> None:
    owner = await app.register()
    user_id, token = owner["user"]["id"], owner["accessToken"]
    key = await app.call(
        "POST",
        "/api/user/api-keys",
        token=token,
        json={"name": "till", "scopes": ["usage:read"]},
        headers={"Idempotency-Key": "k1"},
    )
    assert key.status_code == 201, key.text
    secrets = {"passwordHash", "hash", "refreshHash", "parentHash", "secretKey", "resetToken", "token"}
    for declared in COLLECTIONS:
        if "userId" in declared.properties and declared.name != "conversations":
            planted = {name: f"canary {name}" for name in secrets}
            deep = {"inner": [{"tokenHash": "canary inner"}]}
            # What a mail or an answer to a repeated request says may be a secret whatever its field is called.
            told = {"answer": {"body": "canary answer"}} if declared.name in {"idempotency", "tokens"} else {}
            await app.whole.database.db[declared.name].update_one(
                {"userId": ObjectId(user_id)},
                {"$set": planted | deep | told, "$setOnInsert": {"_id": f"planted in {declared.name}"}},
                upsert=True,
                bypass_document_validation=True,
            )
    _, text = await exported(app, token)
    assert "till" in text
    assert "canary" not in text
    for document in await app.whole.database.db["users"].find({}, {"passwordHash": 1}).to_list():
        assert document["passwordHash"] not in text
    for secret in (key.json()["key"], owner["refreshToken"], token):
        assert secret not in text


async def test_it_holds_the_users_recordings_and_nobody_elses(app: WholeApi, tmp_path: Path) -> None:
    mine = await recorded(app, tmp_path)
    await recorded(app, tmp_path, email="other@example.com", number="+14155550101", seconds=5)
    answer = await app.call("GET", PATH, token=mine.token)
    archive = ZipFile(io.BytesIO(answer.content))
    key = lines(archive, "conversations")[0]["recording"]["key"]
    sounds = [name for name in archive.namelist() if name.endswith(".wav")]
    assert sounds == [key.replace(mine.user_id, "recordings")]
    assert archive.read(sounds[0]) == mine.sound


async def test_a_store_of_recordings_that_is_away_is_told_before_anything_is_sent(
    connected: Database, tmp_path: Path
) -> None:
    away: dict[str, Any] = {"recordings_url": "s3://calls", "recordings_s3_endpoint": "http://127.0.0.1:9"}
    keys: dict[str, Any] = {"recordings_s3_key_id": "k", "recordings_s3_secret": "s"}
    async with serving_everything(connected, data_dir=tmp_path, **away, **keys) as there:
        token = str((await there.register())["accessToken"])
        assert_problem(await there.call("GET", PATH, token=token), 503, "recording_store_unavailable")


async def test_it_is_for_the_signed_in_only(app: WholeApi) -> None:
    assert (await app.call("GET", PATH)).status_code == 401


async def test_a_large_archive_is_sent_in_pieces_and_never_held_whole() -> None:
    noise = os.urandom(50_000)

    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield noise

    async def files() -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        for name, count in (("a.jsonl", 60), ("empty.jsonl", 0), ("b.jsonl", 3)):
            yield name, pieces(count)

    sent = [piece async for piece in zip_of(files(), at=datetime(2026, 1, 1, 12, tzinfo=UTC))]
    assert max(len(piece) for piece in sent) < 200_000
    archive = ZipFile(io.BytesIO(b"".join(sent)))
    assert archive.namelist() == ["a.jsonl", "empty.jsonl", "b.jsonl"]
    assert archive.read("a.jsonl") == noise * 60
    assert archive.read("empty.jsonl") == b""
