"""`callgenie ask` as it is typed: a business from a file, utterances in, a line of JSON for each."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.processes import ROOT
from typer.testing import CliRunner

from callgenie.cli.program import app

BUSINESS: Final[dict[str, Any]] = {
    "company": "Harbour Bakery",
    "timezone": "Europe/London",
    "hours": {"wed": [{"open": "09:00", "close": "17:00"}]},
    "faq": [
        {"question": "Is there parking?", "answer": "Yes, behind the shop. It is free."},
        {"question": "Do you deliver?", "answer": "We deliver inside the city."},
    ],
    "people": [{"name": "Anna Smith", "role": "pastry chef"}],
}
WEDNESDAY: Final = "2026-12-02T10:30:00Z"


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    return written(tmp_path, json.dumps(BUSINESS))


def written(folder: Path, text: str) -> Path:
    file = folder / "business.json"
    file.write_text(text, encoding="utf-8")
    return file


def asking(*arguments: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-W", "error", "-m", "callgenie", "ask", *map(str, arguments)],
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ask(said: str, *arguments: object) -> list[dict[str, Any]]:
    with asking(*arguments) as program:
        printed, complaints = program.communicate(said.encode())
    assert (program.returncode, complaints.decode()) == (0, "")
    return [json.loads(line) for line in printed.decode().splitlines()]


def test_each_line_gets_one_answer_in_order_and_blank_ones_none(bakery: Path) -> None:
    said = ["is there parking", "  ", "are you open on wednesday", "", "où est-ce ☕?", "thank you, goodbye"]
    replies = ask("\n".join(said), "--business", bakery, "--now", WEDNESDAY)
    assert [reply["utterance"] for reply in replies] == [line for line in said if line.strip()]
    assert all(list(reply) == ["utterance", "reply", "outcome", "entry", "confidence"] for reply in replies)
    assert "behind the shop" in replies[0]["reply"]
    assert (replies[1]["outcome"], replies[1]["entry"]) == ("hours", None)
    assert "9 AM to 5 PM" in replies[1]["reply"]
    assert replies[3]["outcome"] == "goodbye"
    assert all(0 <= reply["confidence"] <= 1 for reply in replies)


def test_each_line_is_a_call_s_first_unless_they_are_one_conversation(bakery: Path) -> None:
    said = "Can I leave a message?\nPlease keep a loaf for me.\n"
    apart = ask(said, "--business", bakery)
    together = ask(said, "--business", bakery, "--conversation")
    assert apart[0] == together[0]
    assert apart[1]["reply"] != together[1]["reply"]
    assert "name" in together[1]["reply"]


def test_the_time_is_the_business_s_own_where_it_has_no_offset(bakery: Path) -> None:
    # 08:30 in UTC is 09:30 in London's summer, when the shop is open.
    for now, state in (("2026-07-01T08:30", "closed"), ("2026-07-01T08:30Z", "open"), ("2026-07-01T09:30", "open")):
        found = CliRunner().invoke(app, ["ask", "--business", str(bakery), "--now", now], input="are you open now")
        assert state in json.loads(found.stdout)["reply"], now


def test_a_pipe_sees_each_answer_before_the_next_line_is_sent(bakery: Path) -> None:
    with asking("--business", bakery) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for line in ("is there parking", "do you deliver"):
            program.stdin.write(f"{line}\n".encode())
            program.stdin.flush()
            assert json.loads(program.stdout.readline())["utterance"] == line
        program.stdin.close()
        assert program.wait() == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "does not hold a JSON object"),
        ('{"compnay": "x"}', "compnay is not a field of a business"),
        ('{"faq": [{"question": "x"}]}', "faq.0.answer is required"),
        ('{"hours": {"mon": [{"open": "9:00", "close": "17:00"}]}}', "hours.mon.0.open must be a time of day"),
        ('{"people": [{"name": " "}]}', "people.0.name must not be blank"),
    ],
)
def test_a_file_that_holds_no_business_is_refused_by_field(tmp_path: Path, text: str, told: str) -> None:
    found = CliRunner().invoke(app, ["ask", "--business", str(written(tmp_path, text))])
    assert (found.exit_code, found.stdout) == (65, "")
    assert told in " ".join(found.stderr.split())


def test_a_file_that_is_not_there_and_a_time_that_is_none_are_refused(tmp_path: Path, bakery: Path) -> None:
    missing = CliRunner().invoke(app, ["ask", "--business", str(tmp_path / "none.json")])
    assert missing.exit_code == 66
    assert "none.json cannot be read" in missing.stderr
    no_time = CliRunner().invoke(app, ["ask", "--business", str(bakery), "--now", "tomorrow"])
    assert no_time.exit_code == 2
    assert "such as 2026-12-02T10:30:00Z" in no_time.stderr


def test_no_database_no_network_and_no_web_framework_are_loaded() -> None:
    loaded = "import sys, callgenie.cli.ask; print(*sorted(sys.modules))"
    found = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", loaded],
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(found.stdout.split())
    assert "callgenie.voice.providers.faq" in modules
    assert not modules & {"pymongo", "fastapi", "httpx", "uvicorn", "faster_whisper", "ctranslate2"}
