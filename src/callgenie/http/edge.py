"""Puts the house's edge around an application, in the only order that works."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware

from callgenie.http import problems
from callgenie.http.body_limit import BodyLimitMiddleware
from callgenie.http.request_id import RequestIdMiddleware
from callgenie.http.unexpected import UnexpectedErrorMiddleware


def install(
    app: FastAPI,
    *,
    around: Sequence[Middleware] = (),
    before_body: Sequence[Middleware] = (),
    after_body: Sequence[Middleware] = (),
) -> None:
    """Give `app` problems, request ids, a body limit and the last net, and what else stands between them.

    A request meets them in the order of the list below; the id comes first, as all answers carry it. `around` sees
    every answer, `before_body` judges a request by its head alone, `after_body` finds its body whole.
    """
    problems.install(app)
    within = [*before_body, Middleware(BodyLimitMiddleware), *after_body]
    for middleware in (Middleware(RequestIdMiddleware), *around, Middleware(UnexpectedErrorMiddleware), *within):
        app.user_middleware.append(middleware)
    # A redirect for a slash too many would take its host from the request's own headers.
    app.router.redirect_slashes = False
