"""Mu-law, the telephone's 8 bits a sample, to and from 16-bit linear PCM (ITU-T G.711, table 2)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BIAS: Final = 33  # of a 14-bit magnitude; it puts every segment's start on a power of two
_LOUDEST: Final = 8_158  # the greatest 14-bit magnitude that stays inside the last segment; all above share its code
_SEGMENT_ENDS: Final = (0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF)


def _decoding_table() -> NDArray[np.int16]:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF  # a code travels with all its bits flipped
    segment = (codes >> 4) & 0x07
    magnitude = (((codes & 0x0F) << 1) + _BIAS << segment) - _BIAS
    linear = np.where(codes & 0x80, -magnitude, magnitude) << 2
    return linear.astype("<i2")


def _encoding_table() -> NDArray[np.uint8]:
    # 64 KiB, one entry for each 16-bit sample read as unsigned: a look-up is ten times cheaper than the arithmetic.
    linear = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    magnitude = np.minimum(np.abs(linear), _LOUDEST) + _BIAS
    segment = np.searchsorted(_SEGMENT_ENDS, magnitude)
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    table: NDArray[np.uint8] = np.where(linear < 0, code ^ 0x7F, code ^ 0xFF).astype(np.uint8)
    return table


_TO_LINEAR: Final = _decoding_table()
_TO_CODE: Final = _encoding_table()

ULAW_SILENCE: Final = 0xFF
"""The code of a sample of nothing."""


def ulaw_to_pcm(ulaw: bytes) -> bytes:
    """Return the 16-bit little-endian PCM for mu-law codes: two bytes for each."""
    return _TO_LINEAR.take(np.frombuffer(ulaw, dtype=np.uint8)).tobytes()


def pcm_to_ulaw(pcm: bytes) -> bytes:
    """Return the mu-law codes for 16-bit little-endian PCM; half a sample at the end is dropped."""
    codes: NDArray[np.uint8] = _TO_CODE.take(np.frombuffer(pcm, dtype="<u2", count=len(pcm) // 2))
    return codes.tobytes()
