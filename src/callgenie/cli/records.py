"""What a command works with: everything that needs the database alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callgenie.cli.terminal import progress
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.mongo.embedded import open_database
from callgenie.mongo.folder import DataFolder
from callgenie.mongo.schema import init_db
from callgenie.settings import Settings
from callgenie.wiring.records import Records, build_records
from callgenie.wiring.secrets import gather_secrets


@asynccontextmanager
async def open_records(settings: Settings) -> AsyncIterator[Records]:
    """Connect, bring the database into shape, and put together what works on it.

    Raises:
        DomainError: The database or the secrets cannot be had; the sentence says what to do.
    """
    DataFolder(settings.data_dir).prepare()
    secrets = gather_secrets(settings)
    async with open_database(settings, purpose="command", progress=progress) as database:
        await init_db(database.db)
        records = build_records(settings, database, secrets, clock=SystemClock(), randomness=SystemRandomness())
        try:
            yield records
        finally:
            records.passwords.close()
