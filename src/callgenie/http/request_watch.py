"""Measures every request and writes one line about it, with nothing in it that is anybody's secret."""

import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_SERVED: Final = "request.served"
# What no route answers is one thing: addresses that somebody tries out are without end.
UNMATCHED: Final = "unmatched"
# The client was gone before there was an answer; the number is the one that other servers log.
_NO_ANSWER: Final = 499
# These come every few seconds and would hide the rest.
_QUIET: Final = frozenset({"/health/live", "/health/ready", "/metrics"})

_log = structlog.get_logger(__name__)


class RequestMeter(Protocol):
    """Who wants to know."""

    def request_served(self, route: str, method: str, status: int, seconds: float) -> None:
        """Take note of a request."""
        ...


class RequestWatchMiddleware:
    """Tells the meter and the log about each request, by the template of its route."""

    def __init__(self, app: ASGIApp, *, meter: RequestMeter, timer: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._meter = meter
        self._timer = timer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _NO_ANSWER

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                # Not every route gives a plain number, and the log shows others by their names.
                status = int(message["status"])
            await send(message)

        begun = self._timer()
        try:
            await self._app(scope, receive, seen)
        finally:
            self._tell(scope, status, self._timer() - begun)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        # Set by the router. What was refused in front of it, for being too much or too often, has none.
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self._meter.request_served(route, scope["method"], status, seconds)
        log = _log.debug if route in _QUIET else _log.info
        duration_ms = round(seconds * 1_000, 1)
        log(REQUEST_SERVED, route=route, method=scope["method"], status=status, duration_ms=duration_ms)
