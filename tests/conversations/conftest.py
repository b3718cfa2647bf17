"""The record on the test database, and the API in front of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import Api
from tests.support.metering import Office, open_office
from tests.support.record_api import serving_records


@pytest.fixture
def office(database: AsyncDatabase[dict[str, Any]]) -> Office:
    return open_office(database)


@pytest.fixture
async def api(database: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Api]:
    async with serving_records(database) as served:
        yield served
