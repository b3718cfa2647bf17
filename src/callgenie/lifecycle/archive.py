"""A zip that is sent while it is made: its length is nowhere known, and only a piece of it is in memory."""

import asyncio
import io
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

# What is sent at once.
_PIECE_BYTES: Final = 64 * 1024


class _Outlet(io.RawIOBase):
    """Takes what the zip writes, and can be emptied. It cannot be turned back, which the zip finds out and heeds."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._written += data
        return len(data)

    @property
    def size(self) -> int:
        """How many bytes wait to be sent."""
        return len(self._written)

    def take(self) -> bytes:
        """Return what waits, and forget it."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


async def zip_of(files: AsyncIterable[tuple[str, AsyncIterator[bytes]]], *, at: datetime) -> AsyncIterator[bytes]:
    """Yield a zip of named files, each given piece by piece, in their order."""
    outlet = _Outlet()
    with ZipFile(outlet, "w") as archive:
        async for name, pieces in files:
            info = ZipInfo(name, date_time=at.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED
            # Nobody knows yet whether the file stays below four gigabytes.
            with archive.open(info, "w", force_zip64=True) as file:
                async for piece in pieces:
                    # A long conversation takes a while to compress, and calls are waiting for the loop.
                    await asyncio.to_thread(file.write, piece)
                    if outlet.size >= _PIECE_BYTES:
                        yield outlet.take()
    yield outlet.take()
