"""Puts the commands together; what a command is made of is imported only when it is the one that is asked for."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from callgenie import __version__
from callgenie.cli.terminal import out

# In the order in which `--help` lists them: a module's command of that name, or its group of commands.
COMMANDS: Final[Mapping[str, str]] = {
    "demo": "demo.command:demo",
    "serve": "serve:serve",
    "simulate": "simulate.command:simulate",
    "ask": "ask:ask",
    "init-db": "init_db:init_db",
    "numbers": "numbers:app",
    "users": "users:app",
    "usage": "usage:app",
    "mail": "mail:app",
    "recordings": "recordings:app",
    "backup": "backup:backup",
    "restore": "restore:restore",
    "migrate": "migrate:migrate",
    "doctor": "doctor.command:doctor",
    "settings": "settings:settings",
    "openapi": "openapi:openapi",
    "reference": "reference:reference",
    "worker": "worker:worker",
}
# For us and for the server itself, not for people.
_HIDDEN: Final = frozenset({"reference", "worker"})


class LazyCommands(MutableMapping[str, Any]):
    """The commands by name. All of them together take seconds to import, of which any one needs a part."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name, COMMANDS[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _load(name: str, where: str) -> Any:
    module, _, attribute = where.partition(":")
    found: Any = getattr(import_module(f"callgenie.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="rich", add_completion=False)
        alone.command(name, hidden=name in _HIDDEN)(found)
        found = alone
    command = get_command(found)
    command.name = name
    return command


class _Program(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = LazyCommands()

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(COMMANDS)


app = typer.Typer(
    name="callgenie",
    cls=_Program,
    help="An AI phone assistant for small businesses, on your own machine.\n\n"
    "Start with: callgenie demo (a whole call, nothing to set up), then: callgenie serve",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


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
