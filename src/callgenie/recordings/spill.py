"""Recordings on the local disk: while their call lasts, and until the object store has them.

Each is two files: a label, that says whose it is, and the sound. Whoever works on one holds a lock on the label, which
the kernel lets go of when that process dies. So a label without a lock is a recording that waits to be stored, and
nobody has to say so.
"""

import fcntl
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from io import BufferedRandom
from pathlib import Path
from typing import Any, Final

import structlog

from callgenie.audio.wav import StereoWavWriter, finish_stereo_wav
from callgenie.kernel.ids import SessionId, UserId, digest_key
from callgenie.kernel.vocabulary import RecordingFault
from callgenie.recordings.models import Label

_log = structlog.get_logger(__name__)

SPILL_UNREADABLE: Final = "recordings.spill_unreadable"

SPILL_FOLDER: Final = "recordings-waiting"
_LABEL: Final = ".json"
_SOUND: Final = ".wav"
_DRAFT: Final = ".draft"
_UNREADABLE: Final = ".unreadable"
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class SpillFolder:
    """The folder; several processes of one machine share it. Its methods wait for the disk: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, label: Label) -> "SpillWriter":
        """Begin a recording, locked for as long as it is written.

        Raises:
            OSError: The disk does not take it, or has a recording of this call.
        """
        self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        path = self._folder / f"{label.user_id}-{digest_key(label.session_id)}{_LABEL}"
        draft = path.with_suffix(_DRAFT)
        lock = _open_locked(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            lock.write(_text_of(label))
            lock.flush()
            os.fsync(lock.fileno())
            # A link, and not a rename, fails when there is one already.
            path.hardlink_to(draft)
            return SpillWriter(path, lock, label)
        except BaseException:
            lock.close()
            raise
        finally:
            draft.unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Return the names of all recordings that are here, those being written too, oldest first."""
        try:
            found = [(entry.stat().st_mtime, entry.name) for entry in os.scandir(self._folder) if _is_label(entry)]
        except FileNotFoundError:
            return []
        return [name for _, name in sorted(found)]

    def claim(self, name: str) -> "SpilledRecording | None":
        """Take hold of a recording that nobody writes or stores, finished as far as it got; None if somebody does."""
        path = self._folder / name
        try:
            lock = _open_locked(path, os.O_RDWR)
        except OSError:
            # Somebody has it, or has stored it just now.
            return None
        try:
            if not path.exists():
                lock.close()
                return None
            label = _label_of(lock.read())
        except (ValueError, KeyError, TypeError) as error:
            # Only a disk that lost what it had promised to keep leaves this; there is nobody whose it could be.
            _log.error(SPILL_UNREADABLE, put_aside=str(_put_aside(path)), error=type(error).__name__)
            lock.close()
            return None
        sound = path.with_suffix(_SOUND)
        samples = finish_stereo_wav(sound, sample_rate=label.sample_rate) if sound.exists() else 0
        return SpilledRecording(label, sound, samples, path, lock)

    def waiting(self) -> int:
        """Count those that nobody holds. It looks by trying, so a worker that comes just then passes one over once."""
        return sum(1 for name in self.names() if not _is_held(self._folder / name))

    def unreadable(self) -> list[Path]:
        """Return the labels that were put aside; the sound, if there is any, lies beside each."""
        return sorted(self._folder.glob(f"*{_LABEL}{_UNREADABLE}"))


class SpillWriter:
    """Writes one recording as it comes. Its methods wait for the disk: call them in a thread, one after the other."""

    def __init__(self, path: Path, lock: BufferedRandom, label: Label) -> None:
        self._path = path
        self._lock = lock
        self._label = label
        self._wav = StereoWavWriter(path.with_suffix(_SOUND), sample_rate=label.sample_rate)

    def write(self, caller: bytes, ours: bytes) -> None:
        """Add both sides of one moment: 16-bit PCM, left and right."""
        self._wav.write(caller, ours)

    def close(self, fault: RecordingFault | None = None) -> None:
        """Let go of the recording; from now on it waits to be stored. `fault` says why it is not whole."""
        try:
            self._wav.close()
            _settle(self._path.with_suffix(_SOUND))
            if fault is not None:
                draft = self._path.with_suffix(_DRAFT)
                draft.write_bytes(_text_of(replace(self._label, fault=fault)))
                _settle(draft)
                draft.rename(self._path)
        finally:
            self._lock.close()


@dataclass(frozen=True, slots=True)
class SpilledRecording:
    """A recording that is to be stored, held by us. `samples` is its length."""

    label: Label
    sound: Path
    samples: int
    _path: Path
    _lock: BufferedRandom

    @property
    def bytes(self) -> int:
        """The size of the file."""
        return self.sound.stat().st_size

    def remove(self) -> None:
        """Delete it here: it is stored, or nobody may have it any more."""
        # The sound first: a label without one is understood, a sound without a label would stay for ever.
        self.sound.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        self._lock.close()

    def leave(self) -> None:
        """Let go of it; it still waits."""
        self._lock.close()


def _open_locked(path: Path, flags: int) -> BufferedRandom:
    """Open a file that nobody else works on.

    Raises:
        OSError: It is not there, or somebody does.
    """
    file = os.fdopen(os.open(path, flags | os.O_CLOEXEC, _FILE_MODE), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        file.close()
        raise
    return file


def _is_label(entry: "os.DirEntry[str]") -> bool:
    return entry.name.endswith(_LABEL)


def _put_aside(path: Path) -> Path:
    """Rename a recording to what nobody looks for; return its label's new name."""
    # The label last: whoever dies in between leaves one that is found again.
    sound = path.with_suffix(_SOUND)
    if sound.exists():
        sound.rename(f"{sound}{_UNREADABLE}")
    return path.rename(f"{path}{_UNREADABLE}")


def _is_held(path: Path) -> bool:
    try:
        _open_locked(path, os.O_RDWR).close()
    except OSError:
        return True
    return False


def _settle(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _text_of(label: Label) -> bytes:
    return json.dumps(asdict(label) | {"answered_at": label.answered_at.isoformat()}).encode()


def _label_of(text: bytes) -> Label:
    kept: dict[str, Any] = json.loads(text)
    return Label(
        user_id=UserId(kept["user_id"]),
        session_id=SessionId(kept["session_id"]),
        answered_at=datetime.fromisoformat(kept["answered_at"]),
        sample_rate=int(kept["sample_rate"]),
        keep_days=int(kept["keep_days"]),
        fault=None if kept["fault"] is None else RecordingFault(kept["fault"]),
    )
