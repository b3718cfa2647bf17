import numpy as np
from numpy.typing import NDArray

from callgenie.audio.resample import Resampler, resample


def tone(rate: int, hertz: float = 440.0, seconds: float = 1.0) -> NDArray[np.int16]:
    at = np.arange(int(rate * seconds)) / rate
    return (np.sin(2 * np.pi * hertz * at) * 12_000).astype(np.int16)


def hertz_of(samples: NDArray[np.int16], rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate / len(samples)


def test_a_tone_keeps_its_pitch_length_and_loudness() -> None:
    changed = resample(tone(16_000), 16_000, 8_000)
    assert len(changed) == 8_000
    assert abs(hertz_of(changed, 8_000) - 440) < 2
    assert abs(int(np.abs(changed).max()) - 12_000) < 200


def test_what_the_lower_rate_cannot_hold_is_taken_out_and_not_folded_back() -> None:
    changed = resample(tone(16_000, hertz=6_000), 16_000, 8_000)
    assert np.abs(changed[400:-400]).max() < 120


def test_a_stream_gives_what_the_whole_gives() -> None:
    sound = tone(16_000, seconds=0.9)
    stream = Resampler(16_000, 8_000)
    pcm = sound.tobytes()
    pieces = [stream.push(pcm[at : at + 646]) for at in range(0, len(pcm), 646)]
    streamed = np.frombuffer(b"".join(pieces) + stream.flush(), "<i2")
    whole = resample(sound, 16_000, 8_000)
    assert len(streamed) == len(whole)
    assert np.abs(streamed.astype(int) - whole.astype(int)).max() <= 1


def test_the_same_rate_changes_nothing() -> None:
    sound = tone(8_000)
    assert resample(sound, 8_000, 8_000) is sound
    stream = Resampler(8_000, 8_000)
    assert stream.push(sound.tobytes()) + stream.flush() == sound.tobytes()


def test_the_same_sound_always_becomes_the_same_bytes() -> None:
    def once() -> bytes:
        stream = Resampler(16_000, 8_000)
        return stream.push((tone(16_000) // 100).tobytes()) + stream.flush()

    assert once() == once()
