"""Counts every request before anything else is done for it, and refuses those that are too many."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callgenie.http import rate_limits
from callgenie.http.client_address import client_address
from callgenie.http.problems import problem_of
from callgenie.http.rate_limits import Policy, RateLimits
from callgenie.kernel.errors import TooManyRequestsError

# Which rule stands for a signed-in user and for a machine, and the name it is counted under; None for nobody we know.
# It must not ask the database: a request is counted before that.
Recognise = Callable[[HTTPConnection], tuple[Policy, str] | None]

# What is dear or can harm somebody else has a rule of its own, by address, whoever is signed in.
_DEAR: Final[Mapping[str, Policy]] = {
    "/api/auth/register": rate_limits.REGISTER,
    "/api/auth/forgot-password": rate_limits.RESET,
    "/api/auth/reset-password": rate_limits.RESET,
    "/api/auth/resend-verification": rate_limits.RESET,
    "/api/auth/verify-email": rate_limits.RESET,
    "/api/calls/web": rate_limits.WEB_CALL,
    # The pages that links in mails lead to do the same.
    "/reset-password": rate_limits.RESET,
    "/verify-email": rate_limits.RESET,
}
_CARRIERS: Final = "/api/telephony/"
# Asked by whoever restarts, balances or measures: a refusal there would make a busy server look dead.
_FREE: Final = ("/health/", "/metrics")


class RateLimitMiddleware:
    """Answers 429 to what is too many, and tells everybody else what they have left."""

    def __init__(self, app: ASGIApp, *, limits: RateLimits, recognise: Recognise, trusted_hops: int) -> None:
        self._app = app
        self._limits = limits
        self._recognise = recognise
        self._trusted_hops = trusted_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI). A call's socket is opened by its token, once, and is not counted."""
        if scope["type"] != "http" or scope["path"].startswith(_FREE):
            await self._app(scope, receive, send)
            return
        policy, who = self._rule_for(scope)
        try:
            standing = await self._limits.hit(policy, who)
        except TooManyRequestsError as error:
            await problem_of(error).answer(scope)(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and not any(
                name == b"ratelimit" for name, _ in message["headers"]
            ):
                message["headers"] = [*message["headers"], *standing.headers()]
            await send(message)

        await self._app(scope, receive, told)

    def _rule_for(self, scope: Scope) -> tuple[Policy, str]:
        path = scope["path"]
        policy = _DEAR.get(path)
        if policy is None:
            if path.startswith(_CARRIERS):
                policy = rate_limits.CARRIER
            elif (known := self._recognise(HTTPConnection(scope))) is not None:
                return known
            else:
                policy = rate_limits.ADDRESS
        return policy, client_address(scope, self._trusted_hops)
