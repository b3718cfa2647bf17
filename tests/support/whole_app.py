"""The application as `callgenie serve` makes it, on a real database, with scripted voices."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from tests.support.accounts import JWT_SECRET, PEPPER, Api, MovableClock
from tests.support.twilio_api import ACCOUNT_SID, API_KEY, API_SECRET, TwilioServer, twilio_server

from callgenie.app import create_app
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.kernel.secret_file import Secrets
from callgenie.mongo.client import Database
from callgenie.settings import Settings
from callgenie.voice.ports import LanguageModel
from callgenie.voice.providers.scripted import scripted_providers
from callgenie.wiring.records import build_records
from callgenie.wiring.services import Services, build_services

Clock = MovableClock | SystemClock


class WholeApi(Api):
    """A client of the whole application; `services` are the real ones."""

    app: FastAPI

    @property
    def whole(self) -> Services:
        services: Services = self.app.state.services
        return services


@asynccontextmanager
async def serving_everything(
    database: Database,
    *,
    clock: Clock | None = None,
    client_address: str = "203.0.113.9",
    model: LanguageModel | None = None,
    **settings: Any,
) -> AsyncIterator[WholeApi]:
    secrets = Secrets(JWT_SECRET, PEPPER)
    known = Settings(_env_file=None, **{"data_dir": Path("unused"), "bcrypt_cost": 4, **settings})
    records = build_records(known, database, secrets, clock=clock or SystemClock(), randomness=SystemRandomness())
    providers = scripted_providers((), {})
    if model is not None:
        providers = replace(providers, model=model)
    services = build_services(records, secrets, providers, own_url="http://callgenie.test")
    app = create_app(services)
    transport = httpx.ASGITransport(app, client=(client_address, 50_000), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://callgenie.test") as client:
        api = WholeApi(client, services, database.db)  # type: ignore[arg-type] # real services have all that tests ask for
        api.app = app
        yield api
    records.passwords.close()


@asynccontextmanager
async def serving_with_twilio(
    database: Database, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[tuple[WholeApi, TwilioServer]]:
    """Serve everything, set up to place calls over a small Twilio, at an hour at which most people may be called."""
    async with twilio_server() as twilio:
        carrier: dict[str, Any] = {
            "public_url": "https://calls.example.com",
            "twilio_account_sid": ACCOUNT_SID,
            "twilio_auth_token": "the auth token of a test account",
            "twilio_api_key": API_KEY,
            "twilio_api_secret": API_SECRET,
            "twilio_api_url": twilio.url,
        }
        clock = clock or MovableClock(datetime(2026, 5, 4, 18, 0, tzinfo=UTC))
        async with serving_everything(database, clock=clock, **carrier, **settings) as api:
            yield api, twilio
            assert api.whole.twilio_api is not None
            await api.whole.twilio_api.close()
