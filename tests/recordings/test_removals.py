"""Recordings go when their days are over, when their conversation is deleted, and when nobody has brought them."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.metering import Office
from tests.support.recording_studio import Studio, studio
from tests.support.spilled_call import ended_call, recording_of, spilled

from callgenie.kernel.ids import SessionId
from callgenie.recordings.errors import RecordingStoreUnavailableError
from callgenie.recordings.obstore_objects import FolderObjects
from callgenie.recordings.store import RecordingStates


async def stored_call(office: Office, desk: Studio, session_id: str = "CA1") -> Path:
    label = spilled(desk, await ended_call(office, session_id))
    await desk.uploads(office.db).round()
    return desk.folder / "store" / label.key


async def let_days_pass(office: Office, days: float, session_id: str = "CA1") -> None:
    """Move a recording's removal nearer, as so many days would."""
    earlier = {"$subtract": ["$recording.removeAt", int(days * 86_400_000)]}
    await office.db.conversations.update_one({"sessionId": session_id}, [{"$set": {"recording.removeAt": earlier}}])


async def test_a_recording_is_kept_for_its_days_and_then_it_is_gone(office: Office, desk: Studio) -> None:
    file = await stored_call(office, desk)
    remove_at = (await recording_of(office))["removeAt"]
    assert abs(remove_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)
    await let_days_pass(office, 29.9)
    await desk.removals(office.db).round()
    assert file.exists()
    await let_days_pass(office, 0.2)
    await desk.removals(office.db).round()
    assert desk.files() == []
    assert await recording_of(office) == {"state": "deleted"}
    conversation = await office.conversations.get(next(iter(office.customers.profiles.profiles)), SessionId("CA1"))
    assert conversation.duration == 5, "the record itself stays"


async def test_many_workers_remove_at_once_and_a_whole_backlog(office: Office, desk: Studio) -> None:
    for number in range(12):
        await stored_call(office, desk, f"CA{number}")
        if number % 3:
            await let_days_pass(office, 31, f"CA{number}")
    await asyncio.gather(*(desk.removals(office.db).round() for _ in range(4)))
    assert len(desk.stored()) == 4
    states = [(await recording_of(office, f"CA{number}"))["state"] for number in range(12)]
    assert states == ["stored", "deleted", "deleted"] * 4


class Away(FolderObjects):
    async def delete(self, key: str) -> None:
        raise RecordingStoreUnavailableError(f" for {key}")


async def test_while_the_store_is_away_nothing_is_forgotten(office: Office, desk: Studio) -> None:
    file = await stored_call(office, desk)
    await let_days_pass(office, 31)
    with studio(desk.folder, Away(desk.folder / "store")) as away, pytest.raises(RecordingStoreUnavailableError):
        await away.removals(office.db).round()
    assert file.exists()
    assert (await recording_of(office))["state"] == "stored"
    await desk.removals(office.db).round()
    assert desk.files() == []


async def test_a_deleted_conversation_names_its_sound_until_that_is_gone(office: Office, desk: Studio) -> None:
    file = await stored_call(office, desk)
    [user] = office.customers.profiles.profiles
    await office.conversations.delete(user, SessionId("CA1"))
    left = await recording_of(office)
    assert (left["state"], left["key"]) == ("deleted", file.relative_to(desk.folder / "store").as_posix())
    await desk.removals(office.db).round()
    assert desk.files() == []
    assert "recording" not in await office.conversation("CA1")


async def test_what_nobody_has_brought_in_a_week_is_lost_and_found_again(office: Office, desk: Studio) -> None:
    label = spilled(desk, await ended_call(office))
    await RecordingStates(office.db).begin(label)
    await let_days_pass(office, 6.9)
    await desk.removals(office.db).round()
    assert (await recording_of(office))["state"] == "recording"
    await let_days_pass(office, 0.2)
    await desk.removals(office.db).round()
    assert await recording_of(office) == {"state": "failed", "fault": "lost"}
    # The machine that has it was only switched off.
    await desk.uploads(office.db).round()
    assert (await recording_of(office))["state"] == "stored"


async def test_what_was_removed_does_not_come_back(office: Office, desk: Studio) -> None:
    call = await ended_call(office)
    label = spilled(desk, call)
    await desk.uploads(office.db).round()
    await let_days_pass(office, 31)
    await desk.removals(office.db).round()
    spilled(desk, call)
    await desk.uploads(office.db).round()
    assert desk.files() == []
    assert await recording_of(office) == {"state": "deleted"}
    states = RecordingStates(office.db)
    await states.begin(label)
    assert await recording_of(office) == {"state": "deleted"}


async def test_looking_for_what_is_due_reads_only_that(office: Office, desk: Studio) -> None:
    for number in range(20):
        await stored_call(office, desk, f"CA{number}")
    await let_days_pass(office, 31, "CA7")
    found: list[Any] = list(await RecordingStates(office.db).find_due_of_any_user(10))
    assert len(found) == 1
    query = {"recording.removeAt": {"$type": "date"}, "$expr": {"$lte": ["$recording.removeAt", "$$NOW"]}}
    command = {"find": "conversations", "filter": query, "sort": {"recording.removeAt": 1}, "limit": 10}
    answer = await office.db.command({"explain": command, "verbosity": "executionStats"})
    assert answer["executionStats"]["totalDocsExamined"] <= 1
    assert answer["executionStats"]["totalKeysExamined"] <= 2
