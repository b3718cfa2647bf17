"""What every recogniser promises, whoever made it. Scripted ones are given what is really said."""

from collections.abc import AsyncIterator

import pytest
from tests.support.embedded import embedded, speech
from tests.support.word_errors import word_error_rate

from callgenie.voice.ports import SpeechStream, SpeechToText
from callgenie.voice.providers.scripted import ScriptedSpeechToText

RATE = 8_000
FIRST, SECOND = "What time do you open?", "I need to cancel my appointment on Friday."
PAUSE = bytes(RATE)  # half a second


@pytest.fixture(params=["whisper", "scripted"])
def stt(request: pytest.FixtureRequest) -> SpeechToText:
    return ScriptedSpeechToText([FIRST, SECOND]) if request.param == "scripted" else embedded().stt


@pytest.fixture
async def stream(stt: SpeechToText) -> AsyncIterator[SpeechStream]:
    stream = stt.open(sample_rate=RATE, language="en")
    yield stream
    await stream.close()


def push(stream: SpeechStream, pcm: bytes) -> None:
    for at in range(0, len(pcm), 320):
        stream.push(pcm[at : at + 320])


async def test_speech_becomes_its_words(stream: SpeechStream) -> None:
    push(stream, PAUSE + await speech(FIRST) + PAUSE)
    heard = await stream.transcribe()
    assert heard.final
    assert heard.text == heard.text.strip()
    assert word_error_rate([(FIRST, heard.text)]) == 0


async def test_asking_again_gives_the_same_words(stream: SpeechStream) -> None:
    push(stream, await speech(FIRST) + PAUSE)
    assert await stream.transcribe() == await stream.transcribe()


async def test_audio_that_comes_later_belongs_to_the_same_utterance(stream: SpeechStream) -> None:
    pcm = await speech(FIRST)
    push(stream, pcm[: len(pcm) // 3 // 2 * 2])
    await stream.transcribe()
    push(stream, pcm[len(pcm) // 3 // 2 * 2 :] + PAUSE)
    assert word_error_rate([(FIRST, (await stream.transcribe()).text)]) == 0


async def test_after_a_reset_only_the_new_utterance_counts(stream: SpeechStream) -> None:
    push(stream, await speech(FIRST) + PAUSE)
    await stream.transcribe()
    stream.reset()
    push(stream, await speech(SECOND) + PAUSE)
    assert word_error_rate([(SECOND, (await stream.transcribe()).text)]) == 0


async def test_nothing_and_silence_are_no_words(stream: SpeechStream) -> None:
    assert (await stream.transcribe()).text == ""
    push(stream, bytes(2 * RATE * 2))
    assert (await stream.transcribe()).text == ""


async def test_two_calls_do_not_hear_each_other(stt: SpeechToText) -> None:
    one, other = stt.open(sample_rate=RATE, language="en"), stt.open(sample_rate=RATE, language="en")
    push(one, await speech(FIRST) + PAUSE)
    push(other, PAUSE)
    assert (await other.transcribe()).text == ""
    assert (await one.transcribe()).text != ""
    await one.close()
    await other.close()


async def test_closing_twice_is_harmless(stream: SpeechStream) -> None:
    await stream.close()
