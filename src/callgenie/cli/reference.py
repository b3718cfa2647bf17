"""`callgenie reference`: the pages under docs/reference that say what the program itself knows."""

import pkgutil
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.main import get_command

import callgenie
from callgenie.cli.terminal import EXIT_CODES
from callgenie.http.problems import known_codes
from callgenie.kernel.errors import DomainError

_OTHER_EXIT_CODE: Final = 1
_ENTRY: Final = "callgenie.__main__"

# What HTTP itself refuses, before anything of ours is asked.
_OF_HTTP: Final = {
    "body_too_large": "The body is too large.",
    "internal_error": "Something went wrong on our side; the answer's `requestId` finds it in the log.",
    "method_not_allowed": "This address does not take this method; see the header `Allow`.",
    "request_timeout": "The head or the body of the request did not arrive in time.",
    "head_too_large": "The address and the headers are too large together: more than 64 KiB, or 256 fields.",
    "unsupported_media_type": "The body is of a type that is not taken here.",
}


class ReferencePage(StrEnum):
    """Which page."""

    CLI = "cli"
    ERRORS = "errors"


def reference(page: Annotated[ReferencePage, typer.Argument(help="Which page to print.")]) -> None:
    """Print a page of docs/reference."""
    # The program is put together from modules such as this one, so it can only be asked for when it is whole.
    program = import_module("callgenie.cli.program").app
    typer.echo(commands_page(program) if page is ReferencePage.CLI else errors_page(), nl=False)


def errors_page() -> str:
    """Return the page with every code that a refusal may carry."""
    lines = [
        "# Errors",
        "",
        "Every refusal has a code that stays the same from version to version; branch on it, not on the sentence. Over",
        "HTTP it is the `code` of an `application/problem+json` answer; a command prints the sentence and exits.",
        "",
        "This page is written by `make docs`.",
        "",
        "| code | HTTP | exit | what it means |",
        "|---|---|---|---|",
    ]
    refusals = {error.code: error for error in _refusals()}
    for code, status in known_codes().items():
        if code in refusals:
            leaves = EXIT_CODES.get(refusals[code].kind, _OTHER_EXIT_CODE)
            meaning = (refusals[code].__doc__ or "").strip().splitlines()[0]
            lines.append(f"| `{code}` | {status.value} | {leaves} | {meaning} |")
        elif code in _OF_HTTP:
            lines.append(f"| `{code}` | {status.value} | | {_OF_HTTP[code]} |")
    return "\n".join(lines) + "\n"


def _refusals() -> Iterator[type[DomainError]]:
    for module in pkgutil.walk_packages(callgenie.__path__, "callgenie."):
        if module.name != _ENTRY:
            import_module(module.name)
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        error = waiting.pop()
        waiting.extend(error.__subclasses__())
        if error is not DomainError and error.__module__.startswith("callgenie."):
            yield error


def commands_page(program: typer.Typer) -> str:
    """Return the page with every command and its options."""
    lines = [
        "# Commands",
        "",
        "`callgenie COMMAND --help` says the same. Every command reads [the settings](settings.md); a flag wins.",
        "",
        "This page is written by `make docs`.",
    ]
    for path, command in _commands("callgenie", get_command(program)):
        lines += ["", f"## {path}", "", *_described(path, command)]
    return "\n".join(lines) + "\n"


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        if not inner.hidden:
            if hasattr(inner, "commands"):
                if inner.invoke_without_command:
                    yield f"{path} {name}", inner
                yield from _commands(f"{path} {name}", inner)
            else:
                yield f"{path} {name}", inner


def _described(path: str, command: Any) -> Iterator[str]:
    context = command.make_context(path, [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ("```", f"{path} {usage}", "```", "")
    yield from (line.strip() for line in (command.help or "").splitlines())
    records = [record for each in command.params if (record := _record(each)) is not None]
    if records:
        yield from ("", "| | |", "|---|---|")
        yield from (f"| `{name}` | {_cell(text)} |" for name, text in records)


def _record(parameter: Any) -> tuple[str, str] | None:
    if getattr(parameter, "hidden", False) or parameter.name == "help":
        return None
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.name.upper(), parameter.help or ""
    return ", ".join(parameter.opts), parameter.help or ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
