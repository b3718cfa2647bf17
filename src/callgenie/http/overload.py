"""Turns requests away while there are more than can be answered in time, so that those taken on still are.

Without a bound every request waits behind all the others: at four times what a server can do, nearly every answer
comes after its client has given up, and the work for it was in vain.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callgenie.http.problems import problem_of
from callgenie.http.request_watch import UNMATCHED, RequestMeter
from callgenie.kernel.errors import UnavailableError

_log = structlog.get_logger(__name__)

OVERLOADED: Final = "http.overloaded"

# About as many as the database has connections for. More at once are answered no sooner, only all of them later.
REQUESTS_AT_ONCE_MAX: Final = 48

_RETRY_AFTER_SECONDS: Final = 2

# Carriers ask seldom and have a caller on the line; the others are asked by whoever restarts, balances or measures.
_ALWAYS_TAKEN: Final = ("/api/telephony/", "/health/", "/metrics")


class OverloadedError(UnavailableError):
    """The server has as many requests in hand as it can answer in time."""

    code = "overloaded"

    def __init__(self) -> None:
        super().__init__(
            "The server has too much to do just now. Try again in a moment.", retry_after_seconds=_RETRY_AFTER_SECONDS
        )


class Turnstile:
    """Counts the requests that are being answered."""

    def __init__(self, limit: int = REQUESTS_AT_ONCE_MAX) -> None:
        self._limit = limit
        self.inside = 0

    @property
    def is_full(self) -> bool:
        """Whether no more should come in."""
        return self.inside >= self._limit

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request during the block."""
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


class OverloadMiddleware:
    """Answers 503 by the head of a request alone, before anything is done for it, while the turnstile is full."""

    # It stands outside of the request log: a line for each refusal would cost more than the refusal, and at four times
    # the load what is refused must cost a twentieth of what is answered.

    def __init__(self, app: ASGIApp, *, turnstile: Turnstile, meter: RequestMeter) -> None:
        self._app = app
        self._turnstile = turnstile
        self._meter = meter
        self._refusing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI). A call's socket is no request."""
        if scope["type"] != "http" or scope["path"].startswith(_ALWAYS_TAKEN) or not self._turnstile.is_full:
            self._refusing = self._refusing and self._turnstile.inside > 0
            await self._app(scope, receive, send)
            return
        if not self._refusing:
            self._refusing = True
            _log.warning(OVERLOADED, requests_in_hand=self._turnstile.inside)
        self._meter.request_served(UNMATCHED, scope["method"], HTTPStatus.SERVICE_UNAVAILABLE, 0.0)
        await problem_of(OverloadedError()).answer(scope)(scope, receive, send)


class TurnstileMiddleware:
    """Counts a request from when its body is there, as slow senders are no work, until its answer begins."""

    def __init__(self, app: ASGIApp, *, turnstile: Turnstile) -> None:
        self._app = app
        self._turnstile = turnstile

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._turnstile.inside += 1
        counted = True

        def leave() -> None:
            nonlocal counted
            self._turnstile.inside -= counted
            counted = False

        async def answered(message: Message) -> None:
            # A long download is paced by whoever reads it.
            if message["type"] == "http.response.start":
                leave()
            await send(message)

        try:
            await self._app(scope, receive, answered)
        finally:
            leave()
