"""`callgenie usage`: does the ledger agree with the record?"""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from callgenie.billing.ledger import UsageLedger
from callgenie.cli.terminal import load_settings, out, progress, run
from callgenie.conversations.reconciliation import Mismatch, Reconciliation
from callgenie.conversations.totals_store import TotalsStore
from callgenie.mongo.embedded import open_database
from callgenie.mongo.schema import init_db
from callgenie.settings import Settings

app = typer.Typer(help="Check what was counted.", no_args_is_help=True)

# A call that ended between two looks is settled by then; what is still there is no matter of time.
_LOOK_AGAIN_SECONDS: Final = 3.0


@app.callback()
def _usage() -> None:
    """Check what was counted."""


@app.command()
def reconcile(
    data_dir: Annotated[Path | None, typer.Option(help="The data folder of the server. [CALLGENIE_DATA_DIR]")] = None,
) -> None:
    """Compare every user's counted calls and seconds with their conversations; exit 1 if anything differs.

    Safe while the server runs: a difference is shown only if it is there twice, some seconds apart.

    Example: callgenie usage reconcile
    """
    differences = run(_reconcile(load_settings(data_dir=data_dir)))
    for found in differences:
        out.print(
            f"user {found.user_id}, period from {found.period_start:%Y-%m-%dT%H:%M:%SZ}: "
            f"{found.what}: the ledger says {found.ledger}, the conversations {found.record}",
            markup=False,
        )
    if differences:
        raise typer.Exit(1)
    out.print("The ledger and the conversations agree.")


async def _reconcile(settings: Settings) -> list[Mismatch]:
    async with open_database(settings, purpose="command", progress=progress) as database:
        await init_db(database.db)
        reconciliation = Reconciliation(UsageLedger(database.db), TotalsStore(database.db))
        first = {_name(found) for found in await reconciliation.reconcile()}
        if not first:
            return []
        progress("Something differs; looking once more")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return [found for found in await reconciliation.reconcile() if _name(found) in first]


def _name(found: Mismatch) -> tuple[object, ...]:
    return found.user_id, found.period_start, found.what
