"""`callgenie numbers`: the pool of phone numbers."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from callgenie.cli.terminal import counted, err, load_settings, out, progress, run
from callgenie.mongo.embedded import open_database
from callgenie.mongo.schema import init_db
from callgenie.numbers.models import AssignedNumber, ImportReport, ListedNumber, NumberState
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import QUARANTINE_DAYS, NumberStore
from callgenie.settings import Settings

app = typer.Typer(help="Fill the pool of phone numbers, see who has which, and take them back.", no_args_is_help=True)

# The first faults show what is wrong with a file; a thousand more of the same do not.
FAULTS_SHOWN = 20

# For rejected input and for files that cannot be read, see sysexits.h.
_EXIT_DATA: Final = 65
_EXIT_NO_INPUT: Final = 66

DataDir = Annotated[
    Path | None, typer.Option(help="The data folder of the server whose pool it is. [CALLGENIE_DATA_DIR]")
]


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="One E.164 number a line; - reads standard input.", allow_dash=True, dir_okay=False)
    ],
    data_dir: DataDir = None,
) -> None:
    """Add numbers to the pool; those already in it stay as they are, and lines that are no number are named.

    Examples: callgenie numbers import numbers.txt; echo +14155550123 | callgenie numbers import -
    """
    settings = load_settings(data_dir=data_dir)
    try:
        if str(file) == "-":
            report = run(_import(settings, sys.stdin))
        else:
            with file.open(encoding="utf-8") as lines:
                report = run(_import(settings, lines))
    except (OSError, UnicodeDecodeError) as error:
        err.print(f"[red]Error:[/red] {file} cannot be read: {error}")
        raise typer.Exit(_EXIT_NO_INPUT) from None
    _show(report)


@app.command("list")
def list_(
    state: Annotated[NumberState | None, typer.Option(help="Only numbers in this state.")] = None,
    country: Annotated[str | None, typer.Option(help="Only numbers of this country, such as US.")] = None,
    data_dir: DataDir = None,
) -> None:
    """List the pool: each number, its state, country and area code, and who has it or when it is free again.

    Examples: callgenie numbers list; callgenie numbers list --state free --country US
    """
    settings = load_settings(data_dir=data_dir)
    run(_list(settings, state, country.upper() if country else None))


@app.command()
def release(
    number: Annotated[str, typer.Argument(help="In E.164, such as +14155550123.")],
    data_dir: DataDir = None,
) -> None:
    """Take a number away from whoever has it; nobody else gets it for some time, as callers still dial it for them.

    Example: callgenie numbers release +14155550123
    """
    released = run(_release(load_settings(data_dir=data_dir), number.strip()))
    out.print(f"{released.number} was user {released.user_id}'s; it is free again in {QUARANTINE_DAYS} days")


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[NumberPool]:
    async with open_database(settings, purpose="command", progress=progress) as database:
        await init_db(database.db)
        yield NumberPool(NumberStore(database.db))


async def _import(settings: Settings, lines: TextIO) -> ImportReport:
    async with _pool(settings) as pool:
        return await pool.import_numbers(lines)


async def _release(settings: Settings, number: str) -> AssignedNumber:
    async with _pool(settings) as pool:
        return await pool.release_whoevers(number)


async def _list(settings: Settings, state: NumberState | None, country: str | None) -> None:
    count = 0
    async with _pool(settings) as pool:
        async for number in pool.list_everybodys(state=state, country=country):
            out.print(_line(number), markup=False)
            count += 1
    # Beside the list, so that the list alone can be piped on.
    progress(counted(count, "number"))


def _line(number: ListedNumber) -> str:
    place = f"{number.country or '-':<3} {number.area_code or '-':<6}"
    whose = ""
    if number.user_id is not None and number.assigned_at is not None:
        whose = f"user {number.user_id} since {number.assigned_at:%Y-%m-%d}"
    elif number.free_from is not None:
        whose = f"free from {number.free_from:%Y-%m-%d}"
    return f"{number.number:<16} {number.state:<10} {place} {whose}".rstrip()


def _show(report: ImportReport) -> None:
    out.print(f"{report.added} added, {report.already_there} already there, {report.skipped} skipped")
    for skipped in report.examples[:FAULTS_SHOWN]:
        # Quoted with escapes: a file that is no text must not write to the terminal as it likes.
        err.print(f"  line {skipped.line_number}, {skipped.text!a}: {skipped.why}", markup=False)
    if report.skipped > FAULTS_SHOWN:
        err.print(f"  and {report.skipped - FAULTS_SHOWN} more")
    if report.skipped:
        raise typer.Exit(_EXIT_DATA)
