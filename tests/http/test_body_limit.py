from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.accounts import assert_problem

from callgenie.http.body_budget import BODY_BYTES_MAX
from callgenie.http.json_guard import DEPTH_MAX

JSON = {"content-type": "application/json"}


async def chunks(size: int, read: list[int]) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        read.append(1024)
        yield b" " * 1024


async def test_a_body_of_a_mebibyte_is_taken_and_one_byte_more_is_not(client: httpx.AsyncClient) -> None:
    taken = await client.post("/api/raw", content=b"x" * BODY_BYTES_MAX)
    assert taken.json() == {"bytes": BODY_BYTES_MAX}
    assert_problem(await client.post("/api/raw", content=b"x" * (BODY_BYTES_MAX + 1)), 413, "body_too_large")


async def test_a_body_that_does_not_say_its_length_is_counted(client: httpx.AsyncClient) -> None:
    read: list[int] = []
    response = await client.post("/api/raw", content=chunks(BODY_BYTES_MAX, read))
    assert response.json() == {"bytes": BODY_BYTES_MAX}
    read.clear()
    assert_problem(await client.post("/api/raw", content=chunks(64 * BODY_BYTES_MAX, read)), 413, "body_too_large")
    assert sum(read) <= BODY_BYTES_MAX + 2048


async def test_a_length_that_lies_is_not_believed(client: httpx.AsyncClient) -> None:
    content = b"x" * (BODY_BYTES_MAX + 1)
    response = await client.post("/api/raw", content=content, headers={"content-length": "10"})
    assert_problem(response, 413, "body_too_large")
    response = await client.post("/api/raw", content=b"x", headers={"content-length": "9" * 30})
    assert_problem(response, 413, "body_too_large")


async def test_a_body_that_is_too_large_is_refused_before_it_is_read_or_anybody_is_recognised(
    client: httpx.AsyncClient,
) -> None:
    read: list[int] = []
    announced = {"content-length": str(BODY_BYTES_MAX + 1)}
    response = await client.put("/api/nothing", content=chunks(BODY_BYTES_MAX * 2, read), headers=announced)
    assert_problem(response, 413, "body_too_large")
    assert read == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nothing",
        b'{"someText": "x",}',
        b'{"someText": "x"} trailing',
        b'{"someText": "x", "someText": "y"}',
        b'{"inner": {"deepName": "x", "deepName": "y"}}',
        b'{"someCount": NaN}',
        b'{"someCount": Infinity}',
        b'{"someCount": -Infinity}',
        b'{"someCount": 1e999}',
        b'{"someCount": 9223372036854775808}',
        b'{"someCount": -9223372036854775809}',
        b'{"someCount": ' + b"9" * 5000 + b"}",
        b'{"someText": "\xff"}',
        b'{"someText": "\xed\xa0\x80"}',
        b'{"someText": "\\ud800"}',
        b'{"someText": "\\udc00\\ud800"}',
        b'{"\\ud800": "x"}',
        b'{"someText": "a\x00b"}',
        '{"someText": "x"}'.encode("utf-16"),
        '{"someText": "x"}'.encode("utf-32-le"),
        b'\xef\xbb\xbf{"someText": "x"}',
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"inner":' * 100_000,
        b'{"inner":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1),
        b'{"words": ' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_json_that_two_readers_could_read_differently_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    for media_type in ("application/json", "Application/JSON; charset=utf-8", "application/problem+json"):
        response = await client.post("/api/echo", content=body, headers={"content-type": media_type})
        assert_problem(response, 422, "unreadable_body")


@pytest.mark.parametrize(
    "body",
    [b"", b'{"someText": "\\u0000"}', b'{"words": [' + b"[],[]," * 50 + b"[]]}", b'{"words": [' * 9 + b"]}" * 9],
)
async def test_plain_json_that_fits_nowhere_is_refused_by_the_route(client: httpx.AsyncClient, body: bytes) -> None:
    assert_problem(await client.post("/api/echo", content=body, headers=JSON), 422, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        b'{"someText": "x"}',
        b' {"someCount": 9223372036854775807} ',
        b'{"someCount": -9223372036854775808}',
        b'{"someText": "\\ud83d\\ude00"}',
        '{"someText": "😀ü"}'.encode(),
        b'{"secret": "a\\u0000b"}',
        b'{"words": [' + b'"",' * 5000 + b'""]}',
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_plain_json_is_taken(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await client.post("/api/echo", content=body, headers=JSON)).status_code == 200


async def test_what_is_not_said_to_be_json_is_not_judged(client: httpx.AsyncClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await client.post("/api/raw", content=b"a=1&a=2&b=%ff", headers=form)).json() == {"bytes": 13}
