"""`callgenie recordings`: does the store hold what nobody names?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from callgenie.cli.terminal import counted, load_settings, out, progress, run
from callgenie.kernel.clock import SystemClock
from callgenie.mongo.embedded import open_database
from callgenie.mongo.schema import init_db
from callgenie.recordings.object_store import ObjectStore
from callgenie.recordings.orphans import Orphans
from callgenie.recordings.store import RecordingStates
from callgenie.settings import Settings
from callgenie.wiring.recordings import build_object_store

app = typer.Typer(help="Check what was recorded.", no_args_is_help=True)

_SHOWN_MAX: Final = 20
_MEGABYTE: Final = 1_000_000


@app.callback()
def _recordings() -> None:
    """Check what was recorded."""


@app.command()
def orphans(
    delete: Annotated[bool, typer.Option("--delete", help="Delete them. Make a backup first.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="The data folder of the server. [CALLGENIE_DATA_DIR]")] = None,
) -> None:
    """List recordings in the store that are older than a day and that no conversation names.

    Something else must not use the same store: to this command its recordings look the same.

    Example: callgenie recordings orphans
    """
    count, size, place = run(_go_through(load_settings(data_dir=data_dir), delete=delete))
    done = "deleted" if delete else "found"
    out.print(f"{counted(count, 'recording')} without a conversation {done} in {place} ({size / _MEGABYTE:.1f} MB)")


async def _go_through(settings: Settings, *, delete: bool) -> tuple[int, int, str]:
    count = size = 0
    async with _opened(settings) as (store, found):
        async for orphan in found.find():
            count += 1
            size += orphan.bytes
            if count <= _SHOWN_MAX:
                out.print(f"{orphan.modified_at:%Y-%m-%d} {orphan.bytes:>12} {orphan.key}", markup=False)
            elif count == _SHOWN_MAX + 1:
                out.print("...")
            if delete:
                await store.delete(orphan.key)
    return count, size, store.place


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[ObjectStore, Orphans]]:
    store = build_object_store(settings)
    async with open_database(settings, purpose="command", progress=progress) as database:
        await init_db(database.db)
        yield store, Orphans(store, RecordingStates(database.db), SystemClock())
