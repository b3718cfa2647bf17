"""Whether the database can take writes and has its indexes: what a balancer asks before it sends traffic."""

from typing import Final

from pymongo.errors import PyMongoError

from callgenie.kernel.clock import Clock
from callgenie.mongo.client import Database, deadline
from callgenie.mongo.errors import DatabaseUnreachableError, SchemaConflictError
from callgenie.mongo.schema import check_db

# A probe comes every few seconds. Indexes do not vanish on their own, so they are looked at once in a while.
SCHEMA_FRESH_SECONDS: Final = 60.0
PROBE_SECONDS_MAX: Final = 2.0


class Readiness:
    """Answers one question: could this process serve a request now?"""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._schema_good_until = float("-inf")

    async def check(self) -> None:
        """Return when all is well.

        Raises:
            DatabaseUnreachableError: No primary takes writes.
            SchemaConflictError: An index or a validator is missing.
        """
        with deadline(PROBE_SECONDS_MAX):
            try:
                hello = await self._database.client.admin.command("hello")
                if not hello.get("isWritablePrimary"):
                    raise DatabaseUnreachableError("The database has no primary at the moment.")
                if self._clock.monotonic() >= self._schema_good_until:
                    await self._look_at_schema()
            except PyMongoError as error:
                raise DatabaseUnreachableError("The database does not answer.") from error

    async def _look_at_schema(self) -> None:
        if await check_db(self._database.db):
            raise SchemaConflictError("Indexes or validators are missing. Run `callgenie init-db`.")
        self._schema_good_until = self._clock.monotonic() + SCHEMA_FRESH_SECONDS
