import re

import httpx
import pytest


@pytest.mark.parametrize("path", ["/health", "/api/things/x", "/api/nothing", "/api/crash", "/api/away"])
async def test_every_answer_has_an_id_of_its_own(client: httpx.AsyncClient, path: str) -> None:
    seen = {(await client.get(path)).headers["x-request-id"] for _ in range(5)}
    assert len(seen) == 5
    assert all(re.fullmatch(r"[0-9a-f]{24}", request_id) for request_id in seen)


@pytest.mark.parametrize("request_id", ["8letters", "A-Z_a-z-0-9", "x" * 64])
async def test_a_plain_word_of_the_callers_is_kept(client: httpx.AsyncClient, request_id: str) -> None:
    response = await client.get("/api/nothing", headers={"X-Request-Id": request_id})
    assert response.headers["x-request-id"] == response.json()["requestId"] == request_id


@pytest.mark.parametrize(
    "request_id", ["", "short", "x" * 65, "with space", "new\tline", "<script>", "ünicode!", "a;b=12345"]
)
async def test_anything_else_is_replaced(client: httpx.AsyncClient, request_id: str) -> None:
    response = await client.get("/health", headers=[(b"x-request-id", request_id.encode("latin-1"))])
    assert re.fullmatch(r"[0-9a-f]{24}", response.headers["x-request-id"])


async def test_answers_on_private_data_are_not_stored(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/things/x")).headers["cache-control"] == "no-store"
    assert (await client.get("/api/nothing")).headers["cache-control"] == "no-store"
    assert "cache-control" not in (await client.get("/health")).headers
