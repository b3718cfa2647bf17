"""An application with accounts, profiles, numbers and usage on a real database, and a client that talks HTTP to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.service import UsageService
from callgenie.billing.terms import TermsReader
from callgenie.http import edge
from callgenie.http.pages import CursorSigner
from callgenie.jobs.outbox import Delivery
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.clock import Clock, SystemClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.lifecycle import routes as lifecycle_routes
from callgenie.lifecycle.signup import SignUp
from callgenie.mail.console import ConsoleMailer
from callgenie.mail.models import Mailer
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore
from callgenie.profiles import routes as profiles_routes
from callgenie.profiles.options import VoiceOptions
from callgenie.profiles.service import ProfileService
from callgenie.profiles.store import ProfileStore
from callgenie.users import link_pages, recovery_routes, session_routes
from callgenie.users import routes as users_routes
from callgenie.users.account_mail import AccountMail
from callgenie.users.accounts import Accounts
from callgenie.users.credential_store import CredentialStore
from callgenie.users.letters import Links, account_writers
from callgenie.users.one_time_token_store import OneTimeTokenStore
from callgenie.users.one_time_tokens import OneTimeTokens
from callgenie.users.password_changes import PasswordChanges
from callgenie.users.passwords import PasswordHasher
from callgenie.users.registration_store import RegistrationStore
from callgenie.users.registrations import Registrations
from callgenie.users.session_store import SessionStore
from callgenie.users.sessions import Sessions
from callgenie.users.store import UserStore
from callgenie.users.tokens import AccessTokens, RefreshTokens

JWT_SECRET = "a secret for tests, long enough for every algorithm that a forger could try, so 64 bytes"
PEPPER = "a pepper for tests that is longer than 32 bytes"
# bcrypt's cheapest: what a hash is worth is tested where hashes are.
COST = 4
OPTIONS = VoiceOptions(voices=("nanotts-en-us", "nanotts-en-gb"), models=("faq",), languages=("en",))
ORIGIN = "https://calls.example.com"
PASSWORD = "correct horse battery"


@dataclass
class MovableClock:
    """A clock that stands still until it is moved."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 3, 14, 9, 26, 53, 589_793, tzinfo=UTC))

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


def make_services(
    db: AsyncDatabase[dict[str, Any]],
    *,
    clock: Clock | None = None,
    cost: int = COST,
    waiting_max: int = 32,
    verified_only: bool = False,
    mailer: Mailer | None = None,
) -> SimpleNamespace:
    """Put the services together as the program does; `hasher.close()` is the caller's to call."""
    clock, randomness = clock or SystemClock(), SystemRandomness()
    outbox, tokens, sessions = OutboxStore(db), OneTimeTokenStore(db), SessionStore(db)
    hasher = PasswordHasher(PEPPER, cost=cost, waiting_max=waiting_max)
    users = Accounts(UserStore(db), hasher, clock, verified_only=verified_only)
    account_mail = AccountMail(outbox, clock, randomness)
    registrations = Registrations(users, RegistrationStore(db), tokens, account_mail, randomness)
    links = Links(ORIGIN, OneTimeTokens(JWT_SECRET), tokens)
    writers = account_writers(UserStore(db), RegistrationStore(db), links)
    profiles = ProfileService(ProfileStore(db), users, OPTIONS)
    access = AccessTokens([JWT_SECRET], clock, randomness)
    return SimpleNamespace(
        settings=SimpleNamespace(trusted_proxy_hops=0),
        hasher=hasher,
        access=access,
        users=users,
        profiles=profiles,
        sessions=Sessions(sessions, users, access, RefreshTokens(JWT_SECRET, randomness)),
        sign_up=SignUp(users, profiles, registrations, account_mail, verified_only=verified_only),
        account_mail=account_mail,
        registrations=registrations,
        password_changes=PasswordChanges(CredentialStore(db), hasher, tokens, sessions, randomness),
        cursors=CursorSigner(JWT_SECRET),
        outbox=outbox,
        delivery=Delivery(outbox, mailer or ConsoleMailer(), writers, randomness),
        numbers=NumberPool(NumberStore(db)),
        usage=UsageService(UsageLedger(db), TermsReader(users, profiles), clock),
    )


def make_app(services: SimpleNamespace) -> FastAPI:
    app = FastAPI()
    app.state.services = services
    edge.install(app)
    for routes in (users_routes, recovery_routes, session_routes, link_pages, profiles_routes, lifecycle_routes):
        app.include_router(routes.router)
    return app


class Api:
    """A client of the application; each test drives the routes as somebody outside would."""

    def __init__(self, client: httpx.AsyncClient, services: SimpleNamespace, db: AsyncDatabase[dict[str, Any]]) -> None:
        self.client = client
        self.services = services
        self.db = db

    async def call(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.client.request(method, path, headers=headers, **options)

    async def register(self, email: str = "owner@example.com", **fields: Any) -> dict[str, Any]:
        body = {"email": email, "password": PASSWORD, "name": "Jane Miller", **fields}
        response = await self.call("POST", "/api/auth/register", json=body)
        assert response.status_code == 201, response.text
        registered: dict[str, Any] = response.json()
        return registered

    async def log_in(self, email: str = "owner@example.com", password: str = PASSWORD) -> httpx.Response:
        return await self.call("POST", "/api/auth/login", json={"email": email, "password": password})


@asynccontextmanager
async def serving(db: AsyncDatabase[dict[str, Any]], **options: Any) -> AsyncIterator[Api]:
    services = make_services(db, **options)
    transport = httpx.ASGITransport(make_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://callgenie.test") as client:
        yield Api(client, services, db)
    services.hasher.close()


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check a refusal's whole shape, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["requestId"] == response.headers["x-request-id"]
    assert set(problem) == {"type", "title", "status", "detail", "code", "requestId"} | (
        {"errors"} if status == 422 else set()
    )
    return problem
