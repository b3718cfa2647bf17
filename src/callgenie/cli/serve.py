"""`callgenie serve`: the server, with everything it needs."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop

import callgenie
from callgenie.app import create_app
from callgenie.cli.garbage import set_aside_what_is_loaded
from callgenie.cli.process import Assemble, Program, run_server
from callgenie.cli.reload import changes_in
from callgenie.cli.terminal import LastingConsole, load_settings, progress, run
from callgenie.cli.workers import run_workers
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.kernel.secret_file import Secrets
from callgenie.mongo.client import Database
from callgenie.observability.logging import set_up_logging
from callgenie.settings import Settings, default_data_dir
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.embedded import load_embedded_providers
from callgenie.wiring.jobs import running
from callgenie.wiring.records import build_records
from callgenie.wiring.services import build_services
from callgenie.wiring.voices import models_dir_of

# Each loads the voice models for itself, some 300 MB; more of them than a large machine has cores only wait.
WORKERS_MAX: Final = 64

_out = LastingConsole(highlight=False, soft_wrap=True)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on. [CALLGENIE_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option(help="The port to listen on; 0 takes a free one. [CALLGENIE_PORT]")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded database and the secrets are kept. [CALLGENIE_DATA_DIR]")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=WORKERS_MAX, help="How many processes answer on the one port.")
    ] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="For development: start again when the code changes.")
    ] = False,
) -> None:
    """Answer calls and the API until stopped; without any setting, on an embedded database with embedded voices.

    Examples: callgenie serve; callgenie serve --port 8000; callgenie serve --workers 4; callgenie serve --reload;
    MONGODB_URI="mongodb://db/callgenie?replicaSet=rs0" callgenie serve
    """
    settings = load_settings(host=host, port=port, data_dir=data_dir)
    set_up_logging(settings.log_level, settings.log_format)

    def say_ready(url: str) -> None:
        _say_ready(url, settings)

    if workers == 1 and not reload:
        work = run_server(settings, progress, say_ready, assemble=assembler(partial(load_voices, settings)))
    else:
        changes = partial(changes_in, Path(callgenie.__file__).parent) if reload else None
        work = run_workers(settings, progress, say_ready, count=workers, changes=changes)
    run(work, loop_factory=uvloop.new_event_loop)


async def load_voices(settings: Settings) -> VoiceProviders:
    """Load the embedded models, which takes a second or two of a core, beside the loop."""
    progress("Loading the voice models")
    return await asyncio.to_thread(load_embedded_providers, models_dir_of(settings))


def assembler(load: Callable[[], Awaitable[VoiceProviders]]) -> Assemble:
    """Return what puts the server together around the providers that `load` gives."""

    @asynccontextmanager
    async def assemble(settings: Settings, database: Database, secrets: Secrets, url: str) -> AsyncIterator[Program]:
        records = build_records(settings, database, secrets, clock=SystemClock(), randomness=SystemRandomness())
        async with running(build_services(records, secrets, await load(), own_url=url)) as services:
            program = Program(create_app(services), services.live.drain)
            with set_aside_what_is_loaded():
                yield program

    return assemble


def _say_ready(url: str, settings: Settings) -> None:
    _out.print(f"\n[bold]CallGenie answers at {url}[/bold]")
    # What is printed is typed as it stands, and must reach this server's database.
    where = ""
    if settings.mongodb_uri is None:
        _out.print(f"Everything is kept in {settings.data_dir.expanduser().absolute()}")
        where = "" if settings.data_dir == default_data_dir() else f" --data-dir {shlex.quote(str(settings.data_dir))}"
    _out.print(
        "Next: sign up with POST /api/auth/register (see README.md), fill the pool with\n"
        f"`callgenie numbers import FILE{where}`, and connect a number (docs/how-to/connect-a-twilio-number.md).\n"
        "Ctrl-C stops."
    )
