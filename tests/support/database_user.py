"""A small program that opens the embedded database, for tests that kill it.

`python -m tests.support.database_user FOLDER serve|command stay|leave` prints `ready URI`, counts its starts in the
collection `starts`, stays until the signal `LET_GO` if it shall, and prints `done`. A refusal is printed as
`refused CODE SENTENCE`, with exit code 3.
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

from pydantic import SecretStr
from tests.support.processes import LET_GO, PATIENCE_SECONDS

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


async def main(folder: Path, purpose: Purpose, *, stays: bool) -> None:
    settings = Settings(folder)
    let_go = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(LET_GO, let_go.set)
    async with open_database(settings, purpose=purpose, progress=lambda line: say(f"progress {line}")) as database:
        starts = database.db["starts"]
        await retrying(lambda: starts.insert_one({"purpose": purpose}))
        say(f"starts {await starts.count_documents({})}")
        say(f"ready {DataFolder(folder).uri}")
        if stays:
            await let_go.wait()
        await retrying(lambda: starts.insert_one({"end": purpose}), seconds=PATIENCE_SECONDS)
    say("done")


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), cast("Purpose", sys.argv[2]), stays=sys.argv[3] == "stay"))
    except DomainError as refusal:
        say(f"refused {refusal.code} {refusal.detail}")
        sys.exit(3)
