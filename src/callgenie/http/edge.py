"""Puts the house's edge around an application, in the only order that works."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from fastapi import FastAPI
from starlette.middleware import Middleware

from callgenie.http import problems
from callgenie.http.body_budget import BodyBudget, BodyLimits
from callgenie.http.body_limit import BodyLimitMiddleware
from callgenie.http.head_checks import HeadCheckMiddleware, Requester
from callgenie.http.request_id import RequestIdMiddleware
from callgenie.http.unexpected import UnexpectedErrorMiddleware


def install(
    app: FastAPI,
    *,
    around: Sequence[Middleware] = (),
    before_body: Sequence[Middleware] = (),
    after_body: Sequence[Middleware] = (),
    bodies: BodyLimits | None = None,
    requester: Requester = lambda _: None,
    counted: Callable[[], AbstractContextManager[None]] = nullcontext,
    trusted_hops: int = 0,
) -> None:
    """Give `app` problems, request ids, bounds on bodies and the last net, and what else stands between them.

    A request meets them in the order of the list below; the id comes first, as all answers carry it. `around` sees
    every answer, `before_body` judges a request by its head alone, `after_body` finds its body whole.

    Args:
        app: The application.
        around: Middleware that sees every answer.
        before_body: Middleware that judges a request by its head, before the guards of its route do.
        after_body: Middleware that finds the body whole.
        bodies: The bounds on bodies.
        requester: Names who was let in by the guards of a route.
        counted: Counts a request as work while its guards are asked.
        trusted_hops: Proxies whose word on the client's address is believed.
    """
    problems.install(app)
    limits = bodies or BodyLimits()
    within = [
        *before_body,
        Middleware(HeadCheckMiddleware, limits=limits, requester=requester, counted=counted),
        Middleware(BodyLimitMiddleware, budget=BodyBudget(limits), trusted_hops=trusted_hops),
        *after_body,
    ]
    for middleware in (Middleware(RequestIdMiddleware), *around, Middleware(UnexpectedErrorMiddleware), *within):
        app.user_middleware.append(middleware)
    # A redirect for a slash too many would take its host from the request's own headers.
    app.router.redirect_slashes = False
