"""Tells speech from noise by Silero's network (v6), on onnxruntime: one model for all calls, a small state for each.

The network takes 32 ms of audio at 16 kHz and the last 4 ms before it, and keeps an LSTM's state; see
https://github.com/snakers4/silero-vad. Computing a piece takes 65 microseconds, less than handing it to a thread.

It runs 31 times a second for each call, so its input, its output and its state stay where they are and are bound once:
handing them over each time would cost half as much again as the network.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from callgenie.audio.resample import Resampler
from callgenie.kernel.weights import Weights
from callgenie.voice.ports import VoiceActivity
from callgenie.voice.providers.upsample import MODEL_RATE

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
_HALF: Final = np.float32(0.5)
_STATE: Final = (1, 1, 128)


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
    """One call's state: two vectors of 128 numbers, and the audio that does not yet make a piece.

    The network must not write its new state over the one it still reads, so there are two, and they take turns.
    """

    def __init__(self, session: Any, sample_rate: int) -> None:
        self._session = session
        self._doubles = sample_rate * 2 == MODEL_RATE
        self._resampler = None if self._doubles else Resampler(sample_rate, MODEL_RATE)
        self._wanted = (_PIECE // 2 if self._doubles else _PIECE) * 2
        self._waiting = b""
        self._input = np.zeros((1, _CONTEXT + _PIECE), np.float32)
        self._probability = np.zeros(1, np.float32)
        # Kept here, too: the network knows them by their address alone.
        self._states = [(np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32)) for _ in range(2)]
        self._next, self._after_next = (self._bind(*self._states), self._bind(*reversed(self._states)))

    def push(self, pcm: bytes) -> float | None:
        """Take audio; return the newest probability of speech, or None when a piece is not full yet."""
        self._waiting += pcm if self._resampler is None else self._resampler.push(pcm)
        probability = None
        while len(self._waiting) >= self._wanted:
            piece, self._waiting = self._waiting[: self._wanted], self._waiting[self._wanted :]
            probability = self._judge(np.frombuffer(piece, "<i2"))
        return probability

    def _judge(self, samples: NDArray[np.int16]) -> float:
        if samples.max() < _NOTHING and samples.min() > -_NOTHING:
            self._input.fill(0.0)
            return 0.0
        audio = self._input[0]
        audio[:_CONTEXT] = audio[-_CONTEXT:]
        if self._doubles:
            # `upsample.doubled` in place: every other sample is new, half-way between its two neighbours.
            between, given = audio[_CONTEXT::2], audio[_CONTEXT + 1 :: 2]
            np.multiply(samples, _FULL_SCALE, out=given)
            np.add(audio[_CONTEXT - 1 : -1 : 2], given, out=between)
            np.multiply(between, _HALF, out=between)
        else:
            np.multiply(samples, _FULL_SCALE, out=audio[_CONTEXT:])
        self._session.run_with_iobinding(self._next)
        self._next, self._after_next = self._after_next, self._next
        return float(self._probability[0])

    def _bind(self, state: tuple[NDArray[np.float32], ...], new_state: tuple[NDArray[np.float32], ...]) -> Any:
        binding = self._session.io_binding()
        for name, array in zip(("input", "h", "c"), (self._input, *state), strict=True):
            binding.bind_cpu_input(name, array)
        for name, array in zip(("speech_probs", "hn", "cn"), (self._probability, *new_state), strict=True):
            binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return binding
