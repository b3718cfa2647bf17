import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from callgenie.audio.resample import QuickResampler, Resampler, resample


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


@pytest.mark.parametrize(("low", "high"), [(8_000, 16_000), (8_000, 24_000)])
def test_a_quick_stream_keeps_speech_and_lets_nothing_fold_back(low: int, high: int) -> None:
    speech, hiss = tone(high, hertz=3_000), tone(high, hertz=5_500)
    for sound, loudest, quietest in ((speech, 12_200, 11_500), (hiss, 120, 0)):
        stream = QuickResampler(high, low)
        pcm = sound.tobytes()
        heard = np.frombuffer(b"".join(stream.push(pcm[at : at + 642]) for at in range(0, len(pcm), 642)), "<i2")
        assert len(heard) == low
        assert quietest <= np.abs(heard[200:].astype(int)).max() <= loudest
    up = np.frombuffer(QuickResampler(low, high).push(tone(low, hertz=3_000).tobytes()), "<i2")
    assert len(up) == high
    assert abs(hertz_of(up, high) - 3_000) < 2


def test_a_quick_stream_is_two_milliseconds_late_at_most() -> None:
    click = np.zeros(800, np.int16)
    click[400] = 20_000
    for rate in (16_000, 24_000):
        there = QuickResampler(8_000, rate).push(click.tobytes())
        back = np.frombuffer(QuickResampler(rate, 8_000).push(there), "<i2")
        assert 400 <= int(np.abs(back.astype(int)).argmax()) <= 400 + 2 * 16


@given(st.lists(st.binary(max_size=90).map(lambda raw: raw[: len(raw) // 2 * 2]), max_size=20))
def test_a_quick_stream_gives_the_same_however_it_is_cut(parts: list[bytes]) -> None:
    for rates in ((24_000, 8_000), (16_000, 8_000), (8_000, 24_000)):
        cut, whole = QuickResampler(*rates), QuickResampler(*rates)
        pieces = b"".join(cut.push(part) for part in parts)
        once = np.frombuffer(whole.push(b"".join(parts)), "<i2").astype(int)
        assert np.abs(np.frombuffer(pieces, "<i2") - once).max(initial=0) <= 1
