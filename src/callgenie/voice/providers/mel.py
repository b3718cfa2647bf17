"""Whisper's ear: the log-mel spectrogram its encoder wants (80 bands, 25 ms windows every 10 ms).

Source: Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, 2.2; the bands are Slaney's
(Auditory Toolbox, 1998). Only frames with audio are computed; the rest of the window is the floor.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FRAMES_A_SECOND: Final = 100

_RATE: Final = 16_000
_WINDOW: Final = 400
_HOP: Final = 160
_BANDS: Final = 80

_HERTZ_A_MEL: Final = 200.0 / 3
_BREAK_HERTZ: Final = 1_000.0  # linear below, logarithmic above
_BREAK_MEL: Final = _BREAK_HERTZ / _HERTZ_A_MEL
_LOG_STEP: Final = np.log(6.4) / 27.0

_FLOOR_BELOW_LOUDEST: Final = 8.0  # powers of ten


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < _BREAK_MEL, mels * _HERTZ_A_MEL, _BREAK_HERTZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL)))


def _bands() -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.intp]]:
    """Return, for all bands one after the other, the bins they take, with which weight, and where each band begins.

    A band spans few of the 201 bins. Summing those is cheaper than a matrix product, and stays in one thread.
    """
    top = _BREAK_MEL + np.log(_RATE / 2 / _BREAK_HERTZ) / _LOG_STEP
    edges = _hertz(np.linspace(0.0, top, _BANDS + 2))
    bins = np.fft.rfftfreq(_WINDOW, 1 / _RATE)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    used = weights > 0
    taken = np.nonzero(used)
    starts = np.concatenate([[0], np.cumsum(used.sum(axis=1))[:-1]])
    return taken[1], weights[taken].astype(np.float32), starts


_BINS, _WEIGHTS, _STARTS = _bands()
_HANN: Final = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


def log_mel(audio: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Return the spectrogram of 16 kHz audio between -1 and 1, shape (1, 80, frames); what is longer is cut."""
    audio = audio[: frames * _HOP]
    padded = np.concatenate([audio[_WINDOW // 2 : 0 : -1], audio, np.zeros(_WINDOW, np.float32)])
    if audio.size <= _WINDOW // 2:
        padded = np.concatenate([np.zeros(_WINDOW // 2, np.float32), audio, np.zeros(_WINDOW, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:frames]
    power = np.abs(np.fft.rfft(windows * _HANN, axis=1)) ** 2
    bands = np.add.reduceat(power[:, _BINS] * _WEIGHTS, _STARTS, axis=1)
    heard = np.log10(np.maximum(bands, 1e-10))
    floor = heard.max(initial=-10.0) - _FLOOR_BELOW_LOUDEST
    out = np.full((1, _BANDS, frames), (max(floor, -10.0) + 4.0) / 4.0, np.float32)
    out[0, :, : len(heard)] = (np.maximum(heard, floor).T + 4.0) / 4.0
    return out
