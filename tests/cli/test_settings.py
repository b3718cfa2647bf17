"""The list of settings, and what a wrong one is answered with."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from callgenie.cli.program import app
from callgenie.cli.settings import markdown, rows
from callgenie.cli.terminal import EXIT_CONFIG, load_settings
from callgenie.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def test_the_reference_lists_every_setting_as_it_is() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8") == markdown()


def test_every_setting_says_what_it_is_for() -> None:
    assert len(list(rows())) == len(Settings.model_fields)
    assert all(why.endswith(".") for *_, why in rows())


def test_the_command_prints_the_same_list() -> None:
    result = CliRunner().invoke(app, ["settings", "--markdown"])
    assert result.exit_code == 0
    assert result.stdout == markdown()


def test_a_wrong_value_gives_the_setting_s_name_and_what_it_is_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLGENIE_PORT", "seventy thousand")
    with pytest.raises(BaseException, match=str(EXIT_CONFIG)):
        load_settings()
    said = capsys.readouterr().err
    assert "CALLGENIE_PORT" in said
    assert "The port the server listens on" in said


def test_a_secret_s_wrong_value_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_SECRET", "too-short-canary")
    with pytest.raises(BaseException, match=str(EXIT_CONFIG)):
        load_settings()
    said = capsys.readouterr().err
    assert "JWT_SECRET" in said
    assert "canary" not in said


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLGENIE_PORT", "4001")
    assert load_settings(port=None).port == 4001
    assert load_settings(port=4002).port == 4002
