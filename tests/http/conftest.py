"""A small application that does what real ones do: refuse, fail, and echo what it was sent."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import Field, SecretStr
from starlette.requests import Request
from starlette.responses import StreamingResponse

from callgenie.http import edge
from callgenie.http.bodies import ApiModel, ApiView
from callgenie.http.pages import PageCursor, PageLimit
from callgenie.kernel.errors import ConflictError, FieldFault, InvalidError, UnavailableError


class ShopClosedError(ConflictError):
    code = "shop_closed"


class InnerBody(ApiModel):
    deep_name: str


class EchoBody(ApiModel):
    some_text: Annotated[str, Field(max_length=10)] = ""
    some_count: int = 0
    secret: SecretStr = SecretStr("")
    words: list[str] = Field(default_factory=list)
    table: dict[str, str] = Field(default_factory=dict)
    inner: InnerBody | None = None


class EchoView(ApiView):
    some_text: str
    secret_length: int


router = APIRouter(prefix="/api")


@router.post("/echo")
async def echo(body: EchoBody) -> EchoView:
    return EchoView(some_text=body.some_text, secret_length=len(body.secret.get_secret_value()))


@router.get("/things/{name}")
async def thing(name: str, limit: PageLimit = 20, cursor: PageCursor = "") -> dict[str, Any]:
    return {"name": name, "limit": limit, "cursor": cursor}


@router.delete("/things/{name}")
async def drop(name: str) -> None:
    raise ShopClosedError(f"The shop is closed for {len(name)} days.")


@router.post("/raw")
async def raw(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@router.get("/invalid")
async def invalid() -> None:
    raise InvalidError("No.", faults=[FieldFault("a.b", "is not it")])


@router.get("/away")
async def away() -> None:
    raise UnavailableError("Away.", retry_after_seconds=7)


@router.get("/crash")
async def crash(secret: str = "") -> None:
    raise RuntimeError(f"the password is {secret}") from KeyError(secret)


@router.get("/half")
async def half() -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half of it"
        raise RuntimeError

    return StreamingResponse(pieces())


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/health")
    async def health() -> str:
        return "ok"

    app.include_router(router)
    edge.install(app)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://callgenie.test") as client:
        yield client
