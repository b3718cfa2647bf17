"""A ledger on the test database."""

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.billing.ledger import UsageLedger


@pytest.fixture
def ledger(database: AsyncDatabase[dict[str, Any]]) -> UsageLedger:
    return UsageLedger(database)
