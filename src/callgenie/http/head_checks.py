"""Refuses a request by its head, where that alone decides, before a byte of its body is read.

The framework reads a body before it looks at who sends it. So anybody at all could have us hold a megabyte for each
connection, by sending all but the last byte.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi.routing import iter_route_contexts
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from callgenie.http.body_budget import BodyLimits
from callgenie.http.problems import Problem, framework_problem, method_not_allowed, problem_of
from callgenie.kernel.errors import DomainError

# The name under which a request's body is held; None for senders we do not know.
Requester = Callable[[HTTPConnection], str | None]

_Guard = Callable[[HTTPConnection], Awaitable[Any]]

_REQUESTER: Final = "requester"
_LENGTH: Final = b"content-length"
_ENCODING: Final = b"transfer-encoding"
# No length of more digits is one that anybody sends.
_DIGITS_MAX: Final = 20


class HeadGuard:
    """Marks a dependency that takes an `HTTPConnection` and raises a `DomainError` to refuse it by its head alone.

    The framework's security schemes are such guards without the mark.
    """


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A route, and the guards in front of it."""

    route: BaseRoute
    matches: Callable[[Scope], tuple[Match, Scope]]
    guards: Sequence[_Guard]


def announces_body(scope: Scope) -> bool:
    """Return true for a head that announces a body."""
    return any((name == _LENGTH and value != b"0") or name == _ENCODING for name, value in scope["headers"])


def requester_of(scope: Scope) -> str | None:
    """Return who was let in by the guards of the route; None for senders we do not know."""
    return cast("str | None", scope.get("state", {}).get(_REQUESTER))


class HeadCheckMiddleware:
    """Answers 413, 404, 405, and whatever a route's guards refuse, in this order, to requests that have a body.

    Those without one cost nothing to hold, and meet the same guards in the route.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: BodyLimits,
        requester: Requester = lambda _: None,
        counted: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._app = app
        self._limits = limits
        self._requester = requester
        self._counted = counted
        self._routes: list[_Guarded] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        refusal = None
        if scope["type"] == "http" and announces_body(scope):
            refusal = await self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.answer(scope)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Problem | None:
        length = next((value for name, value in scope["headers"] if name == _LENGTH), b"")
        if length.isdigit() and int(length[:_DIGITS_MAX]) > self._limits.bytes_max_at(scope["path"]):
            return framework_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE).closing()
        match, found = self._find(scope)
        if found is None:
            return framework_problem(HTTPStatus.NOT_FOUND)
        if match is Match.FULL and not found.guards:
            return None
        # As the router does, for those who count requests by their route.
        scope["route"] = found.route
        if match is Match.PARTIAL:
            return method_not_allowed(scope)
        connection = HTTPConnection(scope)
        try:
            # Whoever shows something is looked up in the database.
            with self._counted():
                for guard in found.guards:
                    await guard(connection)
        except DomainError as error:
            return problem_of(error)
        scope.setdefault("state", {})[_REQUESTER] = self._requester(connection)
        return None

    def _find(self, scope: Scope) -> tuple[Match, _Guarded | None]:
        if not self._routes:
            self._routes = [_guarded(context) for context in iter_route_contexts(scope["app"].router.routes)]
        asked = {name: scope[name] for name in ("type", "method", "path")}
        asked |= {"root_path": scope.get("root_path", ""), "headers": []}
        partial: _Guarded | None = None
        for route in self._routes:
            match, _ = route.matches(asked)
            if match is Match.FULL:
                return match, route
            if match is Match.PARTIAL and partial is None:
                partial = route
        return (Match.NONE if partial is None else Match.PARTIAL), partial


def _guarded(context: Any) -> _Guarded:
    dependant = getattr(context, "dependant", None)
    calls = [] if dependant is None else [each.call for each in dependant.dependencies]
    guards = [cast("_Guard", call) for call in calls if isinstance(call, SecurityBase | HeadGuard)]
    return _Guarded(context.original_route, context.matches, guards)
