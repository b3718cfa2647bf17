"""The whole server with the embedded providers, one signed-up owner and a carrier: all real, in virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr
from tests.support.serving import serving
from tests.support.virtual_database import virtual_database

from callgenie.app import create_app
from callgenie.cli.demo.business import BUSINESS
from callgenie.cli.demo.owner import Owner
from callgenie.kernel.clock import LoopClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.kernel.secret_file import Secrets
from callgenie.settings import Settings
from callgenie.telephony.simulator.carrier import SimulatedCarrier
from callgenie.voice.providers.embedded import load_embedded_providers
from callgenie.wiring.jobs import running
from callgenie.wiring.records import build_records
from callgenie.wiring.services import Services, build_services

AUTH_TOKEN = "the auth token of a test account"
NUMBER = "+14155550123"


@dataclass(frozen=True)
class House:
    """The whole server, one signed-up owner, and a carrier."""

    owner: Owner
    services: Services
    carrier: SimulatedCarrier
    number: str


@asynccontextmanager
async def house(mongodb_uri: str, **more: Any) -> AsyncIterator[House]:
    settings = Settings(twilio_auth_token=SecretStr(AUTH_TOKEN), bcrypt_cost=4, **more)
    secrets = Secrets("s" * 48, "p" * 48)
    async with virtual_database(mongodb_uri) as database:
        records = build_records(
            settings, database, secrets, clock=LoopClock(datetime.now(UTC)), randomness=SystemRandomness()
        )
        services = build_services(records, secrets, load_embedded_providers(), own_url="http://127.0.0.1:9")
        async with (
            running(services),
            serving(create_app(services)) as url,
            Owner(url) as owner,
            # The server learns its own address only now; the carrier signs over the public one.
            SimulatedCarrier(url, AUTH_TOKEN, public_url=services.public_url) as carrier,
        ):
            await owner.sign_up(email="rosa@example.com", password="correct horse battery", name="Rosa")
            await owner.describe_business(BUSINESS)
            await services.numbers.import_numbers([NUMBER])
            yield House(owner, services, carrier, await owner.get_number())
