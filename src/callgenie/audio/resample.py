"""Changes the sample rate of mono 16-bit PCM, whole or as it comes (soxr)."""

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

# The band above 3.4 kHz is lost on the telephone anyway, and below it the medium filter is transparent.
# As a stream it works in blocks of about 110 ms: what goes in comes out that much later, in as much real time.
_QUALITY: Final = "MQ"

# soxr dithers when it is asked for integers, at random. Without, the same speech is always the same bytes.
_WORKING_TYPE: Final = "float32"


def resample(samples: NDArray[np.int16], from_rate: int, to_rate: int) -> NDArray[np.int16]:
    """Return the whole recording at another rate."""
    if from_rate == to_rate or samples.size == 0:
        return samples
    return _rounded(soxr.resample(samples.astype(np.float32), from_rate, to_rate, quality=_QUALITY))


class Resampler:
    """Changes the rate of a stream; what goes in comes out a little later."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._stream = (
            None
            if from_rate == to_rate
            else soxr.ResampleStream(from_rate, to_rate, 1, dtype=_WORKING_TYPE, quality=_QUALITY)
        )

    def push(self, pcm: bytes) -> bytes:
        """Take 16-bit PCM of any length and return what is ready."""
        return self._run(pcm, last=False)

    def flush(self) -> bytes:
        """Return the rest; nothing can be pushed afterwards."""
        return self._run(b"", last=True)

    def _run(self, pcm: bytes, *, last: bool) -> bytes:
        if self._stream is None:
            return pcm
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        return _rounded(self._stream.resample_chunk(samples, last=last)).tobytes()


class QuickResampler:
    """Changes the rate of a stream by a whole factor, up or down, 1.5 ms later: for the two ways of a call.

    A `Resampler`'s blocks would make every answer and every interruption a tenth of a second later. This one is a plain
    windowed sinc (Hamming), which needs nothing but the samples around each.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        factor, rest = divmod(max(from_rate, to_rate), min(from_rate, to_rate))
        if rest:
            raise ValueError("one rate must be a multiple of the other")
        self._up = factor if to_rate > from_rate else 1
        self._down = factor if from_rate > to_rate else 1
        self._taps = _low_pass(factor) * np.float32(self._up)
        self._before = np.zeros(self._taps.size - 1, np.float32)
        self._skip = 0

    def push(self, pcm: bytes) -> bytes:
        """Take 16-bit PCM of any length and return as much of the other rate."""
        if self._up == self._down:
            return pcm
        samples = np.frombuffer(pcm, "<i2")
        stretched = np.zeros(samples.size * self._up, np.float32)
        stretched[:: self._up] = samples
        line = np.concatenate((self._before, stretched))
        self._before = line[line.size - self._before.size :]
        if not stretched.size:
            return b""
        filtered = np.convolve(line, self._taps, "valid")[self._skip :: self._down]
        self._skip = (self._skip - stretched.size) % self._down
        return _rounded(filtered).tobytes()


def _low_pass(factor: int) -> NDArray[np.float32]:
    # 24 taps for each sample of the lower rate: from 3.4 kHz of 8, what is passed, down by 50 dB at 4.6.
    at = np.arange(-12 * factor, 12 * factor + 1)
    taps = np.sinc(at / factor) * np.hamming(at.size)
    scaled: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return scaled


def _rounded(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    clipped: NDArray[np.int16] = np.clip(np.rint(samples), -(2**15), 2**15 - 1).astype(np.int16)
    return clipped
