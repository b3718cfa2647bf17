"""WAV files: any that people have, read as mono; and a call's two sides, written as they come.

Source: Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (RIFF), and
Multiple Channel Audio Data and WAVE Files (WAVE_FORMAT_EXTENSIBLE).
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from callgenie.audio.errors import RecordingUnreadableError
from callgenie.audio.g711 import ulaw_to_pcm
from callgenie.audio.resample import resample

_PCM: Final = 1
_FLOAT: Final = 3
_ULAW: Final = 7
_EXTENSIBLE: Final = 0xFFFE

# A quarter of an hour of stereo at 48 kHz and 24 bit. Reading holds all of it in memory, several times over.
FILE_BYTES_MAX: Final = 256 * 1024 * 1024

_FORMAT_BYTES_MIN: Final = 16
_EXTENSIBLE_BYTES_MIN: Final = 40
_STEREO_HEADER_BYTES: Final = 44
_STEREO_SAMPLE_BYTES: Final = 4
_RATE_MAX: Final = 768_000
_CHANNELS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class _Format:
    tag: int
    channels: int
    rate: int
    bits: int


def read_wav(path: Path, *, sample_rate: int) -> NDArray[np.int16]:
    """Return a recording as mono 16-bit samples at `sample_rate`, whatever it is stored as.

    Channels are averaged. 8, 16, 24 and 32-bit PCM, 32 and 64-bit float and mu-law are understood.

    Raises:
        RecordingUnreadableError: The file is not there, is no WAV, is cut off, or is too large.
    """
    data = _load(path)
    audio_format, body = _chunks(path, data)
    samples = _decode(path, audio_format, body)
    if samples.size == 0:
        raise _unreadable(path, "holds no sound")
    return resample(_mix(samples, audio_format.channels), audio_format.rate, sample_rate)


def _load(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise _unreadable(path, f"is larger than {FILE_BYTES_MAX // 2**20} MiB; cut it to the part you need")
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, f"cannot be opened ({error.strerror})") from error


def _chunks(path: Path, data: bytes) -> tuple[_Format, bytes]:
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":  # noqa: PLR2004 - the size of the RIFF header
        raise _unreadable(path, "is not a WAV file; convert it first, for instance with ffmpeg")
    audio_format: _Format | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if name == b"fmt ":
            audio_format = _read_format(path, data[at : at + size])
        elif name == b"data":
            if audio_format is None:
                raise _unreadable(path, "has sound before it says in which format")
            # Programs that stream write 0 or the greatest number for a length they do not know yet.
            return audio_format, data[at:] if size in {0, 0xFFFFFFFF} else data[at : at + size]
        at += size + (size & 1)
    raise _unreadable(path, "holds no sound")


def _read_format(path: Path, chunk: bytes) -> _Format:
    if len(chunk) < _FORMAT_BYTES_MIN:
        raise _unreadable(path, "is cut off in its header")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= _EXTENSIBLE_BYTES_MIN:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    if not (1 <= channels <= _CHANNELS_MAX and 1 <= rate <= _RATE_MAX):
        raise _unreadable(path, f"claims {channels} channels at {rate} samples a second")
    return _Format(tag, channels, rate, bits)


def _decode(path: Path, audio_format: _Format, body: bytes) -> NDArray[np.float32]:
    """Return interleaved samples between -1 and 1."""
    width = audio_format.bits // 8
    if width:
        body = body[: len(body) // (width * audio_format.channels) * (width * audio_format.channels)]
    match audio_format.tag, audio_format.bits:
        case (1, 8):
            return (np.frombuffer(body, np.uint8).astype(np.float32) - 128.0) / 128.0
        case (1, 16):
            return np.frombuffer(body, "<i2").astype(np.float32) / 2.0**15
        case (1, 24):
            padded = np.zeros((len(body) // 3, 4), np.uint8)
            padded[:, 1:] = np.frombuffer(body, np.uint8).reshape(-1, 3)
            return padded.view("<i4").reshape(-1).astype(np.float32) / np.float32(2.0**31)
        case (1, 32):
            return np.frombuffer(body, "<i4").astype(np.float32) / np.float32(2.0**31)
        case (3, 32 | 64):
            return np.nan_to_num(np.frombuffer(body, f"<f{width}").astype(np.float32))
        case (7, 8):
            return np.frombuffer(ulaw_to_pcm(body), "<i2").astype(np.float32) / 2.0**15
    names = {_PCM: "PCM", _FLOAT: "float", _ULAW: "mu-law"}
    kind = names.get(audio_format.tag, f"format {audio_format.tag:#x}")
    raise _unreadable(path, f"is {audio_format.bits}-bit {kind}; save it as 16-bit PCM")


def _mix(samples: NDArray[np.float32], channels: int) -> NDArray[np.int16]:
    mono = samples.reshape(-1, channels).mean(axis=1) if channels > 1 else samples
    clipped: NDArray[np.int16] = np.clip(np.rint(mono * 2.0**15), -(2**15), 2**15 - 1).astype(np.int16)
    return clipped


def _unreadable(path: Path, what: str) -> RecordingUnreadableError:
    return RecordingUnreadableError(f"The recording {path.name} {what}.")


class StereoWavWriter:
    """Writes a call's two sides to disk as they come: left the caller, right the assistant.

    Nothing is kept in memory. Until `close` the header says that the length is unknown, which players read as
    "to the end of the file": a recording of a process that died can still be heard.
    """

    def __init__(self, path: Path, *, sample_rate: int) -> None:
        self._file = path.open("wb")
        self._rate = sample_rate
        self._bytes = 0
        self._file.write(_stereo_header(sample_rate, 0xFFFFFFFF))

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the file, also after an error."""
        self.close()

    def write(self, left: bytes, right: bytes) -> None:
        """Add both sides of one moment, 16-bit PCM; the shorter one is filled up with silence."""
        frames = max(len(left), len(right)) // 2
        both = np.zeros((frames, 2), "<i2")
        both[: len(left) // 2, 0] = np.frombuffer(left, "<i2", count=len(left) // 2)
        both[: len(right) // 2, 1] = np.frombuffer(right, "<i2", count=len(right) // 2)
        self._file.write(both.tobytes())
        self._bytes += frames * 4

    def close(self) -> None:
        """Write the true length into the header. Closing twice is harmless."""
        if self._file.closed:
            return
        self._file.seek(0)
        self._file.write(_stereo_header(self._rate, self._bytes))
        self._file.close()


def finish_stereo_wav(path: Path, *, sample_rate: int) -> int:
    """Give a file the header that its `StereoWavWriter` could not write any more; return its length in samples.

    One that is finished already stays as it is. Half a sample at the end is cut off.
    """
    size = max(0, path.stat().st_size - _STEREO_HEADER_BYTES) // _STEREO_SAMPLE_BYTES * _STEREO_SAMPLE_BYTES
    with path.open("r+b") as file:
        file.write(_stereo_header(sample_rate, size))
        file.truncate(_STEREO_HEADER_BYTES + size)
    return size // _STEREO_SAMPLE_BYTES


def _stereo_header(rate: int, data_bytes: int) -> bytes:
    total = min(data_bytes + _STEREO_HEADER_BYTES - 8, 0xFFFFFFFF)
    shape = struct.pack("<HHIIHH", _PCM, 2, rate, rate * _STEREO_SAMPLE_BYTES, _STEREO_SAMPLE_BYTES, 16)
    return (
        b"RIFF" + struct.pack("<I", total) + b"WAVEfmt " + struct.pack("<I", 16) + shape
        + b"data" + struct.pack("<I", data_bytes)
    )  # fmt: skip
