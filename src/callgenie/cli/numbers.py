"""`callgenie numbers`: the pool of phone numbers."""

import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from callgenie.cli.terminal import err, load_settings, out, progress, run
from callgenie.mongo.embedded import open_database
from callgenie.mongo.schema import init_db
from callgenie.numbers.models import ImportReport
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore
from callgenie.settings import Settings

app = typer.Typer(help="Fill the pool of phone numbers.", no_args_is_help=True)

# The first faults show what is wrong with a file; a thousand more of the same do not.
FAULTS_SHOWN = 20


@app.callback()
def _numbers() -> None:
    """Fill the pool of phone numbers."""


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="One E.164 number a line; - reads standard input.", allow_dash=True, dir_okay=False)
    ],
    data_dir: Annotated[
        Path | None, typer.Option(help="The data folder of the server whose pool it is. [CALLGENIE_DATA_DIR]")
    ] = None,
) -> None:
    """Add numbers to the pool; those already in it stay as they are, and lines that are no number are named.

    Examples: callgenie numbers import numbers.txt; echo +14155550123 | callgenie numbers import -
    """
    settings = load_settings(data_dir=data_dir)
    if str(file) == "-":
        report = run(_import(settings, sys.stdin))
    else:
        try:
            with file.open(encoding="utf-8") as lines:
                report = run(_import(settings, lines))
        except (OSError, UnicodeDecodeError) as error:
            err.print(f"[red]Error:[/red] {file} cannot be read: {error}")
            raise typer.Exit(66) from None
    _show(report)


async def _import(settings: Settings, lines: TextIO) -> ImportReport:
    async with open_database(settings, purpose="command", progress=progress) as database:
        await init_db(database.db)
        return await NumberPool(NumberStore(database.db)).import_numbers(lines)


def _show(report: ImportReport) -> None:
    out.print(f"{report.added} added, {report.already_there} already there, {len(report.skipped)} skipped")
    for skipped in report.skipped[:FAULTS_SHOWN]:
        err.print(f"  line {skipped.line_number}: {skipped.why}", markup=False)
    if len(report.skipped) > FAULTS_SHOWN:
        err.print(f"  and {len(report.skipped) - FAULTS_SHOWN} more")
    if report.skipped:
        raise typer.Exit(65)
