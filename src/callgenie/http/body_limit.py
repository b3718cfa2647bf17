"""Takes a request's body whole before anybody parses it: not too long, not too slowly, and not too many at once.

If it is JSON, it has to be unmistakable JSON.
"""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callgenie.http.body_budget import BodyBudget, BodyShare
from callgenie.http.client_address import client_address
from callgenie.http.head_checks import announces_body, requester_of
from callgenie.http.json_guard import UnreadableBodyError, check_json
from callgenie.http.overload import OverloadedError
from callgenie.http.problems import Problem, framework_problem, problem_of

_STALL_SECONDS: Final = 0.5
_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
# A body of theirs means nothing (RFC 9110, 9.3.1), and is not read.
_BODILESS_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class BodyLimitMiddleware:
    """Refuses a body over the limit with 413, a slow one with 408, and with 503 one that the budget has no room for."""

    def __init__(self, app: ASGIApp, *, budget: BodyBudget, trusted_hops: int = 0) -> None:
        self._app = app
        self._budget = budget
        self._limits = budget.limits
        self._trusted_hops = trusted_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http" or not (announces_body(scope) or scope["method"] in _BODY_METHODS):
            await self._app(scope, receive, send)
            return
        if scope["method"] in _BODILESS_METHODS:
            await self._app(scope, _replay(b"", receive), send)
            return
        with self._budget.share_of(requester_of(scope), client_address(scope, self._trusted_hops)) as share:
            body = await self._read(scope, receive, share)
            if body is None:
                return
            refusal = body.closing() if isinstance(body, Problem) else _refusal(scope, body)
            if refusal is not None:
                await refusal.answer(scope)(scope, receive, send)
                return
            await self._app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive, share: BodyShare) -> bytes | Problem | None:
        """Return the body, why it is refused, or None when the client went away in the middle of it."""
        bytes_max = self._limits.bytes_max_at(scope["path"])
        begin = asyncio.get_running_loop().time()
        body = bytearray()
        if not share.begin():
            return problem_of(OverloadedError())
        try:
            while True:
                message = await _received_by(begin + self._limits.seconds_for(len(body)), receive)
                if message["type"] == "http.disconnect":
                    return None
                piece, is_last = message.get("body", b""), not message.get("more_body", False)
                if len(body) + len(piece) > bytes_max:
                    return framework_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                # The head is held with the body, and can be longer.
                if not share.hold(len(piece) + (0 if body or is_last else _head_bytes(scope))):
                    return problem_of(OverloadedError())
                body += piece
                if is_last:
                    return bytes(body)
        except TimeoutError:
            return framework_problem(HTTPStatus.REQUEST_TIMEOUT)
        finally:
            share.finish()


async def _received_by(deadline: float, receive: Receive) -> Message:
    """Return the next message.

    Raises:
        TimeoutError: It did not come in time.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                return await receive()
        except TimeoutError:
            if loop.time() - deadline < _STALL_SECONDS:
                raise
            # The process stood still, and what has come meanwhile is not read yet.
            deadline = loop.time() + _STALL_SECONDS


def _head_bytes(scope: Scope) -> int:
    return sum(len(name) + len(value) for name, value in scope["headers"])


def _refusal(scope: Scope, body: bytes) -> Problem | None:
    content_type = dict(scope["headers"]).get(b"content-type", b"")
    media_type = content_type.split(b";", 1)[0].strip().lower()
    if not body or not (media_type == b"application/json" or media_type.endswith(b"+json")):
        return None
    try:
        check_json(body)
    except UnreadableBodyError as error:
        return problem_of(error)
    return None


def _replay(body: bytes | Problem, receive: Receive) -> Receive:
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return unread.pop() if unread else await receive()

    return replayed
