"""Answers that stay the same for as long as the process runs: made once, by whoever asks first.

Anybody may ask for them, and not read what comes. All answers send the same bytes, so a connection that waits for its
client holds none of its own.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

_WEAK: Final = "W/"


class _Made(NamedTuple):
    content: bytes
    tag: str


class Unchanging:
    """An answer whose content `make` returns, in a thread of its own as that may take long."""

    def __init__(self, make: Callable[[], bytes], *, media_type: str, headers: Mapping[str, str]) -> None:
        self._make = make
        self._media_type = media_type
        self._headers = headers
        self._making = asyncio.Lock()
        self._made: _Made | None = None

    async def answer(self, request: Request) -> Response:
        """Return the content, or only that it is still what the client has (`If-None-Match`; RFC 9110, 13.1.2)."""
        made = self._made or await self._make_once()
        headers = {**self._headers, "ETag": made.tag}
        if _matches(request.headers.get("if-none-match", ""), made.tag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(made.content, media_type=self._media_type, headers=headers)

    async def _make_once(self) -> _Made:
        async with self._making:
            if self._made is None:
                content = await asyncio.to_thread(self._make)
                self._made = _Made(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
            return self._made


def _matches(if_none_match: str, tag: str) -> bool:
    known = {each.strip().removeprefix(_WEAK) for each in if_none_match.split(",")}
    return bool(known & {tag, "*"})
