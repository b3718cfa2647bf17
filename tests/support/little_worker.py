"""A server of several workers, each with an app of a few lines, for tests of how the processes behave.

`python -m tests.support.little_worker serve FOLDER COUNT` prints `progress ...` and `ready URL`. It runs itself as
its workers, which answer `GET /` with their process id.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from callgenie.cli.process import Program
from callgenie.cli.worker import run_worker
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
    calls: set[asyncio.Task[None]] = set()

    async def pid(_request: Request) -> PlainTextResponse:
        await database.client.admin.command("ping")
        return PlainTextResponse(str(os.getpid()))

    async def call(request: Request) -> PlainTextResponse:
        calls.add(asyncio.create_task(asyncio.sleep(float(request.query_params["seconds"]))))
        return PlainTextResponse(str(os.getpid()))

    async def drain(seconds: float) -> None:
        say(f"draining {len(calls)}")
        if calls:
            await asyncio.wait(calls, timeout=seconds)

    yield Program(Starlette(routes=[Route("/", pid), Route("/call", call, methods=["POST"])]), drain)
    say(f"put away {os.getpid()}")


async def serve(folder: Path, count: int) -> None:
    settings = Settings(data_dir=folder, port=0)
    command = (sys.executable, "-m", "tests.support.little_worker")
    await run_workers(
        settings, lambda line: say(f"progress {line}"), lambda url: say(f"ready {url}"), count=count, command=command
    )


async def work(listening: str, channel: str, url: str, folder: str) -> None:
    await run_worker(Settings(data_dir=Path(folder)), int(listening), int(channel), url, assemble=assemble)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", folder, count]:
            try:
                asyncio.run(serve(Path(folder), int(count)))
            except DomainError as refusal:
                say(f"refused {refusal.code}")
                sys.exit(3)
            say("stopped")
        case [listening, channel, url, "--data-dir", folder]:
            asyncio.run(work(listening, channel, url, folder))
