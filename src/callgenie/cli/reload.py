"""Notices that source files changed, for `callgenie serve --reload`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

# Asking for the times of a few hundred files takes two milliseconds, and works on every file system.
_LOOK_EVERY_SECONDS: Final = 0.4
# Editors and checkouts write several files one after the other.
_SETTLE_SECONDS: Final = 0.2
_SUFFIXES: Final = {".py", ".json", ".html", ".css", ".js", ".txt"}


async def changes_in(folder: Path) -> AsyncIterator[None]:
    """Yield after each change of a source file in the folder or below it."""
    seen = await asyncio.to_thread(_times, folder)
    while True:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        found = await asyncio.to_thread(_times, folder)
        if found == seen:
            continue
        while found != seen:
            seen = found
            await asyncio.sleep(_SETTLE_SECONDS)
            found = await asyncio.to_thread(_times, folder)
        yield


def _times(folder: Path) -> dict[str, int]:
    times = {}
    for path in folder.rglob("*"):
        if path.suffix in _SUFFIXES:
            try:
                times[str(path)] = path.stat().st_mtime_ns
            except FileNotFoundError:
                # Gone since it was listed.
                continue
    return times
