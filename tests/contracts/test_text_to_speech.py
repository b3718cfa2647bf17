"""What every voice promises."""

import sys
from collections.abc import AsyncIterator

import numpy as np
import pytest
from tests.support.embedded import embedded
from tests.support.vendors import piper as piper_stand_in
from tests.support.vendors.elevenlabs import VOICE
from tests.support.vendors.hosted import elevenlabs_speech, openai_speech

from callgenie.kernel.clock import SystemClock
from callgenie.voice.breaker import Breaker
from callgenie.voice.catalogue import OneVoice
from callgenie.voice.fallback import Candidate, FallbackSpeech
from callgenie.voice.ports import TextToSpeech
from callgenie.voice.providers.cached_speech import CachedSpeech
from callgenie.voice.providers.piper import PiperTextToSpeech
from callgenie.voice.providers.scripted import ToneTextToSpeech

SENTENCE = "We are open from nine to five."


@pytest.fixture(params=["nanotts", "tone", "cached", "openai", "elevenlabs", "piper", "fallback"])
async def tts(request: pytest.FixtureRequest) -> AsyncIterator[TextToSpeech]:
    match request.param:
        case "nanotts":
            yield embedded().tts
        case "tone":
            yield ToneTextToSpeech()
        case "cached":
            yield CachedSpeech(ToneTextToSpeech())
        case "openai":
            async with openai_speech() as (speech, _):
                yield OneVoice(speech, "alloy")
        case "elevenlabs":
            async with elevenlabs_speech() as (voice, _):
                yield OneVoice(voice, VOICE)
        case "piper":
            piper = PiperTextToSpeech([sys.executable, piper_stand_in.__file__])
            yield piper
            await piper.close()
        case "fallback":
            async with openai_speech(key="wrong") as (refused, _):
                candidate: Candidate[TextToSpeech] = Candidate("openai", refused, Breaker(SystemClock()))
                yield FallbackSpeech([candidate], embedded().tts, patience_ms=30_000)


async def spoken(
    tts: TextToSpeech, text: str, *, sample_rate: int = 8_000, voice: str = "nanotts-en-us"
) -> list[bytes]:
    return [piece async for piece in tts.stream(text, sample_rate=sample_rate, language="en", voice=voice)]


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 24_000])
async def test_a_sentence_takes_as_long_as_a_sentence_at_any_rate(tts: TextToSpeech, sample_rate: int) -> None:
    pcm = b"".join(await spoken(tts, SENTENCE, sample_rate=sample_rate))
    assert len(pcm) % 2 == 0
    assert 1.2 < len(pcm) / 2 / sample_rate < 3.5
    assert np.abs(np.frombuffer(pcm, "<i2").astype(int)).max() > 3_000


async def test_it_comes_in_pieces(tts: TextToSpeech) -> None:
    pieces = await spoken(tts, SENTENCE)
    assert len(pieces) > 2
    assert all(pieces)


async def test_the_same_text_sounds_the_same(tts: TextToSpeech) -> None:
    assert b"".join(await spoken(tts, SENTENCE)) == b"".join(await spoken(tts, SENTENCE))


async def test_a_longer_text_takes_longer(tts: TextToSpeech) -> None:
    short, long = [sum(map(len, await spoken(tts, text))) for text in (SENTENCE, SENTENCE * 3)]
    assert long > 2 * short


async def test_no_text_is_no_speech(tts: TextToSpeech) -> None:
    assert await spoken(tts, "") == []


async def test_a_voice_that_there_is_not_speaks_all_the_same(tts: TextToSpeech) -> None:
    assert await spoken(tts, SENTENCE, voice="nobody")


async def test_a_listener_may_stop_listening_at_any_time(tts: TextToSpeech) -> None:
    stream = tts.stream(SENTENCE * 20, sample_rate=8_000, language="en", voice="nanotts-en-us")
    async for piece in stream:
        assert piece
        break
    await stream.aclose()  # type: ignore[attr-defined] # every one is a generator
    assert await spoken(tts, SENTENCE)
