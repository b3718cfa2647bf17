"""A part of an answer: one range of bytes, as players ask for it when somebody jumps (RFC 9110, section 14)."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.responses import Response, StreamingResponse

from callgenie.http.downloads import begun
from callgenie.kernel.errors import RangeUnsatisfiableError

# Twenty digits are more than any file has bytes; without a bound the conversion to a number is a way to keep us busy.
_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,20})-(\d{0,20})")


def range_of(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return the range as start and end, the end not included; None when the whole is to be sent.

    Several ranges at once, other units and what cannot be understood are ignored, which the standard allows.

    Raises:
        RangeUnsatisfiableError: It begins behind the end.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header is not None else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        # The last so many bytes.
        if int(last) == 0 or size_bytes == 0:
            raise RangeUnsatisfiableError(size_bytes)
        return max(0, size_bytes - int(last)), size_bytes
    if last and int(last) < int(first):
        return None
    if int(first) >= size_bytes:
        raise RangeUnsatisfiableError(size_bytes)
    return int(first), min(int(last) + 1, size_bytes) if last else size_bytes


@dataclass(frozen=True, slots=True)
class Playable:
    """A file that can be sent in parts. `read` yields bytes from a start up to an end; `version` names them all."""

    size_bytes: int
    version: str
    file_name: str
    media_type: str
    read: Callable[[int, int], AsyncIterator[bytes]]

    def head(self) -> Response:
        """Return what a request for the whole would be answered with, without the bytes."""
        return Response(headers=self._headers(0, self.size_bytes), media_type=self.media_type)

    async def answer(self, asked: str | None, if_range: str | None) -> StreamingResponse:
        """Return the part that a `Range` header asks for, or the whole; `If-Range` only wants parts of one version.

        Raises:
            RangeUnsatisfiableError: The part begins behind the end.
        """
        wanted = asked if if_range in {None, self._tag} else None
        part = range_of(wanted, self.size_bytes)
        start, end = part or (0, self.size_bytes)
        headers = self._headers(start, end)
        if part is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{self.size_bytes}"
        return StreamingResponse(
            await begun(self.read(start, end)),
            HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT,
            headers=headers,
            media_type=self.media_type,
        )

    @property
    def _tag(self) -> str:
        return f'"{self.version}"'

    def _headers(self, start: int, end: int) -> dict[str, str]:
        return {
            "Accept-Ranges": "bytes",
            "Content-Length": str(end - start),
            "Content-Disposition": f'inline; filename="{self.file_name}"',
            "Cache-Control": "private, no-store",
            "ETag": self._tag,
            "X-Content-Type-Options": "nosniff",
        }
