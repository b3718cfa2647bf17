"""The ASGI application: every room's routes behind one edge."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware import Middleware

from callgenie import __version__
from callgenie.billing.routes import router as billing
from callgenie.calls.ask.routes import router as ask
from callgenie.calls.exotel_routes import router as exotel
from callgenie.calls.ongoing_routes import router as ongoing_calls
from callgenie.calls.outbound_routes import router as outbound_calls
from callgenie.calls.twilio_routes import router as twilio
from callgenie.calls.web_page import router as web_page
from callgenie.calls.web_routes import router as web_calls
from callgenie.conversations.routes import router as conversations
from callgenie.conversations.routes import usage_router as daily_usage
from callgenie.conversations.unanswered.routes import router as unanswered_questions
from callgenie.http import edge
from callgenie.http.description import describe
from callgenie.http.health import router as health
from callgenie.http.idempotency import IdempotencyMiddleware
from callgenie.http.metrics import router as metrics
from callgenie.http.overload import OverloadMiddleware, Turnstile, TurnstileMiddleware
from callgenie.http.rate_limiting import RateLimitMiddleware
from callgenie.http.reference import description_of
from callgenie.http.reference import router as reference
from callgenie.http.request_watch import RequestWatchMiddleware
from callgenie.lifecycle.routes import router as lifecycle
from callgenie.numbers.do_not_call_routes import router as do_not_call
from callgenie.numbers.routes import router as numbers
from callgenie.profiles.routes import router as profiles
from callgenie.recordings.routes import router as recordings
from callgenie.users.api_key_routes import router as api_keys
from callgenie.users.api_keys import ScopeMissingError
from callgenie.users.errors import InvalidAccessTokenError
from callgenie.users.guards import identify, recognise, requester
from callgenie.users.link_pages import router as link_pages
from callgenie.users.recovery_routes import router as recovery
from callgenie.users.routes import router as users
from callgenie.users.session_routes import router as sessions
from callgenie.webhooks.routes import router as webhooks
from callgenie.wiring.limits import build_body_limits
from callgenie.wiring.services import Services

ROUTERS: Final = (
    users,
    recovery,
    link_pages,
    sessions,
    api_keys,
    lifecycle,
    profiles,
    numbers,
    outbound_calls,
    do_not_call,
    conversations,
    unanswered_questions,
    billing,
    daily_usage,
    webhooks,
    ongoing_calls,
    web_calls,
    ask,
    web_page,
    recordings,
    twilio,
    exotel,
    health,
    metrics,
    reference,
)


def create_app(services: Services) -> FastAPI:
    """Return the application that answers with `services`."""
    app = _with_routes()
    app.state.services = services
    turnstile = Turnstile()
    services.metrics.watch("callgenie_requests_in_hand", "Requests that are being answered.", lambda: turnstile.inside)
    edge.install(
        app,
        around=[
            Middleware(OverloadMiddleware, turnstile=turnstile, meter=services.metrics),
            Middleware(RequestWatchMiddleware, meter=services.metrics),
        ],
        before_body=_before_body(services),
        after_body=_after_body(services, turnstile),
        bodies=build_body_limits(services.settings),
        requester=requester,
        counted=turnstile.counted,
        trusted_hops=services.settings.trusted_proxy_hops,
    )
    return app


def description() -> dict[str, Any]:
    """Return what the application says of itself at /openapi.json."""
    return _with_routes().openapi()


def _with_routes() -> FastAPI:
    app = FastAPI(
        title="CallGenie",
        version=__version__,
        summary="An AI phone assistant for small businesses.",
        # The framework's own pages fetch their scripts from elsewhere; `http.reference` has others.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # What generated clients call their methods.
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: describe(app, signed_in=(InvalidAccessTokenError, ScopeMissingError))  # type: ignore[method-assign] # as the framework's own docs do it
    app.state.description = description_of(app)
    return app


def _before_body(services: Services) -> Sequence[Middleware]:
    if services.limits is None:
        return ()
    hops = services.settings.trusted_proxy_hops
    return (Middleware(RateLimitMiddleware, limits=services.limits, recognise=recognise, trusted_hops=hops),)


def _after_body(services: Services, turnstile: Turnstile) -> Sequence[Middleware]:
    counted = Middleware(TurnstileMiddleware, turnstile=turnstile)
    return (counted, Middleware(IdempotencyMiddleware, store=services.idempotency, identify=identify))
