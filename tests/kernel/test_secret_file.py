"""Secrets that nobody set."""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.processes import started

from callgenie.kernel.ids import SystemRandomness
from callgenie.kernel.secret_file import SecretFileError, read_or_make

NAMES = ("jwtSecret", "passwordPepper")


def test_secrets_are_made_once_and_differ_from_each_other(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = read_or_make(path, NAMES, SystemRandomness())
    assert set(first) == set(NAMES)
    assert len(set(first.values())) == 2
    assert all(len(secret) >= 32 for secret in first.values())
    assert read_or_make(path, NAMES, SystemRandomness()) == first


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    read_or_make(path, NAMES, SystemRandomness())
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secrets.json"]


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    read_or_make(path, NAMES, SystemRandomness())
    path.chmod(0o644)
    read_or_make(path, NAMES, SystemRandomness())
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"jwtSecret": "x"}', '{"jwtSecret": "x", "passwordPepper": 7}']
)
def test_a_damaged_file_is_reported_and_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(content)
    with pytest.raises(SecretFileError, match="damaged"):
        read_or_make(path, NAMES, SystemRandomness())
    assert path.read_text() == content


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match="cannot be read or made"):
        read_or_make(tmp_path / "nowhere" / "secrets.json", NAMES, SystemRandomness())


_MAKE = """
import sys, time
from pathlib import Path
from callgenie.kernel.ids import SystemRandomness
from callgenie.kernel.secret_file import read_or_make
time.sleep(max(0.0, float(sys.argv[2]) - time.time()))
print(sorted(read_or_make(Path(sys.argv[1]), ("jwtSecret", "passwordPepper"), SystemRandomness()).items()))
"""


def test_processes_that_start_at_once_get_the_same_secrets(tmp_path: Path) -> None:
    moment = str(time.time() + 1.0)
    command = [sys.executable, "-c", _MAKE, str(tmp_path / "secrets.json"), moment]
    with ExitStack() as stack:
        racers = [stack.enter_context(started(*command, stdout=subprocess.PIPE)) for _ in range(6)]
        answers = {racer.communicate()[0] for racer in racers}
    assert len(answers) == 1
    assert b"jwtSecret" in answers.pop()
