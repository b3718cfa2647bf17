"""Puts the commands together."""

import typer

from callgenie import __version__
from callgenie.cli.backup import backup
from callgenie.cli.demo.command import demo
from callgenie.cli.doctor.command import doctor
from callgenie.cli.init_db import init_db
from callgenie.cli.mail import app as mail
from callgenie.cli.migrate import migrate
from callgenie.cli.numbers import app as numbers
from callgenie.cli.openapi import openapi
from callgenie.cli.recordings import app as recordings
from callgenie.cli.reference import reference
from callgenie.cli.restore import restore
from callgenie.cli.serve import serve
from callgenie.cli.settings import settings
from callgenie.cli.simulate.command import simulate
from callgenie.cli.terminal import out
from callgenie.cli.usage import app as usage
from callgenie.cli.users import app as users
from callgenie.cli.worker import worker

app = typer.Typer(
    name="callgenie",
    help="An AI phone assistant for small businesses, on your own machine.\n\n"
    "Start with: callgenie demo (a whole call, nothing to set up), then: callgenie serve",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
app.command()(demo)
app.command()(serve)
app.command()(simulate)
app.command("init-db")(init_db)
app.add_typer(numbers, name="numbers")
app.add_typer(users, name="users")
app.add_typer(usage, name="usage")
app.add_typer(mail, name="mail")
app.add_typer(recordings, name="recordings")
app.command()(backup)
app.command()(restore)
app.command()(migrate)
app.command()(doctor)
app.command()(settings)
app.command()(openapi)
app.command(hidden=True)(reference)
app.command(hidden=True)(worker)


def _version(value: bool) -> None:
    if value:
        out.print(f"callgenie {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    del version


def run_program() -> None:
    """Read the command line and do what it says."""
    app()
