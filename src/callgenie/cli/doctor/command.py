"""`callgenie doctor` itself: one check after the other, one line for each finding."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

import typer

from callgenie.cli.doctor import database as of_database
from callgenie.cli.doctor import machine
from callgenie.cli.doctor.models import Finding, Verdict, bad, hint
from callgenie.cli.doctor.providers import check_providers
from callgenie.cli.doctor.recordings import check_recordings
from callgenie.cli.terminal import out, progress, read_settings, run
from callgenie.kernel.clock import Clock, SystemClock
from callgenie.kernel.errors import DomainError
from callgenie.mongo.embedded import open_database
from callgenie.mongo.examination import QueryRecorder, in_words
from callgenie.mongo.folder import DataFolder
from callgenie.settings import Settings
from callgenie.wiring.voices import models_dir_of

_COLOURS: Final = {Verdict.GOOD: "green", Verdict.HINT: "yellow", Verdict.BAD: "red"}


def doctor(
    data_dir: Annotated[Path | None, typer.Option(help="The data folder to look at. [CALLGENIE_DATA_DIR]")] = None,
) -> None:
    """Look at everything that has to be right, change nothing, and say what to do; exit 1 if anything is bad.

    Examples: callgenie doctor; MONGODB_URI="mongodb://db/callgenie?replicaSet=rs0" callgenie doctor
    """
    settings = read_settings(data_dir=data_dir)
    if run(_print_all(examine(settings, SystemClock()))):
        raise typer.Exit(1)


async def _print_all(findings: AsyncIterator[Finding]) -> bool:
    """Print each finding when it is found; return whether one is bad."""
    count = dict.fromkeys(Verdict, 0)
    async for finding in findings:
        count[finding.verdict] += 1
        colour = _COLOURS[finding.verdict]
        out.print(f"[{colour}]{finding.verdict.value:<5}[/{colour}]", end="")
        out.print(f"{finding.subject:<14} {finding.sentence}", markup=False)
    out.print(", ".join(f"{number} {verdict.value}" for verdict, number in count.items()))
    return count[Verdict.BAD] > 0


async def examine(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Yield what every check finds."""
    folder = settings.data_dir.expanduser().absolute()
    for each in (
        *machine.check_names(),
        *machine.check_disk(folder),
        *machine.check_secrets(settings),
        *machine.check_voices(models_dir_of(settings)),
        *machine.check_carrier(settings),
    ):
        yield each
    async for each in machine.check_mail(settings):
        yield each
    async for each in check_providers(settings):
        yield each
    async for each in check_recordings(settings):
        yield each
    if settings.mongodb_uri is None and not DataFolder(folder).data.exists():
        # Opening it would make one, and this only looks.
        yield hint("database", f"{folder} holds none yet: the first start of the server makes it")
        return
    recorder = QueryRecorder()
    try:
        async with open_database(settings, purpose="command", progress=progress, listeners=[recorder]) as database:
            for checks in (
                of_database.check_server(database, clock),
                of_database.check_schema(database),
                of_database.check_documents(database),
                of_database.check_queries(database, recorder, clock),
                of_database.check_pool(database),
            ):
                with in_words():
                    async for each in checks:
                        yield each
    except DomainError as refusal:
        yield bad("connection", refusal.detail)
