"""Gives every request a name that its answer, its errors and its log lines carry."""

import re
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callgenie.kernel.ids import Randomness, SystemRandomness

HEADER: Final = "X-Request-Id"
_HEADER_RAW: Final = b"x-request-id"
_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_KEY: Final = "request_id"
# 96 bits: no two requests of one installation ever share an id by chance.
_ID_BYTES: Final = 12


def request_id_of(scope: Scope) -> str:
    """Return the request's id, or an empty text outside of the middleware."""
    return str(scope.get("state", {}).get(_KEY, ""))


class RequestIdMiddleware:
    """Takes the caller's `X-Request-Id` where it is a plain word, makes one elsewhere, and shows it on every answer.

    Answers below `/api` are private, so they also carry `Cache-Control: no-store` unless they say otherwise themselves.
    """

    def __init__(self, app: ASGIApp, randomness: Randomness | None = None) -> None:
        self._app = app
        self._randomness = randomness or SystemRandomness()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket (ASGI)."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = self._id_for(scope)
        scope.setdefault("state", {})[_KEY] = request_id
        private = scope["path"].startswith("/api")

        async def send_named(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                headers[HEADER] = request_id
                if private:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_named)

    def _id_for(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == _HEADER_RAW and _ACCEPTED.fullmatch(value):
                return bytes(value).decode("ascii")
        return self._randomness.token_bytes(_ID_BYTES).hex()
