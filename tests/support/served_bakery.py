"""The demo's bakery on a server that is a process of its own, and its record as the owner sees it."""

import asyncio
from pathlib import Path
from typing import Any

from tests.support.processes import PATIENCE_SECONDS

from callgenie.cli.demo.business import BUSINESS
from callgenie.cli.demo.owner import Owner
from callgenie.mongo.client import connect
from callgenie.mongo.folder import DataFolder
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore


async def open_bakery(owner: Owner, data_folder: Path, number: str, **business: Any) -> None:
    """Sign the owner up, describe the bakery with what is different about it, and give it the only number."""
    await owner.sign_up(email="rosa@example.com", password="correct horse battery", name="Rosa")
    await owner.describe_business(BUSINESS | business)
    database = await connect(DataFolder(data_folder).uri)
    await NumberPool(NumberStore(database.db)).import_numbers([number])
    await database.close()
    await owner.get_number()


async def ended(owner: Owner, session_id: str) -> dict[str, Any]:
    """Return a conversation once its call is over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            conversation = await owner.conversation(session_id)
            if conversation["endedReason"] is not None:
                return conversation
            await asyncio.sleep(0.2)
