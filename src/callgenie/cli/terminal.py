"""How the program speaks to whoever typed the command: lines on standard error, answers on standard output."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from callgenie.cli.wrong_setting import is_stray, must_be
from callgenie.kernel.errors import DomainError, ErrorKind
from callgenie.settings import Settings
from callgenie.settings.stray_names import stray_names

T = TypeVar("T")


class LastingConsole(Console):
    """A console whose reader may go away. Rich would end the program then, in the middle of whatever it does."""

    def on_broken_pipe(self) -> None:
        """Go on, and write to nowhere from now on: a server still has calls to finish and a database to stop."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


out = Console(highlight=False, soft_wrap=True)
err = LastingConsole(stderr=True, highlight=False, soft_wrap=True)

# sysexits.h, where one fits, so that scripts can tell a wrong word from a server that is away.
EXIT_CODES: Final = {
    ErrorKind.INVALID: 65,
    ErrorKind.MALFORMED: 65,
    ErrorKind.UNAVAILABLE: 69,
    ErrorKind.NOT_ALLOWED: 77,
}
EXIT_CONFIG: Final = 78


def progress(line: str) -> None:
    """Show a step of longer work."""
    err.print(f"[dim]·[/dim] {line}")


def counted(number: int, noun: str) -> str:
    """Return `1 recording`, or `2 recordings`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def load_settings(**overrides: object) -> Settings:
    """Read the settings as `read_settings` does, and warn of names in `.env` that are none."""
    warn_of_stray_names()
    return read_settings(**overrides)


def warn_of_stray_names() -> None:
    """Say of each name in `.env` that is no setting that it sets nothing."""
    for name, nearest in stray_names(Settings).items():
        err.print(f"[yellow]{escape(name)}[/yellow] {is_stray(nearest)}")


def read_settings(**overrides: object) -> Settings:
    """Read the settings; a flag that was given (not None) wins over the environment.

    A wrong value ends the program with the setting's name, the fault and what it is for.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type] # pydantic judges the values
    except ValidationError as problem:
        for fault in problem.errors(include_input=False, include_url=False):
            name = str(fault["loc"][0]) if fault["loc"] else "settings"
            field = next(
                (f for key, f in Settings.model_fields.items() if name in {key, str(f.validation_alias)}),
                None,
            )
            shown = str(field.validation_alias) if field else name
            message = must_be(fault, field) if field else fault["msg"]
            err.print(f"[red]{shown}[/red]: {escape(message)}. {escape(field.description or '') if field else ''}")
        raise typer.Exit(EXIT_CONFIG) from None


def run(work: Coroutine[Any, Any, T], *, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """Run a command's work; a refusal becomes one sentence and an exit code, Ctrl-C exit code 130."""
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(work)
    except DomainError as refusal:
        err.print(f"[red]Error:[/red] {refusal.detail}")
        raise typer.Exit(EXIT_CODES.get(refusal.kind, 1)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
