"""`callgenie init-db`: bring the database into the shape this version needs."""

from pathlib import Path
from typing import Annotated

import typer

from callgenie.cli.terminal import load_settings, out, progress, run
from callgenie.mongo.embedded import open_database
from callgenie.mongo.schema import check_db
from callgenie.mongo.schema import init_db as bring_up_to_date
from callgenie.settings import Settings


def init_db(
    check: Annotated[bool, typer.Option("--check", help="Only say what differs; exit 1 if anything does.")] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="The data folder whose database it is. [CALLGENIE_DATA_DIR]"),
    ] = None,
) -> None:
    """Create or update collections, validators and indexes; safe at any time, also while the server runs.

    Examples: callgenie init-db; callgenie init-db --check
    """
    settings = load_settings(data_dir=data_dir)
    lines = run(_shape(settings, check=check))
    for line in lines or ["The database is as it should be."]:
        out.print(line)
    if check and lines:
        raise typer.Exit(1)


async def _shape(settings: Settings, *, check: bool) -> list[str]:
    async with open_database(settings, purpose="command", progress=progress) as database:
        return await (check_db if check else bring_up_to_date)(database.db)
