"""Ways to look at what follows conversations, and to make it due."""

from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from tests.support.metering import Office

from callgenie.calls.models import AnsweredCall
from callgenie.kernel.vocabulary import EndedReason, Fault


async def make_due(db: AsyncDatabase[dict[str, Any]]) -> None:
    """Stand in for waiting: leases and pauses are measured by the database's clock, which no test can move."""
    due = {"$map": {"input": "$followUps", "as": "each", "in": {"$mergeObjects": ["$$each", {"dueAt": "$$NOW"}]}}}
    await db["conversations"].update_many(
        {"followUpAt": {"$exists": True}}, [{"$set": {"followUps": due, "followUpAt": "$$NOW"}}]
    )


async def end(office: Office, call: AnsweredCall) -> None:
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=9)


async def follows(office: Office, session_id: str = "CA1") -> list[str]:
    """Return what is named; where nothing is, both fields are gone."""
    found = await office.conversation(session_id)
    named = [each["kind"] for each in found.get("followUps", [])]
    assert ("followUps" in found) == ("followUpAt" in found) == bool(named)
    return named
