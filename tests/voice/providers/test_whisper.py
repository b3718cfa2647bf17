import numpy as np
import pytest
from tests.support.embedded import embedded, speech
from tests.support.recordings import FOLDER, SAID, over_the_telephone, recordings, white_noise, with_noise
from tests.support.word_errors import word_error_rate

from callgenie.voice.providers.whisper import WhisperSpeechToText

RATE = 8_000
PAUSE = bytes(4_800)


def noise(seconds: float, loudness: float) -> bytes:
    return (np.random.default_rng(3).normal(size=int(RATE * seconds)) * loudness).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def whisper() -> WhisperSpeechToText:
    stt = embedded().stt
    assert isinstance(stt, WhisperSpeechToText)
    return stt


@pytest.mark.parametrize("voice", ["nanotts-en-us", "nanotts-en-gb"])
async def test_speech_over_the_telephone_is_understood_but_for_one_word_in_fifteen(
    whisper: WhisperSpeechToText, voice: str
) -> None:
    pairs = [
        (said, whisper.transcribe(over_the_telephone(PAUSE + await speech(said, voice=voice) + PAUSE), RATE))
        for said in SAID
    ]
    assert word_error_rate(pairs) <= 0.066, pairs


@pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason="There are no recordings of people: install them, on Debian by `apt-get install pocketsphinx-testdata`.",
)
@pytest.mark.parametrize(("hiss_db", "wrong_max"), [(None, 0.1), (15.0, 0.25)])
def test_people_are_understood_over_the_telephone(
    whisper: WhisperSpeechToText, hiss_db: float | None, wrong_max: float
) -> None:
    pairs = []
    for said, pcm in recordings("librivox", sample_rate=RATE):
        line = pcm if hiss_db is None else with_noise(pcm, white_noise(20), db=hiss_db)
        pairs.append((said, whisper.transcribe(over_the_telephone(line), RATE)))
    assert word_error_rate(pairs) <= wrong_max


@pytest.mark.parametrize("pcm", [b"", b"\x00", bytes(RATE * 2), noise(1, 100), noise(2, 1_500), noise(0.4, 4_000)])
def test_what_is_no_speech_gives_no_words(whisper: WhisperSpeechToText, pcm: bytes) -> None:
    assert whisper.transcribe(pcm, RATE) == ""


async def test_a_short_yes_is_not_taken_for_nothing(whisper: WhisperSpeechToText) -> None:
    assert whisper.transcribe(PAUSE + await speech("Yes, please.") + PAUSE, RATE).lower().startswith("yes")
    assert whisper.transcribe(PAUSE + await speech("No.") + PAUSE, RATE) != ""


async def test_a_text_that_repeats_itself_is_decoded_again_with_the_full_window(whisper: WhisperSpeechToText) -> None:
    pcm = await speech("Row, row, row your boat.")
    text = whisper.transcribe(pcm[: len(pcm) * 8 // 10 // 2 * 2] + PAUSE, RATE)
    # The short window makes "Well, well, well, well, well, well, well" of it, for as long as it may, and nothing else.
    assert len(text.split()) <= 5, text
    assert len(set(text.lower().replace(",", "").split())) > 1, text


async def test_what_repeats_itself_in_any_window_is_told_once(whisper: WhisperSpeechToText) -> None:
    samples = np.frombuffer(PAUSE + await speech("Row, row, row your boat.") + PAUSE, "<i2").astype(float)
    noisy = samples + np.random.default_rng(1).normal(size=samples.size) * 4_000
    text = whisper.transcribe(np.clip(noisy, -32_000, 32_000).astype("<i2").tobytes(), RATE).lower()
    assert all(text.count(word) < 5 for word in text.replace(",", "").split())


async def test_an_utterance_longer_than_the_short_window_is_heard_to_its_end(whisper: WhisperSpeechToText) -> None:
    said = " ".join(SAID[:6])
    pcm = over_the_telephone(await speech(said))
    assert 12 < len(pcm) / 2 / RATE < 29
    assert word_error_rate([(said, whisper.transcribe(pcm, RATE))]) <= 0.1


async def test_a_caller_who_never_pauses_fills_no_memory(whisper: WhisperSpeechToText) -> None:
    stream = whisper.open(sample_rate=RATE, language="en")
    for _ in range(40 * 50):
        stream.push(bytes(320))
    assert 28 < stream._utterance.seconds <= 29  # type: ignore[attr-defined] # what it holds is the point
    await stream.close()


async def test_audio_at_16_khz_is_understood_as_well(whisper: WhisperSpeechToText) -> None:
    pcm = await speech(SAID[3], sample_rate=16_000)
    assert word_error_rate([(SAID[3], whisper.transcribe(pcm, 16_000))]) == 0
