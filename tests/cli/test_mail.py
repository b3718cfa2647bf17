"""`callgenie mail`, as it is typed, on an embedded database."""

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callgenie.cli.program import app
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.lifecycle.signup import SignUpForm
from callgenie.mongo.embedded import open_database
from callgenie.mongo.schema import init_db
from callgenie.settings import Settings
from callgenie.wiring.mail import build_delivery
from callgenie.wiring.records import build_records
from callgenie.wiring.secrets import gather_secrets


async def sign_up(settings: Settings) -> None:
    secrets = gather_secrets(settings)
    async with open_database(settings, purpose="command", progress=lambda _line: None) as database:
        await init_db(database.db)
        records = build_records(settings, database, secrets, clock=SystemClock(), randomness=SystemRandomness())
        form = SignUpForm(email="owner@example.com", password="correct horse battery", name="Jane")
        await records.sign_up.sign_up(form)
        await build_delivery(records, secrets, origin="http://elsewhere").deliver()
        records.passwords.close()


def test_mail_without_a_mail_server_is_listed_and_shown(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://calls.example.com")
    monkeypatch.setenv("CALLGENIE_DATA_DIR", str(data_folder))
    settings = Settings(_env_file=None, bcrypt_cost=4)
    settings.data_dir.mkdir(exist_ok=True)
    asyncio.run(sign_up(settings))

    listed = CliRunner().invoke(app, ["mail"])
    assert listed.exit_code == 0, listed.stderr
    name = listed.stdout.split()[0]
    assert re.fullmatch(r"verify:[0-9a-f]{24}:0", name)
    assert "kept, tried 1" in listed.stdout

    shown = CliRunner().invoke(app, ["mail", "show", name])
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith("To: owner@example.com\nSubject: Confirm your e-mail address\n")
    assert re.search(r"^https://calls\.example\.com/verify-email\?token=[A-Za-z0-9_-]{43}$", shown.stdout, re.MULTILINE)

    unknown = CliRunner().invoke(app, ["mail", "show", "nothing"])
    assert unknown.exit_code == 1
    assert "There is no such mail" in unknown.stderr
