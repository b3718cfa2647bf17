"""The list of settings, and what a wrong one is answered with."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callgenie.cli.doctor.machine import check_names
from callgenie.cli.doctor.models import Verdict
from callgenie.cli.program import app
from callgenie.cli.settings import environment, markdown, rows
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


def test_the_example_of_an_environment_file_has_every_setting_as_it_is() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == environment()
    assert CliRunner().invoke(app, ["settings", "--env"]).stdout == text
    named = [str(field.validation_alias) for field in Settings.model_fields.values()]
    assert [line[1:].split("=")[0] for line in text.splitlines() if line.startswith("#") and line[1:2] != " "] == named


def test_the_example_with_every_setting_switched_on_is_what_is_there_without_it(tmp_path: Path) -> None:
    lines = environment().splitlines()
    switched_on = [line[1:] for line in lines if line.startswith("#") and not line.startswith("# ")]
    (tmp_path / ".env").write_text("\n".join(line for line in switched_on if "DATA_DIR" not in line))
    assert Settings(_env_file=tmp_path / ".env") == Settings(_env_file=None)


def test_a_wrong_value_gives_the_setting_s_name_and_what_it_is_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLGENIE_PORT", "seventy thousand")
    with pytest.raises(BaseException, match=str(EXIT_CONFIG)):
        load_settings()
    said = capsys.readouterr().err
    assert "CALLGENIE_PORT" in said
    assert "The port the server listens on" in said


@pytest.mark.parametrize("value", ["?", "-1", "99999999"])
def test_whatever_is_wrong_is_answered_with_what_it_must_be_and_an_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.setenv(str(field.validation_alias), value)
    with pytest.raises(BaseException, match=str(EXIT_CONFIG)):
        load_settings()
    faults = capsys.readouterr().err.splitlines()
    assert len(faults) > 10
    assert [fault for fault in faults if not re.search(": must .*(such as|look like| or ).*\\. ", fault)] == []
    assert [fault for fault in faults if re.search("such as None|should|at least \\d+ items", fault)] == []


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


@pytest.fixture
def misspelt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose `.env` has two names that are no settings, in an environment that has another."""
    lines = ["TWILIO_AUTH_TOKN=secret-canary", "export compose_project_name=x", "callgenie_port=4001", "DATA_DIR=/x"]
    (tmp_path / ".env").write_text("\n".join([*lines, "#SMPT_HOST=mail", "CALLGENIE_LOG_LEVEL=info"]))
    (tmp_path / ".env").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWILIO_AUTH_TOKEM", "x")


@pytest.mark.usefixtures("misspelt")
def test_a_misspelt_name_in_the_file_is_pointed_out_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert load_settings().port == 4001
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "TWILIO_AUTH_TOKN is no setting, so this line of .env sets nothing; did you mean TWILIO_AUTH_TOKEN?",
        "COMPOSE_PROJECT_NAME is no setting, so this line of .env sets nothing; `callgenie settings` lists them all",
    ]
    result = CliRunner().invoke(app, ["settings"])
    assert result.stderr == said.err


@pytest.mark.usefixtures("misspelt")
def test_the_doctor_points_it_out_too() -> None:
    found = list(check_names())
    assert [finding.verdict for finding in found] == [Verdict.HINT, Verdict.HINT]
    assert found[0].sentence.endswith("did you mean TWILIO_AUTH_TOKEN?")
