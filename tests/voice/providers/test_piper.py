"""The process that speaks by Piper: started when wanted, started again when it died, stopped with the server."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from callgenie.voice.ports import ProviderError
from callgenie.voice.providers.piper import PiperTextToSpeech, piper_command

STAND_IN = Path(__file__).resolve().parents[2] / "support/vendors/piper.py"
SENTENCE = "We are open from nine to five."


@asynccontextmanager
async def piper(how: str = "") -> AsyncIterator[PiperTextToSpeech]:
    tts = PiperTextToSpeech([sys.executable, str(STAND_IN), how])
    try:
        yield tts
    finally:
        await tts.close()


def children() -> list[psutil.Process]:
    found = []
    for each in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # one that was just killed has no command any more
            found += [each] if str(STAND_IN) in each.cmdline() else []
    return found


def unfinished() -> list[asyncio.SubprocessTransport]:
    # By its type: among the objects there are weak references that fail once they are asked for anything else.
    transports = [each for each in gc.get_objects() if issubclass(type(each), asyncio.SubprocessTransport)]
    return [each for each in transports if each.get_pid() is not None and each.get_returncode() is None]


async def spoken(tts: PiperTextToSpeech, text: str = SENTENCE) -> bytes:
    stream = tts.stream(text, sample_rate=8_000, language="en", voice="joe")
    return b"".join([piece async for piece in stream])


async def failure(tts: PiperTextToSpeech, text: str = SENTENCE) -> str:
    with pytest.raises(ProviderError) as raised:
        await spoken(tts, text)
    # A process that failed has ended by now; otherwise it outlives a server that stops in this moment.
    assert unfinished() == []
    assert not raised.value.permanent
    return raised.value.category


async def test_the_process_starts_with_the_first_sentence_and_stops_with_the_server() -> None:
    async with piper() as tts:
        assert children() == []
        await spoken(tts)
        (process,) = children()
        await spoken(tts)
        assert children() == [process]
    assert children() == []


async def test_a_process_that_dies_is_started_again() -> None:
    async with piper() as tts:
        assert await failure(tts, "die") == "died"
        assert len(await spoken(tts)) > 16_000


async def test_a_process_that_was_killed_between_two_sentences_is_started_again() -> None:
    async with piper() as tts:
        await spoken(tts)
        (process,) = children()
        process.kill()
        pcm = b""
        for _ in range(2):  # the first one may still be handed to the dead one
            try:
                pcm = await spoken(tts)
            except ProviderError:
                continue
        assert len(pcm) > 16_000


@pytest.mark.parametrize(
    ("how", "category"),
    [("dies", "died"), ("garbage", "garbage"), ("huge", "garbage"), ("odd", "garbage"), ("mute", "garbage")],
)
async def test_a_process_that_makes_no_sense_is_stopped_and_told(how: str, category: str) -> None:
    async with piper(how) as tts:
        assert await failure(tts) == category
        assert await failure(tts) == category
        assert len(children()) <= 1


async def test_a_program_that_there_is_not_cannot_be_reached() -> None:
    assert await failure(PiperTextToSpeech(["/nowhere/piper"])) == "unreachable"


async def test_one_sentence_is_spoken_after_the_other_and_none_gets_into_another() -> None:
    async with piper() as tts:
        alone = [await spoken(tts, text) for text in ("Yes.", SENTENCE)]
        together = await asyncio.gather(*(spoken(tts, text) for text in ("Yes.", SENTENCE)))
    assert together == alone


async def test_who_stops_listening_leaves_nothing_of_the_sentence_in_the_next_one() -> None:
    async with piper("slow") as tts:
        alone = await spoken(tts, "Yes.")
        stream = tts.stream(SENTENCE, sample_rate=8_000, language="en", voice="joe")
        assert await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined] # it is a generator
        assert await spoken(tts, "Yes.") == alone


async def test_a_caller_who_cannot_wait_for_it_to_get_ready_finds_it_ready_later() -> None:
    async with piper("late") as tts:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(spoken(tts), 0.05)
        (process,) = children()
        assert len(await spoken(tts)) > 16_000
        assert children() == [process]


async def test_a_caller_who_gives_up_while_it_starts_leaves_one_process_at_most() -> None:
    async with piper() as tts:
        for turns in range(12):
            speaking = asyncio.create_task(spoken(tts))
            for _ in range(turns):
                await asyncio.sleep(0)
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await speaking
            assert len(children()) <= 1
        assert len(await spoken(tts)) > 16_000
    assert children() == []


async def test_a_process_in_the_middle_of_a_long_answer_stops_with_the_server() -> None:
    async with piper("slow") as tts:
        stream = tts.stream(SENTENCE * 20, sample_rate=8_000, language="en", voice="joe")
        assert await anext(stream)
        (process,) = children()
    assert not process.is_running()
    with pytest.raises(ProviderError):
        async for _ in stream:
            pass


async def test_a_server_that_has_stopped_starts_no_process_any_more() -> None:
    async with piper() as tts:
        first = asyncio.create_task(spoken(tts))
        await asyncio.sleep(0)
    with pytest.raises(ProviderError):
        await first
    assert await failure(tts) == "closed"
    assert children() == []


async def test_of_more_than_it_can_say_in_time_it_refuses_the_rest() -> None:
    async with piper("slow") as tts:
        results = await asyncio.gather(*(spoken(tts, "Yes.") for _ in range(8)), return_exceptions=True)
    refused = [each for each in results if isinstance(each, ProviderError)]
    assert [each.category for each in refused] == ["overloaded"] * 3


async def test_the_real_one_speaks() -> None:
    command = piper_command()
    if command is None:
        pytest.skip("There is no Piper in this environment: install it by `make piper`.")
    tts = PiperTextToSpeech(command)
    assert 16_000 < len(await spoken(tts)) < 64_000
    await tts.close()
