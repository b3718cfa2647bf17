"""`callgenie restore`: the database from a folder that `callgenie backup` or mongodump wrote."""

from pathlib import Path
from typing import Annotated

import typer

from callgenie.cli.backup import in_words
from callgenie.cli.meter import collection_bars
from callgenie.cli.terminal import counted, load_settings, out, progress, run
from callgenie.kernel.ids import UserId
from callgenie.lifecycle.erasure_log import ERASURES_FILE
from callgenie.mongo.embedded import open_database
from callgenie.mongo.errors import RestoreWhileServingError
from callgenie.mongo.folder import DataFolder
from callgenie.mongo.restore import RestoreReport, find_dump, misses_oplog
from callgenie.mongo.restore import restore as put_back
from callgenie.mongo.restore_erasures import read_erasures
from callgenie.mongo.schema import init_db
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore
from callgenie.recordings.backups import Copied, put_back_recordings
from callgenie.settings import Settings
from callgenie.wiring.recordings import build_object_store


def restore(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of the backup, or in it that of one database.")
    ],
    drop: Annotated[
        bool, typer.Option("--drop", help="Replace the collections that are there by those of the backup.")
    ] = False,
    recordings: Annotated[
        bool, typer.Option(help="Put the recordings back too; what the store has already stays as it is.")
    ] = True,
    data_dir: Annotated[
        Path | None, typer.Option(help="The data folder whose database it is. [CALLGENIE_DATA_DIR]")
    ] = None,
) -> None:
    """Put a backup back, with its indexes, validators and recordings; stop the server first.

    The backup is loaded beside what is there and takes its place only when all of it is in. Whoever was erased since
    the backup was made is erased again.

    Examples: callgenie restore /backups/monday; callgenie restore --drop /backups/monday
    """
    settings = load_settings(data_dir=data_dir)
    report, copied = run(_restore(settings, folder.expanduser().absolute(), drop=drop, recordings=recordings))
    documents = counted(sum(report.documents.values()), "document")
    out.print(f"{documents} of {counted(len(report.documents), 'collection')} restored")
    if recordings:
        out.print(f"{in_words(copied)} put back")
    if report.erased:
        out.print(f"{report.erased} of them left out again: their users have been erased since")


async def _restore(settings: Settings, folder: Path, *, drop: bool, recordings: bool) -> tuple[RestoreReport, Copied]:
    data_folder = DataFolder(settings.data_dir)
    if settings.mongodb_uri is None and (server := data_folder.server()) is not None:
        raise RestoreWhileServingError(
            f"A server works on this database: process {server.pid}, at {server.url}. Stop it, then restore: "
            "its calls would be cut off in the middle."
        )
    erased = read_erasures(data_folder.path / ERASURES_FILE)
    copied = Copied()
    async with open_database(settings, purpose="command", progress=progress) as database:
        dumped = find_dump(folder, database.db.name)
        if misses_oplog(dumped):
            progress("This dump was made with --oplog, which only mongorestore can apply: it may not be of one moment.")
        with collection_bars() as bars:

            async def copy_recordings() -> None:
                nonlocal copied
                store = build_object_store(settings)
                copied = await put_back_recordings(store, dumped.parent, bars, replace=drop, forget=erased)

            beside = copy_recordings if recordings else None
            report = await put_back(database, dumped, drop=drop, meter=bars, forget=erased, beside=beside)
        for done in await init_db(database.db):
            progress(done)
        numbers = NumberPool(NumberStore(database.db))
        for user_id in erased:
            await numbers.release(UserId(user_id))
    return report, copied
