"""What stays the same is made once, however many ask at the same moment, and sent as the same bytes."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from starlette.requests import Request

from callgenie.http.unchanging import Unchanging


def asked(if_none_match: str | None = None) -> Request:
    headers = [] if if_none_match is None else [(b"if-none-match", if_none_match.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


def unchanging(make: Callable[[], bytes]) -> Unchanging:
    return Unchanging(make, media_type="text/plain", headers={"Cache-Control": "no-cache"})


async def test_all_who_ask_at_once_are_sent_the_very_same_bytes() -> None:
    go, times = threading.Event(), 0

    def make() -> bytes:
        nonlocal times
        times += 1
        go.wait()
        return b"x" * 1_000 + str(times).encode()

    page = unchanging(make)
    asking = [asyncio.create_task(page.answer(asked())) for _ in range(40)]
    await asyncio.sleep(0)
    go.set()
    answers = [*await asyncio.gather(*asking), await page.answer(asked())]
    assert times == 1
    # No copies, which would be memory for every client that does not read.
    assert len({id(answer.body) for answer in answers}) == 1


async def test_what_could_not_be_made_is_made_for_whoever_asks_next() -> None:
    refusals = [OSError("too many open files")]

    def make() -> bytes:
        if refusals:
            raise refusals.pop()
        return b"now"

    page = unchanging(make)
    with pytest.raises(OSError, match="too many"):
        await page.answer(asked())
    assert (await page.answer(asked())).body == b"now"


async def test_who_has_it_already_is_only_told_so() -> None:
    page = unchanging(lambda: b"content")
    first = await page.answer(asked())
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await page.answer(asked(known))
        assert (again.status_code, again.body, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "no-cache"
    for other in ('"other"', "", tag.strip('"')):
        assert (await page.answer(asked(other))).status_code == 200
    assert (await unchanging(lambda: b"other").answer(asked())).headers["etag"] != tag
