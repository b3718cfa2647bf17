"""Tells speech from noise by Silero's network (v6), on onnxruntime: one model for all calls, a small state for each.

The network takes 32 ms of audio at 16 kHz and the last 4 ms before it, and keeps an LSTM's state; see
https://github.com/snakers4/silero-vad. Computing a piece takes 65 microseconds, less than handing it to a thread.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from callgenie.audio.resample import Resampler
from callgenie.voice.ports import VoiceActivity
from callgenie.voice.providers.upsample import MODEL_RATE, doubled
from callgenie.voice.providers.weights import Weights

WEIGHTS: Final = Weights(
    name="silero-vad-v6",
    requirement="faster-whisper==1.2.1",
    package="faster_whisper",
    folder="assets",
    sha256={"silero_vad_v6.onnx": "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2"},
)

_PIECE: Final = 512
_CONTEXT: Final = 64

# Of 32,768. Mu-law silence and the dither around it stay below; what is this quiet is no speech, and is not computed.
_NOTHING: Final = 16

_FULL_SCALE: Final = np.float32(1 / 2**15)


class SileroDetector:
    """The network, loaded once."""

    def __init__(self, models_dir: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        path = WEIGHTS.locate(models_dir) / "silero_vad_v6.onnx"
        self._session = onnxruntime.InferenceSession(
            str(path), providers=["CPUExecutionProvider"], sess_options=options
        )

    def open(self, *, sample_rate: int) -> VoiceActivity:
        """Start watching one call's audio."""
        return _SileroActivity(self._session, sample_rate)


class _SileroActivity:
    """One call's state: two vectors of 128 numbers, and the audio that does not yet make a piece."""

    def __init__(self, session: Any, sample_rate: int) -> None:
        self._session = session
        self._doubles = sample_rate * 2 == MODEL_RATE
        self._resampler = None if self._doubles else Resampler(sample_rate, MODEL_RATE)
        self._wanted = (_PIECE // 2 if self._doubles else _PIECE) * 2
        self._waiting = b""
        self._input = np.zeros((1, _CONTEXT + _PIECE), np.float32)
        self._h: NDArray[np.float32] = np.zeros((1, 1, 128), np.float32)
        self._c: NDArray[np.float32] = np.zeros((1, 1, 128), np.float32)

    def push(self, pcm: bytes) -> float | None:
        """Take audio; return the newest probability of speech, or None when a piece is not full yet."""
        self._waiting += pcm if self._resampler is None else self._resampler.push(pcm)
        probability = None
        while len(self._waiting) >= self._wanted:
            piece, self._waiting = self._waiting[: self._wanted], self._waiting[self._wanted :]
            probability = self._judge(np.frombuffer(piece, "<i2"))
        return probability

    def _judge(self, samples: NDArray[np.int16]) -> float:
        audio = self._input[0]
        audio[:_CONTEXT] = audio[-_CONTEXT:]
        scaled = samples * _FULL_SCALE
        audio[_CONTEXT:] = doubled(scaled, audio[_CONTEXT - 1]) if self._doubles else scaled
        if int(samples.max()) < _NOTHING and int(samples.min()) > -_NOTHING:
            return 0.0
        probability, self._h, self._c = self._session.run(None, {"input": self._input, "h": self._h, "c": self._c})
        return float(probability[0])
