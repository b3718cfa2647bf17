"""`Idempotency-Key`: a POST that is sent again has happened once, and is answered as it was the first time.

It stands in front of every POST under `/api/user`, so a new route has it without knowing.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callgenie.http.idempotency_store import KEPT_FOR, Attempt, Claim, IdempotencyStore, StoredAnswer
from callgenie.http.problems import MEDIA_TYPE, problem_of
from callgenie.http.request_id import request_id_of
from callgenie.kernel.errors import ConflictError, DomainError, FieldFault, InvalidError, NotSignedInError
from callgenie.kernel.ids import UserId

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
ANSWER_NOT_KEPT: Final = "idempotency.answer_not_kept"

_HEADER_RAW: Final = b"idempotency-key"
_PREFIX: Final = "/api/user/"
# Where a request says for how long its answer may be stored.
_KEPT_FOR: Final = "idempotent_answer_kept_for"
# A UUID has 36; longer ones are names that somebody put together, and this is room enough.
KEY_CHARS_MAX: Final = 255
# Our longest answer to a POST is a few kilobytes. One beyond this is sent, not kept.
ANSWER_BYTES_MAX: Final = 1_048_576
# What a client reads beside the body; the rest is said anew each time.
_KEPT_HEADERS: Final = frozenset({"content-type", "etag", "location", "www-authenticate"})

_log = structlog.get_logger(__name__)

# Who is asking, or a NotSignedInError.
Identify = Callable[[HTTPConnection], Awaitable[UserId]]


class InvalidIdempotencyKeyError(InvalidError):
    """The key is empty, too long, or not plain text."""

    code = "invalid_idempotency_key"

    def __init__(self) -> None:
        super().__init__(
            f"{HEADER} must be 1 to {KEY_CHARS_MAX} visible ASCII characters, such as a UUID.",
            faults=[FieldFault(HEADER, f"must be 1 to {KEY_CHARS_MAX} visible ASCII characters")],
        )


class IdempotencyKeyReusedError(InvalidError):
    """The key belongs to a request with another body."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This idempotency key was used for a request with another body. Make a new key for a new request.",
            faults=[FieldFault(HEADER, "was used for another body")],
        )


class RequestStillRunningError(ConflictError):
    """The first request with this key has not been answered yet."""

    code = "request_still_running"

    def __init__(self) -> None:
        super().__init__("The first request with this idempotency key is still running. Ask again in a moment.")


def keep_answer_for(connection: HTTPConnection, span: timedelta) -> None:
    """Shorten the time for which the response to this request is stored."""
    connection.scope.setdefault("state", {})[_KEPT_FOR] = span


class IdempotencyMiddleware:
    """Lets the first request with a key through, and answers the others for it.

    Must stand inside of what reads the body whole: it takes the body in one piece.
    """

    def __init__(self, app: ASGIApp, *, store: IdempotencyStore, identify: Identify) -> None:
        self._app = app
        self._store = store
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        key = _key_of(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        try:
            user_id = await self._identify(HTTPConnection(scope))
        except NotSignedInError:
            # The route says so in its own words; nothing is kept for somebody who may be anybody.
            await self._app(scope, receive, send)
            return
        try:
            attempt, claim, request = await self._claim(scope, key, user_id, receive)
        except DomainError as error:
            await problem_of(error).answer(scope)(scope, receive, send)
            return
        if claim.answer is not None:
            await _replay(claim.answer, scope)(scope, receive, send)
            return
        await self._run(attempt, claim, scope, request, receive, send)

    async def _claim(
        self, scope: Scope, key: bytes, user_id: UserId, receive: Receive
    ) -> tuple[Attempt, Claim, Message]:
        if not 1 <= len(key) <= KEY_CHARS_MAX or not all(0x21 <= byte <= 0x7E for byte in key):  # noqa: PLR2004 - visible ASCII
            raise InvalidIdempotencyKeyError
        request = await receive()
        body = request.get("body", b"")
        fingerprint = hashlib.sha256(scope.get("query_string", b"") + b"\n" + body).hexdigest()
        attempt = Attempt(user_id, f"{scope['method']} {scope['path']}", key.decode("ascii"), fingerprint)
        claim = await self._store.claim(attempt)
        if not claim.same_body:
            raise IdempotencyKeyReusedError
        if not claim.is_ours and claim.answer is None:
            raise RequestStillRunningError
        return attempt, claim, request

    async def _run(
        self, attempt: Attempt, claim: Claim, scope: Scope, request: Message, receive: Receive, send: Send
    ) -> None:
        unread = [request]
        answer = _Recorded()

        async def replayed() -> Message:
            return unread.pop() if unread else await receive()

        try:
            await self._app(scope, replayed, answer.hear)
        except Exception:
            await self._let_go(attempt, claim)
            raise
        if answer.is_to_be_kept:
            await self._keep(attempt, claim, answer.stored(), scope.get("state", {}).get(_KEPT_FOR, KEPT_FOR))
        else:
            await self._let_go(attempt, claim)
        for message in answer.messages:
            await send(message)

    async def _keep(self, attempt: Attempt, claim: Claim, answer: StoredAnswer, span: timedelta) -> None:
        try:
            await self._store.keep(attempt, claim, answer, span)
        except DomainError:
            # It has happened, and whoever asked is told so. The key stays taken until its lease runs out.
            _log.warning(ANSWER_NOT_KEPT, route=attempt.route)

    async def _let_go(self, attempt: Attempt, claim: Claim) -> None:
        try:
            await self._store.release(attempt, claim)
        except DomainError:
            _log.warning(ANSWER_NOT_KEPT, route=attempt.route)


class _Recorded:
    """An answer that is held back until it is known whether it is kept."""

    def __init__(self) -> None:
        self.messages: list[MutableMapping[str, Any]] = []

    async def hear(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"]) if self.messages else HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def is_to_be_kept(self) -> bool:
        is_final = self.status < HTTPStatus.INTERNAL_SERVER_ERROR and self.status != HTTPStatus.TOO_MANY_REQUESTS
        return is_final and len(self._body()) <= ANSWER_BYTES_MAX

    def stored(self) -> StoredAnswer:
        headers = Headers(raw=self.messages[0]["headers"])
        kept = {name: headers[name] for name in sorted(_KEPT_HEADERS) if name in headers}
        return StoredAnswer(self.status, kept, self._body())

    def _body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])


def _key_of(scope: Scope) -> bytes | None:
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(_PREFIX):
        return None
    return next((bytes(value) for name, value in scope["headers"] if name == _HEADER_RAW), None)


def _replay(answer: StoredAnswer, scope: Scope) -> Response:
    body = answer.body
    if answer.headers.get("content-type") == MEDIA_TYPE:
        # A problem names the request that it is the answer to, and that is this one.
        body = json.dumps({**json.loads(body), "requestId": request_id_of(scope)}).encode()
    return Response(body, answer.status, {**answer.headers, REPLAYED: "true"})
