"""What every detector of speech promises."""

import numpy as np
import pytest
from tests.support.embedded import embedded, speech

from callgenie.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from callgenie.voice.ports import VoiceActivityDetector
from callgenie.voice.providers.scripted import LoudnessDetector


@pytest.fixture(params=["silero", "loudness"])
def vad(request: pytest.FixtureRequest) -> VoiceActivityDetector:
    return embedded().vad if request.param == "silero" else LoudnessDetector()


def judged(vad: VoiceActivityDetector, pcm: bytes, sample_rate: int) -> list[float]:
    activity = vad.open(sample_rate=sample_rate)
    frame = sample_rate // 50 * 2
    found = [activity.push(pcm[at : at + frame]) for at in range(0, len(pcm), frame)]
    return [probability for probability in found if probability is not None]


@pytest.mark.parametrize("sample_rate", [8_000, 16_000])
async def test_speech_is_speech_and_silence_is_not(vad: VoiceActivityDetector, sample_rate: int) -> None:
    pcm = await speech("Hello, I would like to book a cleaning for next Tuesday.", sample_rate=sample_rate)
    during = judged(vad, ulaw_to_pcm(pcm_to_ulaw(pcm)), sample_rate)
    assert np.mean([probability > 0.5 for probability in during]) > 0.75
    assert max(judged(vad, bytes(sample_rate * 2), sample_rate)) < 0.35


async def test_the_noise_of_a_line_is_not_speech(vad: VoiceActivityDetector) -> None:
    noise = (np.random.default_rng(7).normal(size=16_000) * 60).astype("<i2").tobytes()
    assert max(judged(vad, noise, 8_000)) < 0.35


async def test_probabilities_are_between_0_and_1_and_come_at_least_every_40_ms(vad: VoiceActivityDetector) -> None:
    pcm = await speech("Yes.")
    found = judged(vad, pcm, 8_000)
    assert all(0 <= probability <= 1 for probability in found)
    assert len(found) >= len(pcm) // 640 - 1


async def test_what_one_call_hears_does_not_change_what_another_does(vad: VoiceActivityDetector) -> None:
    pcm = await speech("Good morning.")
    alone = judged(vad, pcm, 8_000)
    loud = vad.open(sample_rate=8_000)
    quiet = vad.open(sample_rate=8_000)
    both = []
    for at in range(0, len(pcm), 320):
        both.append(loud.push(pcm[at : at + 320]))
        silent = quiet.push(bytes(320))
        assert silent is None or silent < 0.35
    assert [probability for probability in both if probability is not None] == alone


@pytest.mark.parametrize("size", [2, 160, 321, 8_000])
async def test_pieces_may_have_any_size(vad: VoiceActivityDetector, size: int) -> None:
    activity = vad.open(sample_rate=8_000)
    pcm = await speech("Hello there.")
    for at in range(0, min(len(pcm), 8_000), size):
        activity.push(pcm[at : at + size])
