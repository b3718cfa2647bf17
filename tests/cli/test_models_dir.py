"""Every command that loads the embedded models looks where the operator keeps them."""

from pathlib import Path
from typing import Final

import pytest
from tests.support.processes import running

from callgenie.kernel.weights import MODELS_DIR

SCRIPT: Final = "to: +14155550123\nsteps: [say: Hello., hang up]\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("serve --port 0 --data-dir {folder}", 69),
        ("serve --port 0 --data-dir {folder} --workers 2", 69),
        ("demo --data-dir {folder}", 69),
        ("simulate {folder}/call.yaml --url http://127.0.0.1:9", 69),
        ("doctor --data-dir {folder}", 1),
    ],
)
def test_a_folder_without_the_weights_is_refused_with_a_file_and_the_setting(
    data_folder: Path, command: str, code: int
) -> None:
    (data_folder / "call.yaml").write_text(SCRIPT, encoding="utf-8")
    models_dir = data_folder / "models"
    models_dir.mkdir()
    with running("callgenie", *command.format(folder=data_folder).split(), **{MODELS_DIR: str(models_dir)}) as program:
        assert program.end() == code
    told = [line for line in program.said if f"The file {models_dir}/" in line]
    assert told, program.said
    assert all(MODELS_DIR in line for line in told)
