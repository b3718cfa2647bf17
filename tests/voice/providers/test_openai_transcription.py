"""The transcription interface: what we ask, and how each failure is told."""

import pytest
from tests.support.embedded import speech
from tests.support.vendors.faults import Fault
from tests.support.vendors.hosted import openai_transcription
from tests.support.vendors.openai import refused
from tests.support.word_errors import word_error_rate

from callgenie.voice.ports import ProviderError, SpeechToText

SENTENCE = "What time do you open?"


async def heard(stt: SpeechToText, pcm: bytes, sample_rate: int = 8_000) -> str:
    stream = stt.open(sample_rate=sample_rate, language="en")
    stream.push(pcm)
    text = (await stream.transcribe()).text
    await stream.close()
    return text


async def test_the_recording_goes_out_at_the_calls_rate_with_its_language() -> None:
    async with openai_transcription() as (stt, server):
        for rate in (8_000, 16_000):
            text = await heard(stt, await speech(SENTENCE, sample_rate=rate), rate)
            assert word_error_rate([(SENTENCE, text)]) == 0
    assert server.forms[0] == {"model": "gpt-4o-mini-transcribe", "response_format": "json", "language": "en"}


async def test_what_is_too_short_to_be_a_word_is_not_sent() -> None:
    async with openai_transcription() as (stt, server):
        assert await heard(stt, bytes(1_500)) == ""
        assert server.forms == []


@pytest.mark.parametrize(
    ("fault", "category", "permanent"),
    [
        (refused(401, "invalid_api_key"), "unauthorized", True),
        (refused(429, "rate_limit_exceeded"), "rate_limited", False),
        (Fault(502), "server_error", False),
        (Fault(pieces=1), "cut_off", False),
        (Fault(garbage=b"[]"), "garbage", False),
        (Fault(garbage=b'{"text": 7}'), "garbage", False),
        (Fault(garbage=b'{"text": "\xff"}'), "garbage", False),
        (Fault(garbage=b"x" * 100_000), "garbage", False),
    ],
    ids=str,
)
async def test_each_failure_has_its_category(fault: Fault, category: str, permanent: bool) -> None:  # noqa: FBT001
    pcm = await speech(SENTENCE)
    async with openai_transcription() as (stt, server):
        server.misfortune.add(fault)
        with pytest.raises(ProviderError) as raised:
            await heard(stt, pcm)
        assert (raised.value.category, raised.value.permanent) == (category, permanent)
        assert word_error_rate([(SENTENCE, await heard(stt, pcm))]) == 0


async def test_without_the_right_key_nothing_is_heard() -> None:
    async with openai_transcription(key="wrong") as (stt, _):
        with pytest.raises(ProviderError, match="unauthorized"):
            await heard(stt, bytes(8_000))
