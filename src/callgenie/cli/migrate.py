"""`callgenie migrate`: move in from the Node version."""

from pathlib import Path
from typing import Annotated

import typer

from callgenie.cli.terminal import err, load_settings, out, progress, run
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.lifecycle.migration.errors import SourceIsTargetError
from callgenie.lifecycle.migration.models import MigrationReport, Remarks, Tally
from callgenie.lifecycle.migration.service import Migration
from callgenie.lifecycle.migration.source_store import NodeSource
from callgenie.lifecycle.migration.target_store import MigrationTarget
from callgenie.mongo.embedded import open_database
from callgenie.mongo.folder import DataFolder
from callgenie.mongo.schema import init_db
from callgenie.mongo.source import are_the_same, open_source
from callgenie.settings import Settings
from callgenie.wiring.records import build_records
from callgenie.wiring.secrets import gather_secrets

_SECONDS_A_MINUTE = 60


def migrate(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="The Node version's database, such as mongodb://host:27017/callgenie.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report; write nothing.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="The data folder to move into. [CALLGENIE_DATA_DIR]")
    ] = None,
) -> None:
    """Take users, profiles and conversations over from the Node version; run it again as often as you like.

    The source is only read. What is here already stays as it is; exit 65 if anything was skipped.

    Example: callgenie migrate mongodb://localhost:27017/callgenie --dry-run
    """
    report = run(_migrate(load_settings(data_dir=data_dir), source, dry_run=dry_run))
    _show(report, dry_run=dry_run)
    if report.skipped.total:
        raise typer.Exit(65)


async def _migrate(settings: Settings, source: str, *, dry_run: bool) -> MigrationReport:
    DataFolder(settings.data_dir).prepare()
    secrets = gather_secrets(settings)
    async with (
        open_source(source) as node,
        open_database(settings, purpose="command", progress=progress) as database,
    ):
        if await are_the_same(node, database.db):
            raise SourceIsTargetError(node.name)
        if not dry_run:
            await init_db(database.db)
        records = build_records(settings, database, secrets, clock=SystemClock(), randomness=SystemRandomness())
        try:
            return await Migration(
                source=NodeSource(node),
                target=MigrationTarget(database.db),
                numbers=records.numbers,
                ledger=records.ledger,
                terms=records.terms,
                options=records.profiles.options,
                bcrypt_cost=settings.bcrypt_cost,
                dry_run=dry_run,
                progress=progress,
            ).run()
        finally:
            records.passwords.close()


def _show(report: MigrationReport, *, dry_run: bool) -> None:
    out.print("Dry run: nothing was written. It would be:" if dry_run else "Done.")
    for name, tally in (
        ("users", report.users),
        ("profiles", report.profiles),
        ("phone numbers", report.numbers),
        ("exchanges", report.exchanges),
    ):
        out.print(_line(name, tally))
    out.print(f"{report.conversations:,} conversations written or added to")
    if not dry_run:
        out.print(
            f"usage: {_usage(report.calls, report.seconds)} counted, "
            f"{_usage(report.calls_beyond, report.seconds_beyond)} beyond the plans"
        )
    _explain("taken with a change", report.changed)
    _explain("skipped", report.skipped)


def _line(name: str, tally: Tally) -> str:
    return (
        f"{name}: {tally.read:,} read, {tally.taken:,} taken, {tally.already_here:,} already here, "
        f"{tally.skipped:,} skipped"
    )


def _usage(calls: int, seconds: int) -> str:
    return f"{calls:,} calls and {seconds / _SECONDS_A_MINUTE:,.1f} minutes"


def _explain(what: str, remarks: Remarks) -> None:
    if not remarks.total:
        return
    err.print(f"{what}:")
    for why, count in remarks.counts.most_common():
        err.print(f"  {count:,} x {why}", markup=False)
    err.print("  the first of them:" if remarks.total > len(remarks.lines) else "  namely:")
    for line in remarks.lines:
        err.print(f"    {line}", markup=False)
