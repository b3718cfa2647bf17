"""The erasures once more, in a file outside the database: a backup that is restored brings back who was erased since.

Each line is `{"userId": ..., "at": ...}`; an id says nothing once all it stood for is gone. `callgenie restore` reads
the file.
"""

import asyncio
import fcntl
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Final

from callgenie.kernel.ids import UserId

ERASURES_FILE: Final = "erasures.jsonl"


class ErasureLog:
    """Writes down who is erased."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def note(self, user_id: UserId, at: datetime) -> None:
        """Write down that the user is erased, durably; twice is once."""
        await asyncio.to_thread(self._note, user_id, at)

    def _note(self, user_id: UserId, at: datetime) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
            # Several processes may write; closing the file lets the next one in.
            fcntl.flock(file, fcntl.LOCK_EX)
            text = file.read()
            if user_id.encode() in text:
                return
            # A crash may have cut the last line short. Its erasure is not finished, so it will be written again.
            file.seek(text.rfind(b"\n") + 1)
            file.truncate()
            file.write(json.dumps({"userId": user_id, "at": at.isoformat()}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
