"""Makes the database do a write and not say so, as a failover does: what is repeated then must not count twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase


@asynccontextmanager
async def lost_answers(db: AsyncDatabase[dict[str, Any]], *commands: str, times: int = 1) -> AsyncIterator[None]:
    """Within the block, the first `times` of these commands are carried out and then reported as timed out."""
    point = "failCommand"
    # Reported without a retryable label, so that the driver does not hide it: the application has to repeat.
    timed_out = {"code": 64, "errmsg": "waiting for replication timed out", "errInfo": {"wtimeout": True}}
    data = {"failCommands": list(commands), "writeConcernError": timed_out}
    await db.client.admin.command({"configureFailPoint": point, "mode": {"times": times}, "data": data})
    try:
        yield
        left = await db.client.admin.command({"configureFailPoint": point, "mode": "off"})
        assert left["count"] >= times, "no answer was lost, so the test shows nothing"
    finally:
        await db.client.admin.command({"configureFailPoint": point, "mode": "off"})
