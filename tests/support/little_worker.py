"""A server of several workers, each with an app of a few lines, for tests of how the processes behave.

`python -m tests.support.little_worker serve FOLDER COUNT [WATCHED]` prints `progress ...` and `ready URL`. It runs
itself as its workers, which answer `GET /` with their process id; with WATCHED they are replaced when a file changes.
`POST /call` starts a call in the worker whose id is the answer; the signal `LET_GO` ends that worker's calls.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.support.processes import LET_GO

from callgenie.cli.process import Assemble, Program
from callgenie.cli.reload import changes_in
from callgenie.cli.worker_process import run_worker
from callgenie.cli.workers import run_workers
from callgenie.kernel.errors import DomainError
from callgenie.kernel.secret_file import Secrets
from callgenie.mongo.client import Database
from callgenie.settings import Settings


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- whoever started us reads it


@asynccontextmanager
async def assemble(settings: Settings, database: Database, _secrets: Secrets, _url: str) -> AsyncIterator[Program]:
    if (settings.data_dir / "broken").exists():
        say("broken")
        sys.exit(7)
    calls: set[asyncio.Task[bool]] = set()
    hang_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(LET_GO, hang_up.set)

    async def pid(_request: Request) -> PlainTextResponse:
        await database.client.admin.command("ping")
        return PlainTextResponse(str(os.getpid()))

    async def call(_request: Request) -> PlainTextResponse:
        calls.add(asyncio.create_task(hang_up.wait()))
        return PlainTextResponse(str(os.getpid()))

    async def drain(seconds: float) -> None:
        say(f"draining {len(calls)}")
        if calls:
            await asyncio.wait(calls, timeout=seconds)

    yield Program(Starlette(routes=[Route("/", pid), Route("/call", call, methods=["POST"])]), drain)
    say(f"put away {os.getpid()}")


def main(module: str, assemble: Assemble) -> None:
    """Be the server, or a worker of it, as the command line says."""
    match sys.argv[1:]:
        case ["serve", folder, count, *watched]:
            settings = Settings(data_dir=Path(folder), port=0)
            try:
                asyncio.run(
                    run_workers(
                        settings,
                        lambda line: say(f"progress {line}"),
                        lambda url: say(f"ready {url}"),
                        count=int(count),
                        command=(sys.executable, "-m", module),
                        changes=partial(changes_in, Path(watched[0])) if watched else None,
                    )
                )
            except DomainError as refusal:
                say(f"refused {refusal.code}")
                sys.exit(3)
            say("stopped")
        case [listening, channel, url, "--data-dir", folder]:
            settings = Settings(data_dir=Path(folder))
            asyncio.run(run_worker(settings, int(listening), int(channel), url, assemble=assemble))


if __name__ == "__main__":
    main("tests.support.little_worker", assemble)
