import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from callgenie.audio.errors import RecordingUnreadableError
from callgenie.audio.g711 import pcm_to_ulaw
from callgenie.audio.wav import StereoWavWriter, read_wav

RATE = 8_000
SOUND = (np.sin(np.arange(RATE) / RATE * 2 * np.pi * 300) * 16_000).astype("<i2")


def wav(tag: int, bits: int, body: bytes, *, channels: int = 1, rate: int = RATE) -> bytes:
    block = channels * bits // 8
    shape = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    chunks = b"WAVEfmt " + struct.pack("<I", 16) + shape + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


@pytest.mark.parametrize(
    ("tag", "bits", "body", "error_max"),
    [
        (1, 8, ((SOUND >> 8) + 128).astype(np.uint8).tobytes(), 260),
        (1, 16, SOUND.tobytes(), 0),
        (1, 24, (SOUND.astype("<i4") << 8).view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), 0),
        (1, 32, (SOUND.astype("<i4") << 16).tobytes(), 0),
        (3, 32, (SOUND / 2.0**15).astype("<f4").tobytes(), 0),
        (3, 64, (SOUND / 2.0**15).astype("<f8").tobytes(), 0),
        (7, 8, pcm_to_ulaw(SOUND.tobytes()), 520),
    ],
)
def test_every_common_sample_format_is_read(tmp_path: Path, tag: int, bits: int, body: bytes, error_max: int) -> None:
    path = tmp_path / "caller.wav"
    path.write_bytes(wav(tag, bits, body))
    heard = read_wav(path, sample_rate=RATE)
    assert heard.dtype == np.int16
    assert len(heard) == len(SOUND)
    assert np.abs(heard.astype(int) - SOUND).max() <= error_max


def test_stereo_is_averaged_and_the_rate_changed(tmp_path: Path) -> None:
    path = tmp_path / "caller.wav"
    both = np.stack([SOUND, np.zeros_like(SOUND)], axis=1)
    path.write_bytes(wav(1, 16, both.tobytes(), channels=2))
    heard = read_wav(path, sample_rate=16_000)
    assert len(heard) == 2 * len(SOUND)
    assert abs(int(np.abs(heard).max()) - 8_000) < 100


def test_the_extensible_header_and_chunks_before_the_sound_are_read(tmp_path: Path) -> None:
    shape = struct.pack("<HHIIHH", 0xFFFE, 1, RATE, RATE * 2, 2, 16) + struct.pack("<HHIH14s", 22, 16, 4, 1, b"\0" * 14)
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks = b"WAVEfmt " + struct.pack("<I", len(shape)) + shape + extra + b"data" + struct.pack("<I", SOUND.nbytes)
    path = tmp_path / "caller.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 0) + chunks + SOUND.tobytes())
    assert np.array_equal(read_wav(path, sample_rate=RATE), SOUND)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not a WAV file"),
        (b"ID3" + bytes(400), "is not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "holds no sound"),
        (wav(1, 16, b""), "holds no sound"),
        (wav(1, 16, SOUND.tobytes())[:30], "cut off"),
        (wav(1, 12, SOUND.tobytes()), "12-bit PCM"),
        (wav(0x55, 16, SOUND.tobytes()), "format 0x55"),
        (wav(1, 16, SOUND.tobytes(), rate=0), "0 samples a second"),
        (wav(1, 16, SOUND.tobytes(), channels=0), "0 channels"),
        (b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd", "before it says in which format"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "caller.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingUnreadableError, match=sentence):
        read_wav(path, sample_rate=RATE)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadableError, match=r"nowhere\.wav cannot be opened"):
        read_wav(tmp_path / "nowhere.wav", sample_rate=RATE)


def test_both_sides_of_a_call_are_written_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with StereoWavWriter(path, sample_rate=RATE) as writer:
        writer.write(SOUND[:160].tobytes(), b"")
        writer.write(b"", SOUND[:80].tobytes())
        writer.write(SOUND[160:320].tobytes(), SOUND[80:400].tobytes())
    with wave.open(str(path), "rb") as stored:
        assert (stored.getnchannels(), stored.getframerate(), stored.getnframes()) == (2, RATE, 160 + 80 + 320)
        both = np.frombuffer(stored.readframes(10_000), "<i2").reshape(-1, 2)
    assert np.array_equal(both[:160, 0], SOUND[:160])
    assert np.array_equal(both[160:240, 1], SOUND[:80])
    assert not both[400:, 0].any()


def test_a_recording_of_a_process_that_died_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    writer = StereoWavWriter(path, sample_rate=RATE)
    writer.write(SOUND.tobytes(), SOUND.tobytes())
    writer._file.flush()
    assert np.array_equal(read_wav(path, sample_rate=RATE), SOUND)
    writer.close()
    writer.close()
    assert np.array_equal(read_wav(path, sample_rate=RATE), SOUND)
