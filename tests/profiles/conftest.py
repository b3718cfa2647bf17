"""The application with accounts, empty, for every test that asks for `api`."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import Api, MovableClock, serving


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def api(database: AsyncDatabase[dict[str, Any]], clock: MovableClock) -> AsyncIterator[Api]:
    async with serving(database, clock=clock) as served:
        yield served
