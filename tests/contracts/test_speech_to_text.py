"""What every recogniser promises, whoever made it. Scripted ones are given what is really said."""

from collections.abc import AsyncIterator

import numpy as np
import pytest
from tests.support.embedded import embedded, speech
from tests.support.vendors.hosted import deepgram, openai_transcription
from tests.support.word_errors import word_error_rate

from callgenie.kernel.clock import SystemClock
from callgenie.voice.breaker import Breaker
from callgenie.voice.fallback import Candidate, FallbackSpeechToText
from callgenie.voice.ports import SpeechStream, SpeechToText
from callgenie.voice.providers.scripted import ScriptedSpeechToText

RATE = 8_000
FIRST, SECOND = "What time do you open?", "I need to cancel my appointment on Friday."
PAUSE = bytes(RATE)  # half a second


@pytest.fixture(params=["whisper", "scripted", "openai", "deepgram", "fallback"])
async def stt(request: pytest.FixtureRequest) -> AsyncIterator[SpeechToText]:
    match request.param:
        case "whisper":
            yield embedded().stt
        case "scripted":
            yield ScriptedSpeechToText([FIRST, SECOND])
        case "openai":
            async with openai_transcription() as (transcription, _):
                yield transcription
        case "deepgram":
            async with deepgram() as (live, _):
                yield live
        case "fallback":
            async with openai_transcription(key="wrong") as (refused, _):
                candidate: Candidate[SpeechToText] = Candidate("openai", refused, Breaker(SystemClock()))
                yield FallbackSpeechToText([candidate], embedded().stt, patience_ms=30_000)


@pytest.fixture
async def stream(stt: SpeechToText) -> AsyncIterator[SpeechStream]:
    stream = stt.open(sample_rate=RATE, language="en")
    yield stream
    await stream.close()


def push(stream: SpeechStream, pcm: bytes) -> None:
    for at in range(0, len(pcm), 320):
        stream.push(pcm[at : at + 320])


def quietest(pcm: bytes) -> int:
    """Return where the speech rests in its middle, in bytes: the words of half a word are nobody's promise."""
    frames = np.abs(np.frombuffer(pcm, "<i2").astype(int))[: len(pcm) // 320 * 160].reshape(-1, 160).mean(axis=1)
    margin = len(frames) // 6
    return (margin + int(np.argmin(frames[margin:-margin]))) * 320


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
    rest = quietest(pcm)
    push(stream, pcm[:rest])
    await stream.transcribe()
    push(stream, pcm[rest:] + PAUSE)
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
