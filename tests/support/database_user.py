"""A small program that opens the embedded database, for tests that kill it.

`python -m tests.support.database_user FOLDER serve|command SECONDS` prints `ready URI`, counts its starts in the
collection `starts`, waits, and prints `done`. A refusal is printed as `refused CODE SENTENCE`, with exit code 3.
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

from pydantic import SecretStr

from callgenie.kernel.errors import DomainError
from callgenie.mongo.client import retrying
from callgenie.mongo.embedded import open_database
from callgenie.mongo.folder import DataFolder, Purpose


class Settings:
    mongod: Path | None = None
    mongodb_uri: SecretStr | None = None

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- whoever started us reads it


async def main(folder: Path, purpose: Purpose, seconds: float) -> None:
    settings = Settings(folder)
    async with open_database(settings, purpose=purpose, progress=lambda line: say(f"progress {line}")) as database:
        starts = database.db["starts"]
        await retrying(lambda: starts.insert_one({"purpose": purpose}))
        say(f"starts {await starts.count_documents({})}")
        say(f"ready {DataFolder(folder).uri}")
        await asyncio.sleep(seconds)
        await retrying(lambda: starts.insert_one({"end": purpose}), seconds=20)
    say("done")


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), cast("Purpose", sys.argv[2]), float(sys.argv[3])))
    except DomainError as refusal:
        say(f"refused {refusal.code} {refusal.detail}")
        sys.exit(3)
