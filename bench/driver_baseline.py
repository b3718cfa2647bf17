"""The same operations with the bare driver and nothing around them, in a process of its own.

Each twice: the one write or read that the request is about, and all operations that it needs, the look at the session
and at the plan included. `python -m bench.driver_baseline URI USER_ID COUNT AT_ONCE` prints CPU seconds as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from bench.together import at_once
from callgenie.mongo.client import Database, connect


async def _cpu_seconds_each(count: int, parallel: int, operation: Callable[[int], Awaitable[object]]) -> float:
    await at_once(min(count, 50), parallel, operation, first=10_000_000)
    before = time.process_time()
    await at_once(count, parallel, operation)
    return (time.process_time() - before) / count


def _conversation(user_id: ObjectId, number: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    texts = (("user", f"Question {number}, please?"), ("assistant", f"Answer {number}, with pleasure."))
    return {
        "userId": user_id,
        "sessionId": f"driver-{number}",
        "carrier": "api",
        "direction": "inbound",
        "status": "in-progress",
        "phoneNumber": "+14155550123",
        "startedAt": now,
        "periodStart": now,
        "turns": [{"number": at + 1, "role": role, "text": text, "at": now} for at, (role, text) in enumerate(texts)],
        "turnCount": 2,
    }


async def _measure(database: Database, user_id: ObjectId, count: int, parallel: int) -> dict[str, float]:
    conversations = database.db["conversations"]

    async def save(number: int) -> None:
        document = _conversation(user_id, number)
        key = {"userId": document.pop("userId"), "sessionId": document.pop("sessionId")}
        await conversations.update_one(key, {"$setOnInsert": document}, upsert=True)

    async def page(_number: int) -> None:
        found = conversations.find({"userId": user_id}).sort([("startedAt", -1), ("_id", -1)]).limit(21)
        assert len(await found.to_list()) == 21

    async def save_all(number: int) -> None:
        await _look(database, "sessions", "users", "users", "userprofiles", "usage", "conversations")
        await save(number + count)

    async def page_all(number: int) -> None:
        await _look(database, "sessions", "users")
        await page(number)

    operations = {"save": save, "page": page, "save_all": save_all, "page_all": page_all}
    return {name: await _cpu_seconds_each(count, parallel, operation) for name, operation in operations.items()}


async def _look(database: Database, *collections: str) -> None:
    for name in collections:
        await database.db[name].find_one({"_id": 0})


async def main() -> None:
    """Measure and print."""
    uri, user_id, count, parallel = sys.argv[1:]
    database = await connect(uri)
    try:
        print(json.dumps(await _measure(database, ObjectId(user_id), int(count), int(parallel))))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
