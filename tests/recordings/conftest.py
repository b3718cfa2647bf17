"""The desk and what it writes, and all there is around recordings, on the test database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.metering import Office, open_office
from tests.support.recording_studio import Studio, studio


@pytest.fixture
def office(database: AsyncDatabase[dict[str, Any]]) -> Office:
    return open_office(database)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path) as opened:
        yield opened
