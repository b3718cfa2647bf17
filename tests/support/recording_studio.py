"""All there is around recordings, over a folder and a database, and ways to look at what was recorded."""

import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.calls.recorded import Recorders
from callgenie.kernel.clock import Clock
from callgenie.recordings.object_store import ObjectStore
from callgenie.recordings.obstore_objects import FolderObjects
from callgenie.recordings.removals import Removals
from callgenie.recordings.spill import SpillFolder
from callgenie.recordings.store import RecordingStates
from callgenie.recordings.uploads import Uploads

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Studio:
    """One machine's recorders, uploads and removals."""

    folder: Path
    store: ObjectStore
    threads: ThreadPoolExecutor

    @property
    def spill(self) -> SpillFolder:
        return SpillFolder(self.folder / "waiting")

    def recorders(
        self, db: AsyncDatabase[dict[str, Any]], clock: Clock, *, spill: SpillFolder | None = None
    ) -> Recorders:
        return Recorders(
            spill=spill or self.spill, states=RecordingStates(db), threads=self.threads, clock=clock, keep_days=30
        )

    def uploads(self, db: AsyncDatabase[dict[str, Any]]) -> Uploads:
        return Uploads(self.spill, self.store, RecordingStates(db), self.threads)

    def removals(self, db: AsyncDatabase[dict[str, Any]]) -> Removals:
        return Removals(self.store, RecordingStates(db))

    def files(self, suffix: str = "") -> list[Path]:
        """Return every file that is anywhere here, but for a carrier's tape."""
        return sorted(
            path for part in ("waiting", "store") for path in (self.folder / part).rglob(f"*{suffix}") if path.is_file()
        )

    def stored(self) -> list[Path]:
        """Return the files of a store that is a folder."""
        return sorted((self.folder / "store").rglob("*.wav"))


@contextmanager
def studio(folder: Path, store: ObjectStore | None = None) -> Iterator[Studio]:
    threads = ThreadPoolExecutor(2)
    try:
        yield Studio(folder, store or FolderObjects(folder / "store"), threads)
    finally:
        threads.shutdown()


def sides_of(path: Path) -> tuple[Samples, Samples, int]:
    """Return a recording's two sides and its rate; the standard library must understand the file."""
    with wave.open(str(path), "rb") as stored:
        assert (stored.getnchannels(), stored.getsampwidth()) == (2, 2)
        rate, count = stored.getframerate(), stored.getnframes()
        both: Samples = np.frombuffer(stored.readframes(count), "<i2").reshape(-1, 2)
    assert len(both) == count
    assert path.stat().st_size == 44 + count * 4
    return both[:, 0], both[:, 1], rate


def stretches(side: Samples, rate: int, *, gap_ms: int = 100) -> list[tuple[int, int]]:
    """Return where there is sound, as beginnings and ends in milliseconds; shorter pauses belong to the sound."""
    loud = np.flatnonzero(np.abs(side.astype(np.int32)) > 1_000)
    found: list[tuple[int, int]] = []
    for at in (loud * 1_000 // rate).tolist():
        if found and at - found[-1][1] <= gap_ms:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found
