"""Takes a request's body whole before anybody parses it: not too long, and if it is JSON, unmistakable JSON."""

from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callgenie.http.json_guard import UnreadableBodyError, check_json
from callgenie.http.problems import Problem, framework_problem, problem_of

# Long enough for a FAQ of 200 entries at their longest; short enough that a thousand at once fit into memory.
BODY_BYTES_MAX: Final = 1_048_576
_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})


class BodyLimitMiddleware:
    """Refuses a body over the limit with 413, one announced as too long before a byte of it is read."""

    def __init__(self, app: ASGIApp, bytes_max: int = BODY_BYTES_MAX) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"] if name.startswith((b"content-", b"transfer-"))}
        if scope["method"] not in _BODY_METHODS and not {b"content-length", b"transfer-encoding"} & headers.keys():
            await self._app(scope, receive, send)
            return
        body = await self._read(headers.get(b"content-length", b""), receive)
        if body is None:
            return
        refusal = body if isinstance(body, Problem) else _refusal(headers.get(b"content-type", b""), body)
        if refusal is not None:
            await refusal.answer(scope)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, announced: bytes, receive: Receive) -> bytes | Problem | None:
        """Return the body, why it is refused, or None when the client went away in the middle of it."""
        if announced.isdigit() and int(announced[:20]) > self._bytes_max:
            return framework_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._bytes_max:
                return framework_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            pieces.append(piece)
            if not message.get("more_body", False):
                return b"".join(pieces)


def _refusal(content_type: bytes, body: bytes) -> Problem | None:
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
