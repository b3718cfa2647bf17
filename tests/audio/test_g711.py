import warnings

import numpy as np
import pytest

from callgenie.audio.g711 import ULAW_SILENCE, pcm_to_ulaw, ulaw_to_pcm

EVERY_SAMPLE = np.arange(-32_768, 32_768, dtype="<i2").tobytes()
EVERY_CODE = bytes(range(256))


# ITU-T G.711, tables 2a and 2b: ends of segments, as 14-bit values.
ENDS = {
    0x80: 8_031,
    0x8F: 4_191,
    0x9F: 2_079,
    0xCF: 231,
    0xDF: 99,
    0xEF: 33,
    0xFE: 2,
    0xFF: 0,
    0x00: -8_031,
    0x7E: -2,
    0x7F: 0,
}


@pytest.mark.parametrize(("code", "linear"), ENDS.items())
def test_codes_mean_what_the_recommendation_says(code: int, linear: int) -> None:
    assert np.frombuffer(ulaw_to_pcm(bytes([code])), "<i2")[0] == linear * 4


def test_every_code_survives_the_way_there_and_back_but_the_two_zeros_become_one() -> None:
    back = pcm_to_ulaw(ulaw_to_pcm(EVERY_CODE))
    assert back == EVERY_CODE.replace(b"\x7f", bytes([ULAW_SILENCE]))


def test_no_sample_is_off_by_more_than_half_a_step() -> None:
    linear = np.frombuffer(EVERY_SAMPLE, "<i2").astype(np.int32) >> 2 << 2  # G.711 knows 14 bits
    heard = np.frombuffer(ulaw_to_pcm(pcm_to_ulaw(EVERY_SAMPLE)), "<i2").astype(np.int32)
    clipped = np.clip(linear, -32_632, 32_632)
    step = 2.0 ** np.maximum(3, np.floor(np.log2(np.abs(clipped) + 132.0)) - 4)
    assert np.all(np.abs(heard - clipped) <= step / 2)


def test_the_standard_library_agrees_where_python_still_has_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="There is no audioop in Python 3.13: use Python 3.12.")
    assert pcm_to_ulaw(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert ulaw_to_pcm(EVERY_CODE) == audioop.ulaw2lin(EVERY_CODE, 2)


def test_half_a_sample_is_dropped() -> None:
    assert len(pcm_to_ulaw(b"\x00\x00\x01")) == 1
    assert pcm_to_ulaw(b"") == ulaw_to_pcm(b"") == b""
