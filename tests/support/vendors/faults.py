"""What can go wrong at a vendor, for the servers that stand in for them. Each fault happens to one request."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        status: The request is refused with this, and `body`.
        wait_seconds: The answer comes only so much later.
        pieces: Only so many pieces of the body come; then the connection breaks, or, if it `stalls`, nothing comes.
        garbage: This is sent instead of the body, with the status and type of a good one.
    """

    status: int | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    pieces: int | None = None
    stalls: bool = False
    garbage: bytes | None = None


class ConnectionBrokenError(Exception):
    """Makes the server drop the connection in the middle of a body."""


class Misfortune:
    """The faults that are still to happen, first come first served; without any, all is well."""

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()

    def add(self, *faults: Fault) -> None:
        self.faults.extend(faults)

    async def befall(self, request: Request) -> Fault | Response:
        """Return the refusal of this request, or what goes wrong with its answer."""
        await request.body()
        fault = self.faults.popleft() if self.faults else Fault()
        await asyncio.sleep(fault.wait_seconds)
        if fault.status is not None:
            return JSONResponse(dict(fault.body), fault.status, headers=dict(fault.headers))
        return fault


def stream(fault: Fault, pieces: AsyncIterator[bytes], media_type: str) -> StreamingResponse:
    """Return the answer that streams `pieces`, as far as the fault lets it."""

    async def sent() -> AsyncIterator[bytes]:
        if fault.garbage is not None:
            yield fault.garbage
            return
        number = 0
        async for piece in pieces:
            if number == fault.pieces:
                if not fault.stalls:
                    raise ConnectionBrokenError
                await asyncio.sleep(3_600)
            number += 1
            yield piece

    return StreamingResponse(sent(), media_type=media_type)
