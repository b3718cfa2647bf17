"""`callgenie settings`: every setting, what it is for and its default."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from rich.table import Table

from callgenie.cli.terminal import out, warn_of_stray_names
from callgenie.cli.wrong_setting import choices, number_range
from callgenie.settings import Settings

_COLUMNS: Final = 118


def _default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return "~/" + str(Path(*Settings.model_fields[name].get_default(call_default_factory=True).parts[-3:]))
    return "" if field.default in {None, PydanticUndefined} else str(field.default)


def _range(field: FieldInfo) -> str:
    return number_range(field) or ", ".join(choices(field.annotation))


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield each setting's environment variable, default, range and purpose."""
    for name, field in Settings.model_fields.items():
        yield str(field.validation_alias), _default(name, field), _range(field), field.description or ""


def markdown() -> str:
    """Return the reference page."""
    lines = [
        "# Settings",
        "",
        "Read from the environment, or from a file `.env` in the folder where `callgenie` is started; the environment",
        "wins. A flag of the same name (`--port` for `CALLGENIE_PORT`) wins over both.",
        "",
        "A name in `.env` that is no setting sets nothing. Every command that reads settings says so, with the setting",
        "that was probably meant.",
        "",
        "This page is written by `callgenie settings --markdown`.",
        "",
        "| setting | default | range | what it is for |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {f'`{default}`' if default else ''} | {bounds} | {why} |"
        for name, default, bounds, why in rows()
    ]
    return "\n".join(lines) + "\n"


def environment() -> str:
    """Return the example of a `.env`: every setting, switched off, with what it is for."""
    lines = [
        "# CallGenie's settings. Copy this file to .env, in the folder where `callgenie` is started, and remove the #",
        "# in front of what you change. Nothing has to be set for a server on this machine alone.",
        "# This file is written by `callgenie settings --env`.",
    ]
    for name, default, bounds, why in rows():
        lines += ["", *textwrap.wrap(why, _COLUMNS, initial_indent="# ", subsequent_indent="# ")]
        if bounds:
            lines.append(f"# {'One of' if ', ' in bounds else 'From'} {bounds}.")
        lines.append(f"#{name}={default}")
    return "\n".join(lines) + "\n"


def settings(
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/reference/settings.md.")] = False,
    as_environment: Annotated[bool, typer.Option("--env", help="Print .env.example.")] = False,
) -> None:
    """List every setting, its default and what it is for.

    Examples: callgenie settings; callgenie settings --env > .env
    """
    if as_markdown:
        typer.echo(markdown(), nl=False)
        return
    if as_environment:
        typer.echo(environment(), nl=False)
        return
    warn_of_stray_names()
    table = Table("setting", "default", "range", "what it is for", box=None)
    for row in rows():
        table.add_row(*row)
    out.print(table)
