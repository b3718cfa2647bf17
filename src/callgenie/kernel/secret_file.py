"""Secrets that nobody set: made once, and kept in a file that only this user can read."""

import base64
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callgenie.kernel.errors import InvalidError
from callgenie.kernel.ids import Randomness

# 384 bits: more than any of the algorithms that use a secret can take advantage of.
_SECRET_BYTES: Final = 48
_MODE: Final = 0o600
_JWT: Final = "jwtSecret"
_PEPPER: Final = "passwordPepper"


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What this installation signs with, and what it mixes into passwords. Never printed."""

    jwt_secret: str
    password_pepper: str

    @classmethod
    def gather(cls, path: Path, randomness: Randomness, *, jwt: str | None, pepper: str | None) -> "Secrets":
        """Take the secrets that were set, and those that were not from the file at `path`, made when need be.

        Raises:
            SecretFileError: The file is there and cannot be used.
        """
        if jwt is None or pepper is None:
            kept = read_or_make(path, (_JWT, _PEPPER), randomness)
            jwt, pepper = jwt or kept[_JWT], pepper or kept[_PEPPER]
        return cls(jwt, pepper)


class SecretFileError(InvalidError):
    """The file with the secrets cannot be read, or does not hold what it should."""

    code = "secret_file_unusable"


def read_or_make(path: Path, names: Sequence[str], randomness: Randomness) -> dict[str, str]:
    """Return the secrets of the file, making it first when there is none.

    Processes that start at the same time all get the same secrets: one file wins and all read that one.

    Raises:
        SecretFileError: The file is there and cannot be used. It is never replaced: with new secrets nobody could
            sign in any more.
    """
    try:
        if not path.exists():
            _make(path, names, randomness)
        return _read(path, names)
    except OSError as error:
        raise SecretFileError(
            f"The secrets in {path} cannot be read or made: {error.strerror or error}. "
            "Check the owner and the permissions of the file and its folder."
        ) from error


def _make(path: Path, names: Sequence[str], randomness: Randomness) -> None:
    secrets = {name: base64.urlsafe_b64encode(randomness.token_bytes(_SECRET_BYTES)).decode() for name in names}
    draft = path.with_name(f".{path.name}.{base64.urlsafe_b64encode(randomness.token_bytes(9)).decode()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(secrets, file)
            file.flush()
            # Passwords are hashed with these: a file that is empty after a power cut locks everybody out.
            os.fsync(file.fileno())
        # A link, and not a rename, fails when the file is there already: then another process was faster.
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path, names: Sequence[str]) -> dict[str, str]:
    with path.open(encoding="utf-8") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            os.fchmod(file.fileno(), _MODE)
        text = file.read()
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    secrets = {name: content.get(name) for name in names} if isinstance(content, dict) else {}
    found = {name: value for name, value in secrets.items() if isinstance(value, str) and value}
    if len(found) < len(names):
        raise SecretFileError(
            f"The secrets in {path} are damaged. Restore the file from a backup. Only if there is none, delete it: "
            "new secrets are made, everybody is signed out, and all passwords have to be reset."
        )
    return found
