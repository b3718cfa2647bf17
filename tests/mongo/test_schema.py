"""The shape of the database."""

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import WriteError

from callgenie.mongo.schema import check_db, init_db

Db = AsyncDatabase[dict[str, Any]]


async def test_a_prepared_database_needs_nothing(database: Db) -> None:
    assert await check_db(database) == []
    assert await init_db(database) == []


async def test_the_validator_refuses_a_negative_count(database: Db) -> None:
    with pytest.raises(WriteError):
        await database["usage"].insert_one({"_id": "a", "calls": -1, "seconds": 0, "held": 0, "holds": {}})
