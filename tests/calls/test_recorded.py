"""A recorded call: both sides as they were heard, by the carrier's own tape; and nothing of it reaches the call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.recording_studio import Samples, Studio, sides_of, stretches, studio
from tests.support.switchboard import Switchboard, stream_of, switchboard, tone
from tests.support.virtual_time import running_virtual_loop, virtually

from callgenie.kernel.ids import digest_key
from callgenie.recordings.models import Label
from callgenie.recordings.spill import SpillFolder, SpillWriter
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.script import Action, HangUp, Listen, Pause, Play

FRAME_MS = 20
RATE = 8_000


@asynccontextmanager
async def recording_board(
    mongodb_uri: str, desk: Studio, *, spill: SpillFolder | None = None, **business: Any
) -> AsyncIterator[Switchboard]:
    given = {"record_calls": True, **business}
    async with switchboard(
        mongodb_uri, recording=lambda db, clock: desk.recorders(db, clock, spill=spill), **given
    ) as board:
        yield board


async def store_all(board: Switchboard, desk: Studio) -> None:
    with running_virtual_loop().real_work("the object store"):
        await desk.uploads(board.office.db).round()


def shift_between(ours: Samples, theirs: Samples) -> int:
    """Return by how many samples a side of our recording is later than the carrier's, at the best fit."""
    size = min(len(ours), len(theirs))
    a, b = ours[:size].astype(np.float64), theirs[:size].astype(np.float64)
    spectrum = np.fft.rfft(a, 2 * size) * np.conj(np.fft.rfft(b, 2 * size))
    likeness = np.fft.irfft(spectrum)
    best = int(np.argmax(likeness))
    return best if best < size else best - 2 * size


def assert_same_sound(ours: Samples, theirs: Samples, *, within_ms: int) -> None:
    """Check that two sides begin and end their sounds at the same moments."""
    here, there = stretches(ours, RATE), stretches(theirs, RATE)
    assert len(here) == len(there), (here, there)
    for mine, other in zip(here, there, strict=True):
        assert abs(mine[0] - other[0]) <= within_ms, (here, there)
        assert abs(mine[1] - other[1]) <= within_ms, (here, there)


ASKING: tuple[Action, ...] = (Listen(), Play(tone(800)), Listen(), Pause(600), HangUp())


@virtually
async def test_both_sides_are_what_the_carrier_heard(mongodb_uri: str, tmp_path: Path) -> None:
    with studio(tmp_path) as desk:
        async with recording_board(mongodb_uri, desk) as board:
            report = await board.dial(*ASKING, tape=tmp_path / "tape.wav")
            await store_all(board, desk)
            conversation = await board.office.conversation("CA1")
            turns = await board.turns()
        [file] = desk.stored()
    caller, ours, rate = sides_of(file)
    their_caller, their_ours, _ = sides_of(tmp_path / "tape.wav")
    assert rate == RATE
    assert abs(len(caller) - len(their_caller)) * 1_000 / RATE <= 2 * FRAME_MS
    assert len(stretches(their_caller, RATE)) == 1
    assert len(stretches(their_ours, RATE)) >= 2
    assert_same_sound(caller, their_caller, within_ms=2 * FRAME_MS)
    assert_same_sound(ours, their_ours, within_ms=2 * FRAME_MS)
    assert abs(shift_between(caller, their_caller)) <= 2 * FRAME_MS * 8
    recording = conversation["recording"]
    assert (recording["state"], recording["bytes"]) == ("stored", file.stat().st_size)
    assert recording["seconds"] == -(-len(caller) // RATE)
    assert recording["key"] == f"{board.owner}/{file.parent.parent.name}/{file.parent.name}/{digest_key('CA1')}.wav"
    assert turns[0][1].startswith("This call is recorded. Thank you for calling Bakery.")
    assert stream_of(report).gaps == ()


@virtually
async def test_what_the_caller_cut_off_is_not_in_the_recording(mongodb_uri: str, tmp_path: Path) -> None:
    with studio(tmp_path) as desk:
        async with recording_board(mongodb_uri, desk) as board:
            report = await board.dial(
                Pause(2_000), Play(tone(1_200)), Listen(), Pause(600), HangUp(), tape=tmp_path / "tape.wav"
            )
            await store_all(board, desk)
            [greeting, *_] = (await board.office.conversation("CA1"))["turns"]
        [file] = desk.stored()
    caller, ours, _ = sides_of(file)
    their_caller, their_ours, _ = sides_of(tmp_path / "tape.wav")
    [cleared_ms, *_] = stream_of(report).clears_ms
    assert greeting["interrupted"]
    assert_same_sound(caller, their_caller, within_ms=2 * FRAME_MS)
    assert_same_sound(ours, their_ours, within_ms=2 * FRAME_MS)
    assert abs(stretches(ours, RATE)[0][1] - cleared_ms) <= 2 * FRAME_MS


@virtually
async def test_a_jittery_line_loses_no_word_of_the_caller(mongodb_uri: str, tmp_path: Path) -> None:
    with studio(tmp_path) as desk:
        async with recording_board(mongodb_uri, desk) as board:
            await board.dial(*ASKING, faults=Faults(jitter_ms_max=200, seed=7), tape=tmp_path / "tape.wav")
            await store_all(board, desk)
        [file] = desk.stored()
    said, theirs = (stretches(sides_of(path)[0], RATE) for path in (file, tmp_path / "tape.wav"))
    assert len(said) == len(theirs) == 1
    assert abs((said[0][1] - said[0][0]) - (theirs[0][1] - theirs[0][0])) <= FRAME_MS
    assert abs(said[0][0] - theirs[0][0]) <= 260


@virtually
async def test_nobody_is_recorded_who_did_not_ask_for_it(mongodb_uri: str, tmp_path: Path) -> None:
    with studio(tmp_path) as desk:
        async with recording_board(mongodb_uri, desk, record_calls=False) as board:
            await board.dial(*ASKING)
            await store_all(board, desk)
            assert "recording" not in await board.office.conversation("CA1")
            assert (await board.turns())[0][1].startswith("Thank you for calling Bakery.")
    assert desk.files() == []


@virtually
async def test_the_owner_chooses_the_words_and_the_days(mongodb_uri: str, tmp_path: Path) -> None:
    with studio(tmp_path) as desk:
        words: dict[str, Any] = {"recording_announcement": "Dieser Anruf wird aufgezeichnet.", "recording_days": 2}
        async with recording_board(mongodb_uri, desk, **words) as board:
            await board.dial(*ASKING)
            await store_all(board, desk)
            recording = (await board.office.conversation("CA1"))["recording"]
            assert (await board.turns())[0][1].startswith("Dieser Anruf wird aufgezeichnet. Thank you")
    days = (recording["removeAt"] - datetime.now(UTC)).total_seconds() / 86_400
    assert 1.9 < days <= 2


@virtually
async def test_a_call_that_goes_on_is_written_as_it_comes(mongodb_uri: str, tmp_path: Path) -> None:
    with studio(tmp_path) as desk:
        async with recording_board(mongodb_uri, desk) as board, asyncio.TaskGroup() as group:
            call = group.create_task(board.dial(Listen(), Pause(20_000), HangUp()))
            await asyncio.sleep(15)
            assert (await board.office.conversation("CA1"))["recording"]["state"] == "recording"
            [sound] = desk.files(".wav")
            # Nobody else takes hold of it meanwhile.
            await store_all(board, desk)
            assert desk.stored() == []
            written = sound.stat().st_size
            await call
            await store_all(board, desk)
        [file] = desk.stored()
    assert 12 * RATE * 4 <= written <= 15 * RATE * 4
    assert file.stat().st_size > written
    assert desk.files() == [file]


class Broken(SpillFolder):
    """A disk that takes nothing."""

    def begin(self, label: Label) -> SpillWriter:
        del label
        raise OSError(28, "No space left on device")


class FillingWriter(SpillWriter):
    """A disk that is full after some seconds of sound."""

    def __init__(self, inner: SpillWriter, seconds: float) -> None:
        self._inner = inner
        self._left = int(seconds * RATE * 2)

    def write(self, caller: bytes, ours: bytes) -> None:
        self._left -= len(caller)
        if self._left < 0:
            raise OSError(28, "No space left on device")
        self._inner.write(caller, ours)

    def close(self, fault: Any = None) -> None:
        self._inner.close(fault)


class Filling(SpillFolder):
    def begin(self, label: Label) -> SpillWriter:
        return FillingWriter(super().begin(label), 4.0)


@pytest.mark.parametrize(("disk", "state"), [(Broken, "failed"), (Filling, "stored")])
def test_a_full_disk_ends_the_recording_and_not_the_call(
    mongodb_uri: str, tmp_path: Path, disk: type[SpillFolder], state: str
) -> None:
    @virtually
    async def holds() -> None:
        with studio(tmp_path) as desk:
            async with recording_board(mongodb_uri, desk, spill=disk(tmp_path / "waiting")) as board:
                report = await board.dial(*ASKING)
                await store_all(board, desk)
                conversation = await board.office.conversation("CA1")
                assert await board.comes_to_rest()
            stored = desk.stored()
        assert conversation["endedReason"] == "caller-hangup"
        assert len(stream_of(report).exchanges) == 1
        assert stream_of(report).gaps == ()
        assert conversation["recording"]["fault"] == "disk-full"
        assert conversation["recording"]["state"] == state
        assert len(stored) == (state == "stored")
        if stored:
            assert len(sides_of(stored[0])[0]) <= 4 * RATE

    holds()


@virtually
async def test_a_database_that_is_away_when_the_call_begins_loses_no_recording(
    mongodb_uri: str, tmp_path: Path
) -> None:
    with studio(tmp_path) as desk:
        async with recording_board(mongodb_uri, desk) as board, asyncio.TaskGroup() as group:
            call = group.create_task(board.dial(Listen(), Pause(25_000), HangUp()))
            await asyncio.sleep(0.15)
            async with board.database_away():
                await asyncio.sleep(12)
            await call
            await store_all(board, desk)
            assert (await board.office.conversation("CA1"))["recording"]["state"] == "stored"
        [file] = desk.stored()
    assert len(sides_of(file)[0]) > 25 * RATE
