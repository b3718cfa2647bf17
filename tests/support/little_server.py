"""A server as `callgenie serve` runs it, with an app of ten lines, for tests of how the process behaves.

`python -m tests.support.little_server FOLDER PORT` prints `progress ...` and `ready URL`; the settings of the
environment hold. `POST /call` starts a call that the drain waits for; the signal `LET_GO` ends the calls.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.support.processes import LET_GO

from callgenie.cli.process import Program, run_server
from callgenie.kernel.errors import DomainError
from callgenie.kernel.secret_file import Secrets
from callgenie.mongo.client import Database
from callgenie.settings import Settings


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- whoever started us reads it


@asynccontextmanager
async def assemble(_settings: Settings, database: Database, _secrets: Secrets, _url: str) -> AsyncIterator[Program]:
    calls: set[asyncio.Task[bool]] = set()
    hang_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(LET_GO, hang_up.set)

    async def call(_request: Request) -> PlainTextResponse:
        calls.add(asyncio.create_task(hang_up.wait()))
        return PlainTextResponse("calling")

    async def ping(_request: Request) -> PlainTextResponse:
        await database.client.admin.command("ping")
        return PlainTextResponse("pong")

    async def drain(seconds: float) -> None:
        say(f"draining {len(calls)}")
        if calls:
            await asyncio.wait(calls, timeout=seconds)
        say("drained")

    routes = [Route("/", ping), Route("/call", call, methods=["POST"])]
    yield Program(Starlette(routes=routes), drain)
    say("put away")


if __name__ == "__main__":
    try:
        settings = Settings(data_dir=Path(sys.argv[1]), port=int(sys.argv[2]))
        asyncio.run(
            run_server(
                settings, lambda line: say(f"progress {line}"), lambda url: say(f"ready {url}"), assemble=assemble
            )
        )
    except DomainError as refusal:
        say(f"refused {refusal.code} {refusal.detail}")
        sys.exit(3)
    say("stopped")
