"""Ways to look at what follows conversations, and to make it due."""

from typing import Any

from pymongo.asynchronous.database import AsyncDatabase


async def make_due(db: AsyncDatabase[dict[str, Any]]) -> None:
    """Stand in for waiting: leases and pauses are measured by the database's clock, which no test can move."""
    due = {"$map": {"input": "$followUps", "as": "each", "in": {"$mergeObjects": ["$$each", {"dueAt": "$$NOW"}]}}}
    await db["conversations"].update_many(
        {"followUpAt": {"$exists": True}}, [{"$set": {"followUps": due, "followUpAt": "$$NOW"}}]
    )
