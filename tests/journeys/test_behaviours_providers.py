"""Providers that are away, slow, cut off or talk nonsense, in whole calls: what the caller hears of it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from tests.support.hosted_board import NOWHERE, hosted_board
from tests.support.serving import serving
from tests.support.switchboard import stream_of, tone
from tests.support.vendors import deepgram, elevenlabs, openai_audio
from tests.support.vendors.deepgram import Deepgram
from tests.support.vendors.elevenlabs import ElevenLabs
from tests.support.vendors.faults import Fault
from tests.support.vendors.openai import KEY, OpenAi, Reply
from tests.support.virtual_time import virtually

from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import AwaitHangUp, HangUp, Listen, Play
from callgenie.voice.answering_machine import APOLOGY
from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import Knowledge, VoiceProviders
from callgenie.voice.providers.hosted_api import HostedApi, build_http
from callgenie.voice.providers.openai_chat import OpenAiChat
from callgenie.voice.providers.openai_speech import OpenAiSpeech
from callgenie.voice.providers.openai_transcription import OpenAiTranscription

OPEN = "We are open from nine to five."  # what the scripted model says, which stands behind all others
SECOND = "The second one says that it is open."
ASK = (Listen(), Play(tone(800)), Listen(), HangUp())
MESSAGE = "Please tell the baker that I need twelve fresh rolls on Friday"
SORRY = phrases_for(Knowledge("SAATHI", "Bakery")).apology
PATIENCE_MS = 2_000

FAULTS = {
    "refuses": Fault(503),
    "is slow": Fault(wait_seconds=60),
    "stalls": Fault(pieces=0, stalls=True),
    "talks nonsense": Fault(garbage=b"<html>Bad gateway</html>"),
    "breaks at once": Fault(pieces=0),
}
OFTEN = 20


@asynccontextmanager
async def models(first: Fault | None, second: Fault | None = None) -> AsyncIterator[dict[str, Any]]:
    """Serve two vendors of language models, of which each has such faults; None for the first one is nobody there."""
    brains = OpenAi(), OpenAi(lambda _messages, _tools: Reply(SECOND), key=None)
    for brain, fault in zip(brains, (first, second), strict=True):
        brain.misfortune.add(*[fault] * OFTEN if fault else ())
    async with serving(brains[0].app) as first_url, serving(brains[1].app) as second_url:
        yield {
            "openai_api_key": KEY,
            "openai_base_url": NOWHERE if first is None else f"{first_url}/v1",
            "chat_base_url": f"{second_url}/v1",
            "chat_models": "gpt-4.1-mini",
            "provider_patience_ms": PATIENCE_MS,
        }


@asynccontextmanager
async def api_of(url: str) -> AsyncIterator[HostedApi]:
    async with build_http() as http:
        yield HostedApi(http, "last", url, {"Authorization": f"Bearer {KEY}"})


# The language model


@pytest.mark.parametrize("trouble", ["is away", *FAULTS])
def test_a_model_in_trouble_hands_the_question_to_the_next_one(mongodb_uri: str, trouble: str) -> None:
    @virtually
    async def run() -> None:
        async with (
            models(FAULTS.get(trouble)) as settings,
            hosted_board(mongodb_uri, settings, texts=["when are you open?"]) as board,
        ):
            report = await board.dial(*ASK)
            turns = await board.turns()
            conversation = await board.office.conversation("CA1")
            assert await board.comes_to_rest()
        assert turns[1:] == [("user", "when are you open?"), ("assistant", SECOND)]
        (latency,) = stream_of(report).latencies_ms
        assert latency < PATIENCE_MS + 1_000
        assert conversation["endedReason"] == "caller-hangup"

    run()


@pytest.mark.parametrize("trouble", FAULTS)
def test_with_both_vendors_in_trouble_the_embedded_model_answers(mongodb_uri: str, trouble: str) -> None:
    @virtually
    async def run() -> None:
        async with (
            models(FAULTS[trouble], FAULTS[trouble]) as settings,
            hosted_board(mongodb_uri, settings, texts=["when are you open?"]) as board,
        ):
            report = await board.dial(*ASK)
            assert (await board.turns())[-1] == ("assistant", OPEN)
        assert stream_of(report).latencies_ms[0] < 2 * PATIENCE_MS + 1_000

    run()


@virtually
async def test_an_answer_that_is_cut_is_apologised_for_and_the_next_question_answered(mongodb_uri: str) -> None:
    async with (
        models(Fault(pieces=10)) as settings,  # the first of its two sentences is whole
        hosted_board(mongodb_uri, settings, texts=["when are you open?"]) as board,
    ):
        await board.dial(Listen(), *(Play(tone(800)), Listen()) * 4, HangUp())
        said = [text for role, text in await board.turns() if role == "assistant"][1:]
        conversation = await board.office.conversation("CA1")
    assert "lost my thread" in said[0]
    # One that keeps breaking off is left alone in the end.
    assert said[-1] == SECOND
    assert conversation["endedReason"] == "caller-hangup"


@virtually
async def test_without_any_model_the_caller_hears_an_apology_and_leaves_a_message(mongodb_uri: str) -> None:
    said = ("when are you open?", "yes please", MESSAGE, "Anna Smith", "yes please", "yes that is right", "no goodbye")
    async with (
        models(None, Fault(503)) as settings,
        api_of(NOWHERE) as nobody,
        hosted_board(
            mongodb_uri,
            settings,
            last=lambda scripted: replace(scripted, model=OpenAiChat(nobody, "gone")),
            texts=said,
        ) as board,
    ):
        report = await board.dial(Listen(), *(Play(tone(800)), Listen()) * len(said), AwaitHangUp())
        turns = await board.turns()
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert turns[2] == ("assistant", APOLOGY)
    (message,) = conversation["messages"]
    assert (message["text"], message["name"]) == (MESSAGE, "Anna Smith")
    assert "message-mail" in [each["kind"] for each in conversation["followUps"]]
    assert report.ended_by is Ending.ASSISTANT
    assert (conversation["endedReason"], conversation["fault"]) == ("llm-error", "provider")


# The voice


@pytest.mark.parametrize("trouble", ["is away", *FAULTS])
def test_a_voice_in_trouble_leaves_every_sentence_to_the_next_one(mongodb_uri: str, trouble: str) -> None:
    @virtually
    async def run() -> None:
        mouth = ElevenLabs()
        mouth.misfortune.add(*[FAULTS[trouble]] * OFTEN if trouble in FAULTS else ())
        async with serving(mouth.app) as url:
            settings = {
                "elevenlabs_api_key": elevenlabs.KEY,
                "elevenlabs_base_url": NOWHERE if trouble == "is away" else f"{url}/v1",
                "provider_patience_ms": PATIENCE_MS,
            }
            more: dict[str, Any] = {
                "ai_model": "faq",
                "voice_model": "elevenlabs/george",
                "texts": ["when are you open?"],
            }
            async with hosted_board(mongodb_uri, settings, **more) as board:
                report = await board.dial(*ASK)
                turns = await board.turns()
                conversation = await board.office.conversation("CA1")
        greeting, answer = stream_of(report).heard
        assert turns[-1] == ("assistant", OPEN)
        assert greeting.start_ms < PATIENCE_MS + 500
        # The voice behind it takes 60 ms a character.
        assert answer.end_ms - answer.start_ms >= len(OPEN) * 60 - 80
        assert conversation["endedReason"] == "caller-hangup"

    run()


@virtually
async def test_a_voice_that_is_gone_for_good_apologises_with_words_made_beforehand(mongodb_uri: str) -> None:
    mouth = openai_audio.OpenAiAudio()

    def last(scripted: VoiceProviders) -> VoiceProviders:
        return replace(scripted, tts=OpenAiSpeech(api, openai_audio.SPEAKS))

    async with (
        serving(mouth.app) as url,
        api_of(f"{url}/v1") as api,
        hosted_board(
            mongodb_uri, {}, last=last, ai_model="faq", voice_model="alloy", texts=["when are you open?"]
        ) as board,
    ):
        greeted = await board.dial(Listen(), HangUp())
        spoken = len(mouth.bodies)
        mouth.misfortune.add(*[Fault()] * spoken, *[Fault(503)] * OFTEN)
        report = await board.dial(Listen(), Play(tone(800)), AwaitHangUp(), session_id="CA2")
        conversation = await board.office.conversation("CA2")
        turns = await board.turns("CA2")
    assert greeted.ended_by is Ending.CALLER
    assert SORRY in [body["input"] for body in mouth.bodies]
    assert turns[-1] == ("assistant", SORRY)
    assert stream_of(report).heard[-1].end_ms - stream_of(report).heard[-1].start_ms > 2_000
    assert (conversation["endedReason"], conversation["fault"]) == ("tts-error", "provider")


# Recognition


def refusing(ears: Deepgram) -> None:
    ears.refusals = [(HTTPStatus.SERVICE_UNAVAILABLE, {})] * OFTEN


def cut_off(ears: Deepgram) -> None:
    ears.breaks_after = 3


def deaf(ears: Deepgram) -> None:
    ears.deaf = True


def talking_nonsense(ears: Deepgram) -> None:
    ears.garbage = "<html>"


@pytest.mark.parametrize("trouble", [None, refusing, cut_off, deaf, talking_nonsense])
def test_a_recogniser_in_trouble_loses_no_word(mongodb_uri: str, trouble: Callable[[Deepgram], None] | None) -> None:
    @virtually
    async def run() -> None:
        ears = Deepgram()
        if trouble is not None:
            trouble(ears)
        async with ears.serving() as url:
            settings: Mapping[str, Any] = {
                "stt_provider": "deepgram",
                "deepgram_api_key": deepgram.KEY,
                "deepgram_base_url": NOWHERE if trouble is None else url.replace("ws", "http", 1),
                "provider_patience_ms": PATIENCE_MS,
            }
            async with hosted_board(mongodb_uri, settings, ai_model="faq", texts=["when are you open?"]) as board:
                await board.dial(*ASK)
                assert (await board.turns())[1:] == [("user", "when are you open?"), ("assistant", OPEN)]

    run()


@virtually
async def test_a_call_in_which_nothing_can_be_heard_any_more_ends_with_an_apology(mongodb_uri: str) -> None:
    async with (
        api_of(NOWHERE) as nobody,
        hosted_board(
            mongodb_uri,
            {},
            last=lambda scripted: replace(scripted, stt=OpenAiTranscription(nobody, "gone")),
            ai_model="faq",
        ) as board,
    ):
        report = await board.dial(Listen(), Play(tone(800)), AwaitHangUp())
        conversation = await board.office.conversation("CA1")
        turns = await board.turns()
    assert turns[-1] == ("assistant", SORRY)
    assert report.ended_by is Ending.ASSISTANT
    assert (conversation["endedReason"], conversation["fault"]) == ("stt-error", "provider")
