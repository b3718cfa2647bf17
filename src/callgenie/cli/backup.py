"""`callgenie backup`: the whole database in a folder."""

from pathlib import Path
from typing import Annotated

import typer

from callgenie.cli.meter import collection_bars
from callgenie.cli.terminal import counted, load_settings, out, progress, run
from callgenie.mongo.dump import DumpReport, dump
from callgenie.mongo.embedded import open_database
from callgenie.recordings.backups import RECORDINGS_FOLDER, Copied, save_recordings
from callgenie.settings import Settings
from callgenie.wiring.recordings import build_object_store
from callgenie.wiring.secrets import SECRETS_FILE


def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder to make; there must be nothing of this name.")
    ],
    compress: Annotated[bool, typer.Option("--gzip", help="Compress each file of the database.")] = False,
    recordings: Annotated[
        bool, typer.Option(help="Copy the recordings too; leave them out where their bucket is saved in another way.")
    ] = True,
    data_dir: Annotated[
        Path | None, typer.Option(help="The data folder whose database it is. [CALLGENIE_DATA_DIR]")
    ] = None,
) -> None:
    """Save every collection as it is at one moment, and the recordings, also while calls are running.

    The folder of the database is one that mongorestore reads; the recordings are beside it.

    Examples: callgenie backup /backups/monday; callgenie backup --gzip /backups/monday
    """
    settings = load_settings(data_dir=data_dir)
    report, copied = run(_backup(settings, folder.expanduser().absolute(), compress=compress, recordings=recordings))
    documents = sum(report.documents.values())
    out.print(f"{counted(documents, 'document')} of {counted(len(report.documents), 'collection')} in {report.folder}")
    if recordings:
        out.print(f"{in_words(copied)} in {report.folder.parent / RECORDINGS_FOLDER}")
    if settings.password_pepper is None or settings.jwt_secret is None:
        progress(
            f"Keep {settings.data_dir.expanduser().absolute() / SECRETS_FILE} too, and apart from the backup: "
            "on another machine nobody could sign in without it."
        )


async def _backup(settings: Settings, folder: Path, *, compress: bool, recordings: bool) -> tuple[DumpReport, Copied]:
    copied = Copied()
    async with open_database(settings, purpose="command", progress=progress) as database:
        with collection_bars() as bars:

            async def copy_recordings(draft: Path) -> None:
                nonlocal copied
                copied = await save_recordings(build_object_store(settings), draft, bars)

            beside = copy_recordings if recordings else None
            report = await dump(database, folder, compress=compress, meter=bars, beside=beside)
    return report, copied


def in_words(copied: Copied) -> str:
    """Return how many recordings and bytes, for people."""
    return f"{counted(copied.count, 'recording')} ({copied.bytes / 1_000_000:.1f} MB)"
