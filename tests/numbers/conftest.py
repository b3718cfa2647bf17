"""The pool on the test database, and the API in front of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import Api
from tests.support.record_api import serving_records

from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore


@pytest.fixture
def pool(database: AsyncDatabase[dict[str, Any]]) -> NumberPool:
    return NumberPool(NumberStore(database))


@pytest.fixture
async def api(database: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Api]:
    async with serving_records(database) as served:
        yield served
