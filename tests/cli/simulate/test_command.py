"""The command as a process, against a server that is another one, with the voices that come along."""

import json
from pathlib import Path

import pytest
from tests.support.processes import running
from tests.support.served_bakery import open_bakery
from tests.support.served_program import serving_program, url_of
from typer.testing import CliRunner

from callgenie.cli.demo.owner import Owner
from callgenie.cli.program import app

AUTH_TOKEN = "the auth token of a test account"
EXOTEL_SECRET = "a secret that Exotel shows"
NUMBER = "+14155550123"

SCRIPT = f"""
to: {NUMBER}
carrier: CARRIER
steps:
  - expect: {{heard: [hello, "how can I help"], within: 15s}}
  - say: Can I pay by card?
  - expect: {{heard: /cards|cash/, within: 10s}}
  - say: Thank you very much. Goodbye.
  - expect: {{hang up: true}}
"""


async def test_a_script_is_played_to_a_running_server_and_judged(data_folder: Path) -> None:
    script = data_folder / "call.yaml"
    with serving_program(data_folder, TWILIO_AUTH_TOKEN=AUTH_TOKEN, EXOTEL_SECRET=EXOTEL_SECRET) as server:
        url = await url_of(data_folder, server)
        async with Owner(url) as owner:
            await open_bakery(owner, data_folder, NUMBER)
        secrets = {"TWILIO_AUTH_TOKEN": AUTH_TOKEN, "EXOTEL_SECRET": EXOTEL_SECRET}
        for carrier in ("twilio", "exotel"):
            script.write_text(SCRIPT.replace("CARRIER", carrier), encoding="utf-8")
            with running("callgenie", "simulate", script, "--url", url, **secrets) as command:
                code = command.end()
            assert code == 0, "\n".join(command.said)
            assert command.said[-1] == "The call went as expected."
            assert any("caller     Can I pay by card?" in line for line in command.said)
            assert any("assistant" in line and "card" in line.lower() for line in command.said)

        wrong = SCRIPT.replace("CARRIER", "twilio").replace("/cards|cash/", "we are closed on mondays")
        script.write_text(wrong, encoding="utf-8")
        with running("callgenie", "simulate", script, "--url", url, "--json", **secrets) as command:
            assert command.end() == 1
        document = json.loads("\n".join(command.said[command.said.index("{") :]))
        failed = [each for each in document["calls"][0]["expectations"] if not each["passed"]]
        assert [(each["line"], "card" in each["found"].lower()) for each in failed] == [(7, True)]
        assert document["passed"] is False

        with running("callgenie", "simulate", script, "--url", url, "--auth-token", "wrong") as command:
            assert command.end() == 1
        assert any("webhook answered 403" in line for line in command.said)


def test_a_wrong_script_is_refused_with_its_line_before_anything_is_dialled(data_folder: Path) -> None:
    script = data_folder / "call.yaml"
    script.write_text(f"to: {NUMBER}\nsteps:\n  - sya: Hello.\n", encoding="utf-8")
    with running("callgenie", "simulate", script, "--url", "http://127.0.0.1:9") as command:
        assert command.end() == 2
    assert command.said[0].startswith(f"Error: {script}:3: `sya` is no step; there is: say, play")
    assert "- say: Hello." in command.said[1]


def test_the_example_is_a_script_that_can_be_played(data_folder: Path) -> None:
    with running("callgenie", "simulate", "--example") as command:
        assert command.end() == 0
    script = data_folder / "call.yaml"
    example = "\n".join(command.said)
    for carrier in ("twilio", "exotel"):
        script.write_text(example.replace("carrier: twilio", f"carrier: {carrier}"), encoding="utf-8")
        with running("callgenie", "simulate", script, "--url", "http://127.0.0.1:9") as command:
            assert command.end() == 69
        assert any(f"as {carrier} would" in line for line in command.said)
        assert any("Is the server running" in line for line in command.said)


@pytest.mark.parametrize(
    "address", ["http://host:port", "http://127.0.0.1:99999", "127.0.0.1:4000", "http://", "http://calls..example.com"]
)
def test_an_address_that_is_none_is_refused_with_its_option_before_anything_is_dialled(
    data_folder: Path, address: str
) -> None:
    script = data_folder / "call.yaml"
    script.write_text(SCRIPT.replace("CARRIER", "exotel"), encoding="utf-8")
    for option in ("--url", "--public-url"):
        found = CliRunner().invoke(app, ["simulate", str(script), option, address])
        assert found.exit_code == 2
        assert f"Error: {option}: takes an address" in found.stderr
