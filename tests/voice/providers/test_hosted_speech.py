"""Hosted voices, OpenAI's and ElevenLabs': what we ask, what we pass on, and how each failure is told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from tests.support.vendors import elevenlabs, openai
from tests.support.vendors.elevenlabs import ElevenLabs
from tests.support.vendors.faults import Fault
from tests.support.vendors.hosted import elevenlabs_speech, openai_speech
from tests.support.vendors.openai_audio import OpenAiAudio

from callgenie.voice.ports import ProviderError, TextToSpeech

SENTENCE = "We are open from nine to five."


@dataclass(frozen=True)
class Hosted:
    tts: TextToSpeech
    server: OpenAiAudio | ElevenLabs
    name: str
    voice: str


@pytest.fixture(params=["openai", "elevenlabs"])
async def hosted(request: pytest.FixtureRequest) -> AsyncIterator[Hosted]:
    if request.param == "openai":
        async with openai_speech() as (speech, server):
            yield Hosted(speech, server, "openai", "alloy")
    else:
        async with elevenlabs_speech() as (voice, other):
            yield Hosted(voice, other, "elevenlabs", elevenlabs.VOICE)


async def spoken(tts: TextToSpeech, voice: str, pieces: list[bytes] | None = None) -> bytes:
    pieces = [] if pieces is None else pieces
    async for piece in tts.stream(SENTENCE, sample_rate=8_000, language="en", voice=voice):
        pieces += [piece]
    return b"".join(pieces)


async def failure(hosted: Hosted, voice: str | None = None) -> tuple[ProviderError, bytes]:
    pieces: list[bytes] = []
    with pytest.raises(ProviderError) as raised:
        await spoken(hosted.tts, voice or hosted.voice, pieces)
    return raised.value, b"".join(pieces)


async def test_the_sentence_is_asked_for_as_it_stands(hosted: Hosted) -> None:
    await spoken(hosted.tts, hosted.voice)
    (body,) = hosted.server.bodies
    assert SENTENCE in body.values()


async def test_nothing_to_say_costs_nothing(hosted: Hosted) -> None:
    stream = hosted.tts.stream(" ... ", sample_rate=8_000, language="en", voice=hosted.voice)
    assert [piece async for piece in stream] == []
    assert hosted.server.bodies == []


@pytest.mark.parametrize(
    ("fault", "category", "permanent"),
    [
        (openai.refused(401, "invalid_api_key"), "unauthorized", True),
        (elevenlabs.refused(401, "quota_exceeded"), "quota_exceeded", True),
        (openai.refused(429, "rate_limit_exceeded"), "rate_limited", False),
        (elevenlabs.refused(429, "too_many_concurrent_requests"), "rate_limited", False),
        (Fault(500), "server_error", False),
        (Fault(garbage=b""), "empty", False),
    ],
    ids=str,
)
async def test_each_failure_has_its_category(
    hosted: Hosted,
    fault: Fault,
    category: str,
    permanent: bool,  # noqa: FBT001 - what is expected
) -> None:
    hosted.server.misfortune.add(fault)
    error, heard = await failure(hosted)
    assert (error.provider, error.category, error.permanent) == (hosted.name, category, permanent)
    assert heard == b""
    assert len(await spoken(hosted.tts, hosted.voice)) > 16_000


async def test_speech_that_is_cut_is_passed_on_as_far_as_it_came_and_told(hosted: Hosted) -> None:
    whole = await spoken(hosted.tts, hosted.voice)
    hosted.server.misfortune.add(Fault(pieces=30))
    error, heard = await failure(hosted)
    assert error.category == "cut_off"
    assert 0 < len(heard) < len(whole)
    assert whole.startswith(heard)


async def test_half_a_sample_at_the_end_is_a_cut(hosted: Hosted) -> None:
    hosted.server.misfortune.add(Fault(garbage=bytes(9_001)))
    assert (await failure(hosted))[0].category == "cut_off"


async def test_a_page_instead_of_sound_is_garbage() -> None:
    async with openai_speech() as (speech, server):
        server.misfortune.add(Fault(200, {"hello": "world"}))
        with pytest.raises(ProviderError, match="garbage"):
            await spoken(speech, "alloy")


@pytest.mark.parametrize("voice", ["nobody", "../../v1/models?"])
async def test_a_voice_that_the_vendor_does_not_have_is_a_permanent_failure(hosted: Hosted, voice: str) -> None:
    error, _ = await failure(hosted, voice)
    assert error.permanent
    assert error.category in {"not_found", "invalid_request"}


async def test_without_the_right_key_there_is_no_speech() -> None:
    async with openai_speech(key="wrong") as (speech, _), elevenlabs_speech(key="wrong") as (other, _):
        for tts, voice in ((speech, "alloy"), (other, elevenlabs.VOICE)):
            with pytest.raises(ProviderError, match="unauthorized"):
                await spoken(tts, voice)
