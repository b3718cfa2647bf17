import asyncio
from pathlib import Path

import numpy as np
import psutil
import pytest
from tests.support.embedded import speech
from tests.support.processes import open_files

from callgenie.audio.g711 import pcm_to_ulaw
from callgenie.voice.providers.nanotts import VOICES, NanoTextToSpeech, speakable
from callgenie.voice.providers.workers import Workers

RATE = 8_000


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Call +1 (415) 555-0123.", "Call 1, 4 1 5, 5 5 5, 0 1 2 3."),
        ("Call 4155550123 now", "Call 4 1 5 5 5 5 0 1 2 3 now"),
        ("From 9 to 17.30, 120 dollars", "From 9 to 17.30, 120 dollars"),
        ("This is SAATHI of ACME at the BBC, in USA.", "This is Saathi of Acme at the BBC, in USA."),
        ("Tom & Jerry <b>bold</b>", "Tom  and  Jerry  b bold /b "),
    ],
)
def test_what_is_read_out_is_written_as_it_is_said(text: str, spoken: str) -> None:
    assert speakable(text) == spoken


def loud_blocks(pcm: bytes) -> list[bool]:
    samples = np.frombuffer(pcm, "<i2")[: len(pcm) // 2 // 80 * 80].reshape(-1, 80).astype(int)
    return [bool(block.max() > 200) for block in np.abs(samples)]


async def test_no_rest_is_longer_than_a_quarter_of_a_second() -> None:
    loud = loud_blocks(await speech("Yes, of course. We are open, and parking is free. Do come by."))
    longest = run = 0
    for is_loud in loud:
        run = 0 if is_loud else run + 1
        longest = max(longest, run)
    assert longest <= 26
    assert sum(loud[-17:]) > 0
    assert any(loud[:8])


async def test_the_voices_differ() -> None:
    spoken = {voice: await speech("Good morning.", voice=voice) for voice in VOICES}
    assert len(set(spoken.values())) == len(VOICES)


async def test_the_first_audio_does_not_wait_for_the_last() -> None:
    tts = NanoTextToSpeech(Workers())
    text = "This is a very long sentence that goes on for quite a while, " * 20
    stream = tts.stream(text, sample_rate=RATE, language="en", voice="nanotts-en-us")
    loop = asyncio.get_running_loop()
    began = loop.time()
    first = None
    async for piece in stream:
        first = first or (loop.time() - began, len(piece))
    assert first is not None
    assert first[0] < (loop.time() - began) / 3
    assert first[1] <= RATE // 5 * 2


async def test_several_calls_speak_at_once_and_each_gets_its_own_words() -> None:
    texts = [f"Number {word}, please." for word in ("one", "two", "three", "four", "five", "six")]
    tts = NanoTextToSpeech(Workers())

    async def say(text: str) -> bytes:
        pieces = tts.stream(text, sample_rate=RATE, language="en", voice="nanotts-en-us")
        return b"".join([piece async for piece in pieces])

    alone = [await say(text) for text in texts]
    assert len(set(alone)) == len(texts)
    assert await asyncio.gather(*(say(text) for text in texts)) == alone


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="There is no /proc/self/fd: use Linux.")
async def test_hundreds_of_sentences_leave_nothing_behind() -> None:
    tts = NanoTextToSpeech(Workers())

    async def say(count: int) -> None:
        for number in range(count):
            stream = tts.stream(f"Hi {number}.", sample_rate=RATE, language="en", voice="nanotts-en-us")
            async for piece in stream:
                assert pcm_to_ulaw(piece)
                if number % 2:
                    break
            await stream.aclose()  # type: ignore[attr-defined] # it is a generator

    await say(50)
    files, memory = open_files(), psutil.Process().memory_info().rss
    await say(200)
    assert open_files() - files == set()
    assert psutil.Process().memory_info().rss - memory < 40_000_000  # one engine's memory a sentence would be 500 MB
