"""Puts the house's edge around an application, in the only order that works."""

from fastapi import FastAPI

from callgenie.http import problems
from callgenie.http.body_limit import BodyLimitMiddleware
from callgenie.http.request_id import RequestIdMiddleware
from callgenie.http.unexpected import UnexpectedErrorMiddleware


def install(app: FastAPI) -> None:
    """Give `app` problems, request ids, a body limit and the last net.

    The one added last stands outermost: the request id must be on the answers of the two others.
    """
    problems.install(app)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(UnexpectedErrorMiddleware)
    app.add_middleware(RequestIdMiddleware)
    # A redirect for a slash too many would take its host from the request's own headers.
    app.router.redirect_slashes = False
