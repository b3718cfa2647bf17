"""`callgenie serve` as a process of its own, with an embedded database and embedded voices."""

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.processes import PATIENCE_SECONDS, Running, running

from callgenie.mongo.folder import DataFolder


def serving_program(data_folder: Path, **environment: str) -> AbstractContextManager[Running]:
    """Start it on a free port."""
    arguments = ("serve", "--port", 0, "--data-dir", data_folder)
    return running("callgenie", *arguments, BCRYPT_COST="4", **environment)


async def url_of(data_folder: Path, process: Running) -> str:
    """Return where it answers, once it does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = DataFolder(data_folder).server()
            if found is not None and found.pid == process.pid:
                return found.url
            assert process.process.poll() is None, process.end()
            await asyncio.sleep(0.1)
