"""Answers that are longer than our memory: sent piece by piece, to be kept as a file."""

from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import StreamingResponse

CSV: Final = "text/csv; charset=utf-8"
JSON_LINES: Final = "application/x-ndjson"
ZIP: Final = "application/zip"

# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection), the wide forms included.
_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


async def download(pieces: AsyncIterator[bytes], *, file_name: str, media_type: str) -> StreamingResponse:
    """Return an answer that sends the pieces as they come.

    The first one is awaited here: what goes wrong before it is still an answer of its own, and what goes wrong later
    can only break the connection.
    """
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(await begun(pieces), media_type=media_type, headers=headers)


async def begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return the same pieces, of which the first one has come."""
    first = await anext(pieces, b"")

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_of_them()


def safe_cell(value: object) -> str:
    """Return a value as a cell of CSV that no spreadsheet runs; a leading apostrophe marks what is only text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ")[:1] in _FORMULA_STARTS else text
