"""The last net: what nobody foresaw is logged without its words, and answered without its insides."""

import traceback
from http import HTTPStatus
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callgenie.http.problems import framework_problem, problem_of
from callgenie.kernel.errors import DomainError

REQUEST_FAILED: Final = "http.request_failed"

_log = structlog.get_logger(__name__)


class UnexpectedErrorMiddleware:
    """Answers 500 `internal_error` for an exception that got past every handler."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            # Half an answer is out: only breaking the connection tells the client that the rest is missing.
            if started:
                _report(error)
                raise
            if isinstance(error, DomainError):
                problem = problem_of(error)
            else:
                _report(error)
                problem = framework_problem(HTTPStatus.INTERNAL_SERVER_ERROR)
            await problem.answer(scope)(scope, receive, send)


def _report(error: BaseException) -> None:
    """Log where it happened and what sort of error it was; its text may quote a password or a number."""
    seen: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(seen) < 5:  # noqa: PLR2004 - deeper causes say nothing new
        seen.append(type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    _log.error(REQUEST_FAILED, error=" <- ".join(seen), where="".join(traceback.format_tb(error.__traceback__)))
