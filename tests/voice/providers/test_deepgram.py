"""Deepgram's web socket: what comes back belongs to its utterance, and each failure is told."""

import asyncio
from http import HTTPStatus

import pytest
from tests.support.embedded import speech
from tests.support.vendors.deepgram import MODEL
from tests.support.vendors.hosted import deepgram
from tests.support.virtual_time import virtually
from tests.support.word_errors import word_error_rate

from callgenie.voice.ports import ProviderError, SpeechStream
from callgenie.voice.providers.deepgram import DeepgramSpeechToText

SENTENCE, OTHER = "What time do you open?", "I need to cancel my appointment on Friday."
PAUSE = bytes(8_000)


def push(stream: SpeechStream, pcm: bytes) -> None:
    for at in range(0, len(pcm), 320):
        stream.push(pcm[at : at + 320])


async def failure(stream: SpeechStream) -> ProviderError:
    push(stream, PAUSE * 2)
    with pytest.raises(ProviderError) as raised:
        await stream.transcribe()
    await stream.close()
    return raised.value


async def test_guesses_on_the_way_are_replaced_by_what_was_heard_in_the_end() -> None:
    async with deepgram() as (stt, _):
        stream = stt.open(sample_rate=8_000, language="en")
        push(stream, await speech(OTHER) + PAUSE)
        assert word_error_rate([(OTHER, (await stream.transcribe()).text)]) == 0
        await stream.close()


async def test_an_utterance_that_was_dropped_leaves_nothing_in_the_next_one() -> None:
    """Though its words come back only after the next one has begun."""
    async with deepgram() as (stt, _):
        stream = stt.open(sample_rate=8_000, language="en")
        push(stream, await speech(OTHER))
        stream.reset()
        push(stream, await speech(SENTENCE) + PAUSE)
        assert word_error_rate([(SENTENCE, (await stream.transcribe()).text)]) == 0
        await stream.close()


async def test_a_moment_of_quiet_that_the_vendor_does_not_answer_for_costs_little() -> None:
    async with deepgram() as (stt, server):
        stream = stt.open(sample_rate=8_000, language="en")
        push(stream, await speech(SENTENCE) + PAUSE)
        first = await stream.transcribe()
        server.deaf = True
        push(stream, bytes(4_800))
        async with asyncio.timeout(10):
            assert await stream.transcribe() == first
        await stream.close()


async def test_asking_again_without_more_audio_asks_nobody() -> None:
    async with deepgram() as (stt, server):
        stream = stt.open(sample_rate=8_000, language="en")
        push(stream, await speech(SENTENCE) + PAUSE)
        assert await stream.transcribe() == await stream.transcribe()
        assert server.controls.count("Finalize") == 1
        await stream.close()


async def test_closing_says_goodbye_and_leaves_no_connection() -> None:
    async with deepgram() as (stt, server):
        stream = stt.open(sample_rate=8_000, language="en")
        push(stream, PAUSE)
        await stream.transcribe()
        assert server.connections == 1
        await stream.close()
        await stream.close()
        assert server.controls[-1] == "CloseStream"
        assert server.connections == 0


@pytest.mark.parametrize(
    ("status", "category", "permanent"),
    [
        (400, "invalid_request", True),
        (402, "quota_exceeded", True),
        (429, "rate_limited", False),
        (503, "server_error", False),
    ],
)
async def test_a_refused_connection_is_told_by_its_status(status: int, category: str, permanent: bool) -> None:  # noqa: FBT001
    async with deepgram() as (stt, server):
        server.refusals.append((HTTPStatus(status), {"Retry-After": "7"}))
        error = await failure(stt.open(sample_rate=8_000, language="en"))
        assert (error.category, error.permanent) == (category, permanent)
        assert error.retry_after_seconds == 7


async def test_without_the_right_key_nothing_is_heard() -> None:
    async with deepgram(key="wrong") as (stt, _):
        error = await failure(stt.open(sample_rate=8_000, language="en"))
    assert (error.category, error.permanent) == ("unauthorized", True)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    stt = DeepgramSpeechToText("http://127.0.0.1:9/v1", {}, MODEL)
    assert (await failure(stt.open(sample_rate=8_000, language="en"))).category == "unreachable"


async def test_a_connection_that_breaks_stays_broken_and_the_next_one_works() -> None:
    async with deepgram() as (stt, server):
        server.breaks_after = 3
        stream = stt.open(sample_rate=8_000, language="en")
        assert (await failure(stream)).category == "cut_off"
        stream.push(PAUSE)
        with pytest.raises(ProviderError, match="cut_off"):
            await stream.transcribe()
        server.breaks_after = None
        stream = stt.open(sample_rate=8_000, language="en")
        push(stream, await speech(SENTENCE) + PAUSE)
        assert word_error_rate([(SENTENCE, (await stream.transcribe()).text)]) == 0
        await stream.close()


@pytest.mark.parametrize("garbage", ["no JSON", "[]", '{"type": "Results"}', '{"type": "Results", "start": "x"}'])
async def test_what_makes_no_sense_is_garbage(garbage: str) -> None:
    async with deepgram() as (stt, server):
        server.garbage = garbage
        assert (await failure(stt.open(sample_rate=8_000, language="en"))).category == "garbage"


@virtually
async def test_a_connection_in_which_nobody_speaks_is_kept_open() -> None:
    async with deepgram() as (stt, server):
        stream = stt.open(sample_rate=8_000, language="en")
        await asyncio.sleep(40)
        push(stream, await speech(SENTENCE) + PAUSE)
        assert word_error_rate([(SENTENCE, (await stream.transcribe()).text)]) == 0
        assert server.controls.count("KeepAlive") == 10
        await stream.close()


async def test_a_server_that_never_answers_is_waited_for_by_whoever_is_patient() -> None:
    async with deepgram() as (stt, server):
        server.deaf = True
        stream = stt.open(sample_rate=8_000, language="en")
        push(stream, PAUSE * 2)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.transcribe(), 0.5)
        await stream.close()
