"""`callgenie mail`: mail that has reached nobody, and what is in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from callgenie.cli.terminal import load_settings, out, progress, run
from callgenie.jobs.outbox import Written
from callgenie.jobs.outbox_models import OutboxEntry
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.mail.rendering import as_text
from callgenie.mongo.embedded import open_database
from callgenie.mongo.folder import DataFolder
from callgenie.settings import Settings
from callgenie.wiring.mail import build_delivery
from callgenie.wiring.records import build_records
from callgenie.wiring.secrets import gather_secrets

app = typer.Typer()

DataDir = Annotated[
    Path | None, typer.Option(help="The data folder of the server whose mail it is. [CALLGENIE_DATA_DIR]")
]

# What is further back is hardly what somebody looks for.
SHOWN_MAX = 100


@app.callback(invoke_without_command=True)
def mail(context: typer.Context, data_dir: DataDir = None) -> None:
    """List mail that waits, that was given up, and, without a mail server, all that is kept instead of being sent.

    Examples: callgenie mail; callgenie mail show verify:65f2c6a1a1b2c3d4e5f60718:0
    """
    if context.invoked_subcommand is not None:
        return
    entries = run(_unsent(load_settings(data_dir=data_dir)))
    if not entries:
        out.print("No mail waits, and none was given up.")
        return
    for entry in entries:
        # One a line and whole: a table would cut the names, which are there to be copied.
        asked = entry.asked_at.strftime("%Y-%m-%d %H:%M:%S")
        out.print(
            f"{entry.id}  {entry.state}, tried {entry.attempts}, asked for {asked}Z {entry.error or ''}".rstrip(),
            markup=False,
        )
    out.print("\nRead one with: callgenie mail show MAIL")


@app.command()
def show(
    mail_id: Annotated[str, typer.Argument(metavar="MAIL", help="As `callgenie mail` names it.")],
    data_dir: DataDir = None,
) -> None:
    """Show a mail as it would be sent now. Its link is good for an hour from now, unless a newer one replaced it.

    Example: callgenie mail show verify:65f2c6a1a1b2c3d4e5f60718:0
    """
    written = run(_read(load_settings(data_dir=data_dir), mail_id))
    # As it is: what somebody wrote is neither markup nor something to wrap.
    typer.echo(f"To: {written.to}\nSubject: {written.letter.subject}\n\n{as_text(written.letter)}", nl=False)


async def _unsent(settings: Settings) -> Sequence[OutboxEntry]:
    async with open_database(settings, purpose="command", progress=progress) as database:
        return await OutboxStore(database.db).unsent_of_any_user(SHOWN_MAX)


async def _read(settings: Settings, mail_id: str) -> Written:
    secrets = gather_secrets(settings)
    async with open_database(settings, purpose="command", progress=progress) as database:
        records = build_records(settings, database, secrets, clock=SystemClock(), randomness=SystemRandomness())
        try:
            return await build_delivery(records, secrets, origin=_origin(settings)).read(mail_id)
        finally:
            records.passwords.close()


def _origin(settings: Settings) -> str:
    """Return where links lead: what is set, else where the server listens that runs on the data folder."""
    server = DataFolder(settings.data_dir).server()
    return settings.public_url or (server.url if server else f"http://{settings.host}:{settings.port}")
