"""`callgenie backup`: the whole database in a folder."""

from pathlib import Path
from typing import Annotated

import typer

from callgenie.cli.meter import collection_bars
from callgenie.cli.terminal import load_settings, out, progress, run
from callgenie.mongo.dump import DumpReport, dump
from callgenie.mongo.embedded import open_database
from callgenie.settings import Settings
from callgenie.wiring import SECRETS_FILE


def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder to make; there must be nothing of this name.")
    ],
    compress: Annotated[bool, typer.Option("--gzip", help="Compress each file.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="The data folder whose database it is. [CALLGENIE_DATA_DIR]")
    ] = None,
) -> None:
    """Save every collection as it is at one moment, also while calls are running; mongorestore can read it.

    Examples: callgenie backup /backups/monday; callgenie backup --gzip /backups/monday
    """
    settings = load_settings(data_dir=data_dir)
    report = run(_backup(settings, folder.expanduser().absolute(), compress=compress))
    documents = sum(report.documents.values())
    out.print(f"{documents} documents of {len(report.documents)} collections in {report.folder}")
    if settings.password_pepper is None or settings.jwt_secret is None:
        progress(
            f"Keep {settings.data_dir.expanduser().absolute() / SECRETS_FILE} too, and apart from the backup: "
            "on another machine nobody could sign in without it."
        )


async def _backup(settings: Settings, folder: Path, *, compress: bool) -> DumpReport:
    async with open_database(settings, purpose="command", progress=progress) as database:
        with collection_bars() as bars:
            return await dump(database, folder, compress=compress, meter=bars)
