"""The doctor on a machine on which something is really wrong."""

import json
import shutil
import socket
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.mail_sink import mail_sink
from tests.support.processes import running

from callgenie.cli.doctor import machine
from callgenie.cli.doctor.command import examine
from callgenie.cli.doctor.models import Finding, Verdict
from callgenie.kernel.clock import SystemClock
from callgenie.settings import Settings
from callgenie.voice.providers import nanotts, silero, whisper

SECRETS = {"jwtSecret": "j" * 40, "passwordPepper": "p" * 40}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder as a server leaves it, seen from a folder without `.env`."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "data"
    place.mkdir(mode=0o700)
    (place / "secrets.json").write_text(json.dumps(SECRETS))
    (place / "secrets.json").chmod(0o600)
    return place


def only(findings: Iterable[Finding]) -> Finding:
    [finding] = findings
    return finding


async def gathered(findings: AsyncIterator[Finding]) -> Finding:
    return only([finding async for finding in findings])


def test_secrets_for_this_user_alone_are_good(folder: Path) -> None:
    assert only(machine.check_secrets(Settings(data_dir=folder))).verdict is Verdict.GOOD


def test_before_the_first_start_there_is_nothing_to_find(folder: Path) -> None:
    finding = only(machine.check_secrets(Settings(data_dir=folder / "new")))
    assert (finding.verdict, finding.sentence) == (Verdict.GOOD, "made at the first start")


@pytest.mark.parametrize(("name", "mode"), [("secrets.json", 0o640), ("", 0o755), ("../.env", 0o604)])
def test_what_others_can_read_is_bad_and_the_cure_is_given(folder: Path, name: str, mode: int) -> None:
    path = folder / name
    path.touch()
    path.chmod(mode)
    finding = only(machine.check_secrets(Settings(data_dir=folder)))
    assert finding.verdict is Verdict.BAD
    assert "chmod" in finding.sentence


@pytest.mark.parametrize("content", ["", "[]", '{"jwtSecret": "only one"}'])
def test_a_damaged_secrets_file_is_bad(folder: Path, content: str) -> None:
    (folder / "secrets.json").write_text(content)
    finding = only(machine.check_secrets(Settings(data_dir=folder)))
    assert finding.verdict is Verdict.BAD
    assert "from a backup" in finding.sentence


def test_a_secret_that_is_kept_and_no_longer_used_is_pointed_out(folder: Path) -> None:
    finding = only(machine.check_secrets(Settings(data_dir=folder, jwt_secret="x" * 40)))
    assert finding.verdict is Verdict.HINT
    assert finding.sentence.startswith("JWT_SECRET is set")


def test_a_full_disk_is_bad_and_a_filling_one_a_hint(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert only(machine.check_disk(tmp_path / "not" / "yet", bad_below=free * 2)).verdict is Verdict.BAD
    assert only(machine.check_disk(tmp_path, bad_below=0, hint_below=free * 2)).verdict is Verdict.HINT
    assert only(machine.check_disk(tmp_path, bad_below=0, hint_below=0)).verdict is Verdict.GOOD


def test_voices_are_good_as_installed_and_bad_when_a_file_changed(tmp_path: Path) -> None:
    assert only(machine.check_voices()).verdict is Verdict.GOOD
    for each in (silero.WEIGHTS, whisper.WEIGHTS, nanotts.VOICES[nanotts.DEFAULT_VOICE]):
        (tmp_path / each.name).symlink_to(each.locate(None))
    assert only(machine.check_voices(tmp_path)).verdict is Verdict.GOOD
    own = tmp_path / silero.WEIGHTS.name
    own.unlink()
    own.mkdir()
    for name in silero.WEIGHTS.sha256:
        (own / name).write_bytes(b"something else")
    finding = only(machine.check_voices(tmp_path))
    assert finding.verdict is Verdict.BAD
    assert "damaged" in finding.sentence
    assert "CALLGENIE_MODELS_DIR" in finding.sentence


async def test_mail_is_tried_as_it_would_be_sent(tmp_path: Path) -> None:
    def settings(port: int) -> Settings:
        return Settings(data_dir=tmp_path, smtp_host="127.0.0.1", smtp_port=port)

    async with mail_sink() as letterbox:
        assert (await gathered(machine.check_mail(settings(letterbox.port)))).verdict is Verdict.GOOD
        assert letterbox.messages == []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        away = taken.getsockname()[1]
    finding = await gathered(machine.check_mail(settings(away)))
    assert finding.verdict is Verdict.BAD
    assert "Check SMTP_URL" in finding.sentence
    assert (await gathered(machine.check_mail(Settings(data_dir=tmp_path)))).verdict is Verdict.HINT


@pytest.mark.parametrize(
    ("url", "verdict"), [(None, Verdict.HINT), ("http://x.example", Verdict.BAD), ("https://x.example", Verdict.GOOD)]
)
def test_a_carrier_needs_https_and_its_token(tmp_path: Path, url: str | None, verdict: Verdict) -> None:
    settings = Settings(data_dir=tmp_path, public_url=url, twilio_auth_token="t")
    assert only(machine.check_carrier(settings)).verdict is verdict


def test_without_a_public_address_simulated_calls_are_taken_and_without_a_token_none(tmp_path: Path) -> None:
    with_token = only(machine.check_carrier(Settings(data_dir=tmp_path, twilio_auth_token="t")))
    without = only(machine.check_carrier(Settings(data_dir=tmp_path)))
    assert with_token.sentence.endswith("calls from Twilio are refused, and simulated ones are taken")
    assert without.sentence == "PUBLIC_URL and TWILIO_AUTH_TOKEN are not set: calls from Twilio are refused"


def test_exotel_alone_is_enough(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, exotel_secret="sixteen letters!")
    assert only(machine.check_carrier(settings)).verdict is Verdict.GOOD


def test_the_command_says_what_is_wrong_and_exits_with_1(data_folder: Path) -> None:
    uri = "mongodb://127.0.0.1:1/callgenie?serverSelectionTimeoutMS=300"
    with running("callgenie", "doctor", "--data-dir", data_folder, MONGODB_URI=uri) as command:
        assert command.end() == 1
        said = command.said
    assert any(line.startswith("bad  connection     The database at 127.0.0.1:1 does not answer.") for line in said)
    assert any(line.endswith("1 bad") for line in said)


async def test_a_database_that_is_lost_in_the_middle_is_one_more_line(
    data_folder: Path, mongodb_uri: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    settings = Settings(data_dir=data_folder, mongodb_uri=mongodb_uri)
    admin = database.client.admin
    refused = {"failCommands": ["listCollections"], "errorCode": 13}
    await admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": refused})
    try:
        findings = [finding async for finding in examine(settings, SystemClock())]
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert (findings[-1].verdict, findings[-1].subject) == (Verdict.BAD, "connection")
    assert "needs the role dbOwner" in findings[-1].sentence


def test_the_command_only_looks_and_makes_no_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with running("callgenie", "doctor", "--data-dir", folder) as command:
        assert command.end() == 0, command.said
    assert any("holds none yet" in line for line in command.said)
    assert not folder.exists()


def test_the_command_finds_a_new_installation_in_order(data_folder: Path, mongodb_uri: str) -> None:
    with running("callgenie", "doctor", "--data-dir", data_folder, MONGODB_URI=mongodb_uri) as command:
        assert command.end() == 0, command.said
    assert any(line.endswith("0 bad") for line in command.said)
