import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from callgenie.voice.providers.mel import log_mel


@pytest.mark.parametrize("seconds", [0.02, 0.5, 3.0, 11.99, 12.0, 14.0])
def test_the_spectrogram_is_the_one_whisper_was_trained_on(seconds: float) -> None:
    random = np.random.default_rng(5)
    audio = (
        np.sin(np.arange(int(seconds * 16_000)) / 9) * 0.3 + random.normal(size=int(seconds * 16_000)) * 0.02
    ).astype(np.float32)
    window = np.zeros(12 * 16_000, np.float32)
    window[: audio.size] = audio[: window.size]
    expected = FeatureExtractor()(window, padding=0)[:, :1_200]
    found = log_mel(audio, 1_200)
    assert found.shape == (1, 80, 1_200)
    assert found.dtype == np.float32
    # The reference mirrors audio at the window's end, where we pad with silence: the last two frames may differ.
    assert np.abs(found[0, :, :1_198] - expected[:, :1_198]).max() < 1e-5


@pytest.mark.parametrize("samples", [0, 1, 199, 200, 201, 399])
def test_hardly_any_audio_is_no_reason_to_fail(samples: int) -> None:
    assert np.isfinite(log_mel(np.full(samples, 0.1, np.float32), 1_200)).all()
