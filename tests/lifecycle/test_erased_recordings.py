"""Whoever asks to be forgotten is not heard any more: no sound of theirs is left, stored or on its way."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import PASSWORD, assert_problem
from tests.support.kept_recording import recorded
from tests.support.s3_server import KEY_ID, SECRET, s3_server
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.mongo.client import Database
from callgenie.recordings.errors import RecordingStoreUnavailableError


@pytest.fixture
async def app(connected: Database, tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, data_dir=tmp_path) as served:
        yield served


def files_with(folder: Path, word: str) -> list[str]:
    return [
        path.name
        for path in folder.rglob("*")
        if word in str(path) or (path.is_file() and word in str(path.read_bytes()))
    ]


async def test_no_recording_of_an_erased_user_is_left_and_others_keep_theirs(app: WholeApi, tmp_path: Path) -> None:
    mine = await recorded(app, tmp_path)
    other = await recorded(app, tmp_path, email="other@example.com", number="+14155550101")
    link = await mine.link()
    answer = await app.call("DELETE", "/api/user/account", token=mine.token, json={"password": PASSWORD})
    assert answer.status_code == 202
    assert_problem(await mine.get(link), 404, "recording_not_found")
    # The record of the erasure is what a restored backup is held against.
    assert files_with(tmp_path, mine.user_id) == ["erasures.jsonl"]
    assert (await other.get(await other.link())).status_code == 200


async def test_what_was_on_its_way_is_not_stored_any_more(app: WholeApi, tmp_path: Path) -> None:
    mine = await recorded(app, tmp_path, store=False)
    await app.call("DELETE", "/api/user/account", token=mine.token, json={"password": PASSWORD})
    await app.whole.recordings.uploads.round()
    assert files_with(tmp_path, mine.user_id) == ["erasures.jsonl"]


async def test_an_erasure_waits_for_a_store_that_is_away(connected: Database, tmp_path: Path) -> None:
    with s3_server() as server:
        settings: dict[str, Any] = {
            "recordings_url": f"s3://{server.bucket('calls')}/here",
            "recordings_s3_endpoint": server.url,
            "recordings_s3_key_id": KEY_ID,
            "recordings_s3_secret": SECRET,
        }
        async with serving_everything(connected, data_dir=tmp_path, **settings) as app:
            mine = await recorded(app, tmp_path)
            store = server.objects("calls", "here")
            assert [found async for found in store.under(mine.user_id)]
            owner = await app.whole.users.get(mine.user_id)
            await app.whole.erasures.request(owner, PASSWORD)
            server.stop()
            with pytest.raises(RecordingStoreUnavailableError):
                await app.whole.erasures.carry_on(mine.user_id)
            await app.whole.erasures.round()
            [erasure] = await connected.db["erasures"].find().to_list()
            assert "finishedAt" not in erasure
            assert "purgedAt" not in erasure
            server.start()
            # This server forgets what it kept when it stops; what is left behind is put there again.
            lost = tmp_path / "lost"
            lost.write_bytes(b"sound")
            await store.put(f"{mine.user_id}/2026/11/x.wav", lost)
            await app.whole.erasures.round()
            assert [found async for found in store.under(mine.user_id)] == []
            [erasure] = await connected.db["erasures"].find().to_list()
            assert "purgedAt" in erasure
