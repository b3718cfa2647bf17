"""Hearing a recording over HTTP: by a conversation's own link, in parts, and only while it is there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import assert_problem
from tests.support.kept_recording import CALL, CONVERSATIONS, PATH, Kept, recorded
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.kernel.ids import SessionId
from callgenie.mongo.client import Database


@pytest.fixture
async def app(connected: Database, tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, data_dir=tmp_path) as served:
        yield served


@pytest.fixture
async def kept(app: WholeApi, tmp_path: Path) -> Kept:
    return await recorded(app, tmp_path)


async def test_a_conversation_leads_to_its_recording(kept: Kept) -> None:
    conversation = await kept.conversation()
    assert conversation["audioUrl"].startswith("http://callgenie.test/api/recordings/")
    recording = conversation["recording"]
    remove_at = recording.pop("removeAt")
    assert recording == {"state": "stored", "duration": 3, "bytes": len(kept.sound), "fault": None}
    assert remove_at > conversation["endedAt"]
    answer = await kept.get(conversation["audioUrl"])
    assert (answer.status_code, answer.content) == (200, kept.sound)
    headers = answer.headers
    assert headers["content-type"] == "audio/wav"
    assert headers["cache-control"] == "private, no-store"
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-length"] == str(len(kept.sound))
    assert headers["content-disposition"].startswith('inline; filename="call-20')
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_player_can_jump(kept: Kept) -> None:
    link, size = await kept.link(), len(kept.sound)
    for asked, start, end in (
        ("0-43", 0, 44),
        ("100-", 100, size),
        ("-1000", size - 1_000, size),
        ("5-99999999", 5, size),
    ):
        part = await kept.get(link, Range=f"bytes={asked}")
        assert (part.status_code, part.content) == (206, kept.sound[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["content-length"] == str(end - start)
    behind = await kept.get(link, Range=f"bytes={size}-")
    assert_problem(behind, 416, "range_unsatisfiable")
    assert behind.headers["content-range"] == f"bytes */{size}"
    assert (await kept.get(link, Range="bytes=0-1,5-6")).status_code == 200


async def test_parts_of_two_versions_are_never_put_together(kept: Kept) -> None:
    link = await kept.link()
    tag = (await kept.get(link)).headers["etag"]
    same = await kept.get(link, **{"Range": "bytes=0-9", "If-Range": tag})
    other = await kept.get(link, **{"Range": "bytes=0-9", "If-Range": '"older"'})
    assert (same.status_code, other.status_code) == (206, 200)
    assert other.content == kept.sound


async def test_head_tells_the_length_and_sends_nothing(kept: Kept) -> None:
    answer = await kept.get(await kept.link(), "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(kept.sound))
    assert answer.headers["accept-ranges"] == "bytes"


async def test_a_link_that_was_changed_or_is_too_old_opens_nothing(
    connected: Database, tmp_path: Path, kept: Kept
) -> None:
    link = await kept.link()
    stranger = (await kept.app.register("other@example.com"))["user"]["id"]
    for changed in (
        link.replace(kept.user_id, stranger),
        link.replace("CA%2F1", "CA%2F2"),
        link[:-1] + ("A" if link[-1] != "A" else "B"),
        link.replace("expires=1", "expires=2"),
    ):
        assert changed != link
        for method in ("GET", "HEAD"):
            refused = await kept.get(changed, method)
            assert refused.status_code == 403
        assert_problem(await kept.get(changed), 403, "recording_link_invalid")
    for missing in (link.partition("?")[0], link.partition("&")[0]):
        assert (await kept.get(missing)).status_code == 422
    async with serving_everything(connected, data_dir=tmp_path, recording_link_minutes=1) as other:
        assert_problem(await other.client.get(link + "x"), 403, "recording_link_invalid")


async def test_somebody_elses_conversation_gives_no_link(kept: Kept) -> None:
    stranger = str((await kept.app.register("other@example.com"))["accessToken"])
    assert_problem(await kept.app.call("GET", PATH, token=stranger), 404, "conversation_not_found")
    assert (await kept.app.call("GET", PATH)).status_code == 401


async def test_until_it_is_stored_there_is_nothing_to_hear(app: WholeApi, tmp_path: Path) -> None:
    kept = await recorded(app, tmp_path, store=False)
    conversation = await kept.conversation()
    assert conversation["audioUrl"] is None
    assert conversation["recording"]["state"] == "recording"
    assert conversation["recording"]["removeAt"] is None
    link = app.whole.recordings.links.link_to(kept.user_id, SessionId(CALL))
    assert_problem(await kept.get(link), 404, "recording_not_found")


async def test_a_deleted_conversation_is_not_heard_any_more_and_soon_there_is_no_sound(kept: Kept) -> None:
    link = await kept.link()
    assert (await kept.app.call("DELETE", PATH, token=kept.token)).status_code == 204
    assert_problem(await kept.get(link), 404, "recording_not_found")
    await kept.app.whole.recordings.removals.round()
    assert not list((kept.folder / "recordings").rglob("*.wav"))
    left = await kept.app.db.conversations.find_one({"sessionId": CALL})
    assert left is not None
    assert "recording" not in left


async def test_a_recording_that_the_store_lost_is_not_found(kept: Kept) -> None:
    link = await kept.link()
    [file] = (kept.folder / "recordings").rglob("*.wav")
    file.unlink()
    assert_problem(await kept.get(link), 404, "recording_not_found")


async def test_a_store_that_is_away_is_told_as_such(connected: Database, tmp_path: Path) -> None:
    away: dict[str, Any] = {"recordings_url": "s3://calls", "recordings_s3_endpoint": "http://127.0.0.1:9"}
    keys: dict[str, Any] = {"recordings_s3_key_id": "k", "recordings_s3_secret": "s"}
    async with serving_everything(connected, data_dir=tmp_path) as here:
        kept = await recorded(here, tmp_path)
        link = await kept.link()
        async with serving_everything(connected, data_dir=tmp_path, **away, **keys) as there:
            answer = await there.client.get(link)
    assert_problem(answer, 503, "recording_store_unavailable")
    assert answer.headers["retry-after"]


async def test_lists_lead_to_recordings_as_well(kept: Kept) -> None:
    [item] = (await kept.app.call("GET", CONVERSATIONS, token=kept.token)).json()["data"]
    assert item["recording"]["state"] == "stored"
    assert (await kept.get(item["audioUrl"])).content == kept.sound


async def test_files_show_how_it_stands_and_hold_no_link(kept: Kept) -> None:
    for kind in ("csv", "jsonl"):
        exported = await kept.app.call("GET", f"{CONVERSATIONS}/export?format={kind}", token=kept.token)
        assert "stored" in exported.text
        assert "signature" not in exported.text
