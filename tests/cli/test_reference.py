"""The pages of docs/reference that the program writes itself."""

import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from callgenie.cli.program import app
from callgenie.cli.reference import commands_page, errors_page

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
OF_HTTP = {
    "body_too_large",
    "head_too_large",
    "internal_error",
    "method_not_allowed",
    "request_timeout",
    "unsupported_media_type",
}
OURS = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


@pytest.mark.parametrize("page", ["cli", "errors"])
def test_the_pages_are_as_the_program_is(page: str) -> None:
    text = commands_page(app) if page == "cli" else errors_page()
    assert (REFERENCE / f"{page}.md").read_text(encoding="utf-8") == text, "run: make docs"
    assert CliRunner().invoke(app, ["reference", page]).stdout == text


def test_every_command_and_option_has_its_words() -> None:
    page = commands_page(app)
    commands = {name: command for name, command in get_command(app).commands.items() if not command.hidden}  # type: ignore[attr-defined] # a group
    for name in commands:
        assert f"## callgenie {name}" in page
    assert re.findall(r"^\| `.*` \|  \|$", page, re.MULTILINE) == []


def test_every_code_that_is_written_down_anywhere_is_on_its_page() -> None:
    listed = set(OURS.findall(errors_page()))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    declared = {code for text in sources for code in re.findall(r'^    code = "(\w+)"$', text, re.MULTILINE)}
    assert len(declared) > 50
    assert listed == declared | OF_HTTP
