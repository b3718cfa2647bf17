"""Both sides of a call on one line of time: what came from the caller, and what the caller can have heard of ours.

It holds no clock and no file. Times are seconds since the call's answer; audio is 16-bit PCM at one rate.

Ours is handed to the carrier ahead of time and played one piece after the other, so a piece begins where the one
before ends, or when it was handed over, if that is later. What was not played yet when the carrier was told to throw
it away was never heard, and is not here.

The caller's comes as it is spoken, but the network delays some of it and loses some. A piece is put behind the one
before. Where that differs from the moment at which it came, silence makes up for it: some is put in or left out where
the caller is quiet anyway. Only a long hole is filled at once.
"""

from typing import Final

import numpy as np

_SAMPLE_BYTES: Final = 2

# The usual differences in how long pieces travel. Within them a piece simply follows the one before.
_JITTER_SECONDS: Final = 0.06

# A hole this long is one, whatever the caller was saying when it began.
_HOLE_SECONDS: Final = 0.4

# What a stalled network brings all at once may run ahead of its time by so much; of more, the rest is left out. It
# bounds what somebody can make us write who sends faster than they can speak.
_AHEAD_SECONDS_MAX: Final = 5.0

# Of ours nobody hands over more in advance.
_OURS_AHEAD_SECONDS_MAX: Final = 60.0

# A quiet line's noise stays below a hundredth of the loudest.
_QUIET_PEAK: Final = 330


class _Side:
    """One side's samples from `begin` on; what comes before was taken."""

    def __init__(self) -> None:
        self.begin = 0
        self._pcm = bytearray()

    @property
    def end(self) -> int:
        """The first sample that is not there."""
        return self.begin + len(self._pcm) // _SAMPLE_BYTES

    def put(self, at: int, pcm: bytes) -> None:
        """Add audio at a sample that is not before the end; what lies between is silence."""
        self._pcm += bytes((at - self.end) * _SAMPLE_BYTES) + pcm

    def cut(self, at: int) -> None:
        """Forget what begins at a sample or later."""
        del self._pcm[max(0, at - self.begin) * _SAMPLE_BYTES :]

    def take(self, until: int) -> bytes:
        """Return what comes before a sample, filled up with silence, and let go of it."""
        size = (until - self.begin) * _SAMPLE_BYTES
        taken = bytes(self._pcm[:size]).ljust(size, b"\0")
        del self._pcm[:size]
        self.begin = until
        return taken


class TwoSides:
    """Puts both sides together; what is taken from it is gone from memory."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._caller = _Side()
        self._ours = _Side()

    def caller_said(self, pcm: bytes, at_seconds: float) -> None:
        """Take what the caller's side sounded like until now."""
        pcm = _whole_samples(pcm)
        side, size = self._caller, len(pcm) // _SAMPLE_BYTES
        # It was spoken before it came.
        begun = max(0, self._sample(at_seconds) - size)
        late = (begun - side.end) / self._rate
        if late > _HOLE_SECONDS or (late > _JITTER_SECONDS and _is_quiet(pcm)):
            side.put(max(begun, side.end), pcm)
        elif -late > _AHEAD_SECONDS_MAX or (-late > _JITTER_SECONDS and _is_quiet(pcm)):
            return
        else:
            side.put(side.end, pcm)

    def we_sent(self, pcm: bytes, at_seconds: float) -> None:
        """Take what was handed to the carrier, to be played behind what it already has."""
        pcm = _whole_samples(pcm)
        now, side = self._sample(at_seconds), self._ours
        if side.end - now < _OURS_AHEAD_SECONDS_MAX * self._rate:
            side.put(max(now, side.end), pcm)

    def cleared(self, at_seconds: float) -> None:
        """Forget what the carrier had not played yet."""
        self._ours.cut(self._sample(at_seconds))

    def take(self, until_seconds: float) -> tuple[bytes, bytes]:
        """Return both sides up to a moment that is over, equally long: the caller's, and ours."""
        until = max(self._sample(until_seconds), self._caller.begin)
        return self._caller.take(until), self._ours.take(until)

    def take_rest(self, until_seconds: float) -> tuple[bytes, bytes]:
        """Return what is left when the call is over; what came from the caller last is there to its last sample."""
        until = max(self._sample(until_seconds), self._caller.end)
        self._ours.cut(self._sample(until_seconds))
        return self._caller.take(until), self._ours.take(until)

    def _sample(self, seconds: float) -> int:
        return round(seconds * self._rate)


def _whole_samples(pcm: bytes) -> bytes:
    return pcm if len(pcm) % _SAMPLE_BYTES == 0 else pcm[:-1]


def _is_quiet(pcm: bytes) -> bool:
    samples = np.frombuffer(pcm, "<i2").astype(np.int32)
    return samples.size == 0 or int(np.abs(samples).max()) < _QUIET_PEAK
