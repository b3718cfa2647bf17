import numpy as np
import onnxruntime
import pytest
from tests.support.embedded import embedded, speech

from callgenie.voice.providers.silero import WEIGHTS
from callgenie.voice.providers.upsample import doubled

RATE = 8_000


def judged(pcm: bytes) -> list[float]:
    activity = embedded().vad.open(sample_rate=RATE)
    found = [activity.push(pcm[at : at + 320]) for at in range(0, len(pcm), 320)]
    return [probability for probability in found if probability is not None]


@pytest.mark.parametrize("loudness", [10, 200, 1_000, 3_000])
def test_noise_is_not_speech_however_loud(loudness: int) -> None:
    noise = (np.random.default_rng(2).normal(size=RATE * 3) * loudness).astype("<i2").tobytes()
    assert np.mean([probability > 0.5 for probability in judged(noise)]) < 0.03


def test_a_dial_tone_and_a_hum_are_not_speech() -> None:
    at = np.arange(RATE * 2) / RATE
    tone = (np.sin(2 * np.pi * 350 * at) + np.sin(2 * np.pi * 440 * at)) * 6_000
    hum = np.sin(2 * np.pi * 50 * at) * 8_000
    for sound in (tone, hum):
        found = judged(sound.astype("<i2").tobytes())
        assert np.mean([probability > 0.5 for probability in found]) < 0.1


async def test_speech_is_found_under_the_noise_of_a_street() -> None:
    pcm = np.frombuffer(await speech("Hello, I would like to book a cleaning for next Tuesday."), "<i2").astype(float)
    noisy = pcm + np.random.default_rng(4).normal(size=pcm.size) * 600
    found = judged(np.clip(noisy, -32_768, 32_767).astype("<i2").tobytes())
    assert np.mean([probability > 0.5 for probability in found]) > 0.7


async def test_quiet_after_speech_is_noticed_within_a_tenth_of_a_second() -> None:
    found = judged(await speech("Yes, please.") + bytes(RATE))
    last = max(at for at, probability in enumerate(found) if probability > 0.35)
    spoken = len(await speech("Yes, please.")) / 2 / RATE
    assert (last + 1) * 0.032 - spoken < 0.1


async def test_a_model_that_hears_the_telephones_band_alone_would_be_less_sure() -> None:
    found = judged(await speech("What time do you open on Saturday?"))
    assert np.median([probability for probability in found if probability > 0.2]) > 0.8


async def test_what_is_bound_once_says_what_the_same_network_says_when_it_is_handed_everything() -> None:
    pcm = (await speech("Do you deliver?")) + bytes(RATE) + (await speech("Where can I park my car?"))
    network = onnxruntime.InferenceSession(str(WEIGHTS.locate(None) / "silero_vad_v6.onnx"))
    h, c = np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)
    before, expected = np.zeros(64, np.float32), []
    for at in range(0, len(pcm) - 511, 512):
        samples = np.frombuffer(pcm[at : at + 512], np.int16)
        if np.abs(samples).max() < 16:
            before = np.zeros(64, np.float32)
            expected.append(0.0)
            continue
        audio = np.concatenate([before, doubled(samples * np.float32(1 / 32_768), before[-1])])[None]
        probability, h, c = network.run(None, {"input": audio, "h": h, "c": c})
        expected.append(float(probability[0]))
        before = audio[0, -64:]
    found = judged(pcm)
    assert max(expected) > 0.9
    assert np.abs(np.array(found) - np.array(expected)).max() < 1e-4


def test_doubling_puts_each_new_sample_between_two() -> None:
    assert doubled(np.array([2.0, 4.0, 0.0], np.float32), np.float32(-2.0)).tolist() == [0.0, 2.0, 3.0, 4.0, 2.0, 0.0]
    assert doubled(np.array([], np.float32), np.float32(1.0)).size == 0
