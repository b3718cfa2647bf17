from collections.abc import AsyncIterator

import pytest

from callgenie.voice.providers import cached_speech
from callgenie.voice.providers.cached_speech import CachedSpeech


class CountingVoice:
    def __init__(self, *, fails: bool = False) -> None:
        self.spoken: list[str] = []
        self.fails = fails

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        self.spoken.append(f"{text}/{sample_rate}/{language}/{voice}")
        yield text.encode() * 100
        if self.fails:
            raise RuntimeError
        yield b"end"


async def say(tts: CachedSpeech, text: str, *, sample_rate: int = 8_000, voice: str = "v") -> bytes:
    return b"".join([piece async for piece in tts.stream(text, sample_rate=sample_rate, language="en", voice=voice)])


async def test_what_was_said_once_is_not_made_again() -> None:
    voice = CountingVoice()
    tts = CachedSpeech(voice)
    assert await say(tts, "hello") == await say(tts, "hello") == b"hello" * 100 + b"end"
    assert len(voice.spoken) == 1


async def test_another_voice_or_rate_is_another_speech() -> None:
    voice = CountingVoice()
    tts = CachedSpeech(voice)
    for sample_rate, name in ((8_000, "v"), (16_000, "v"), (8_000, "w")):
        await say(tts, "hello", sample_rate=sample_rate, voice=name)
    assert len(voice.spoken) == 3


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave room for two speeches that were said once, and for two that were said again."""
    monkeypatch.setattr(cached_speech, "_BYTES_MAX", 2_200)
    monkeypatch.setattr(cached_speech, "_SAID_ONCE_BYTES_MAX", 1_100)


@pytest.mark.usefixtures("small")
async def test_the_memory_is_bounded_and_forgets_what_was_not_used_for_longest() -> None:
    voice = CountingVoice()
    tts = CachedSpeech(voice)
    for text in ("aaaaa", "bbbbb", "ccccc", "bbbbb", "aaaaa"):
        await say(tts, text)
    assert [spoken[0] for spoken in voice.spoken] == ["a", "b", "c", "a"]
    for text in ("ccccc", "aaaaa", "bbbbb"):
        await say(tts, text)
    assert [spoken[0] for spoken in voice.spoken] == ["a", "b", "c", "a", "b"]


@pytest.mark.usefixtures("small")
async def test_the_greetings_of_two_owners_stay_through_any_number_of_answers() -> None:
    voice = CountingVoice()
    tts = CachedSpeech(voice)
    for greeting in ("hello", "howdy", "hello", "howdy"):
        await say(tts, greeting)
    for number in range(100):
        await say(tts, f"{number:05d}")
    await say(tts, "hello")
    await say(tts, "howdy")
    assert len(voice.spoken) == 102


async def test_half_a_speech_is_not_remembered() -> None:
    voice = CountingVoice(fails=True)
    tts = CachedSpeech(voice)
    with pytest.raises(RuntimeError):
        await say(tts, "hello")
    voice.fails = False
    stopped = tts.stream("hello", sample_rate=8_000, language="en", voice="v")
    await anext(stopped)
    await stopped.aclose()  # type: ignore[attr-defined] # it is a generator
    assert await say(tts, "hello") == b"hello" * 100 + b"end"
    assert len(voice.spoken) == 3


async def test_an_answer_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_speech, "_ONE_BYTES_MAX", 300)
    voice = CountingVoice()
    tts = CachedSpeech(voice)
    await say(tts, "hello")
    await say(tts, "hello")
    assert len(voice.spoken) == 2
