"""Settings in, what can be chosen out; and whatever can be chosen is there for calls."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs
from tests.support.follow_ups import make_due
from tests.support.serving import serving
from tests.support.vendors import elevenlabs
from tests.support.vendors.elevenlabs import ElevenLabs
from tests.support.vendors.openai import KEY, MODEL, OpenAi, refused, summed_up
from tests.support.vendors.openai_audio import OpenAiAudio
from tests.support.virtual_time import virtually
from tests.support.whole_app import serving_everything

from callgenie.kernel.clock import SystemClock
from callgenie.kernel.vocabulary import TurnRole
from callgenie.mongo.client import Database
from callgenie.settings import Settings
from callgenie.voice.ports import Knowledge, Message, TextDelta
from callgenie.voice.providers.nanotts import VOICES
from callgenie.voice.providers.scripted import scripted_providers
from callgenie.wiring.voices import build_voices, options_of, timings_of

EMBEDDED = scripted_providers((), {})


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, data_dir=Path("unused"), **given)


def test_without_any_key_there_is_what_is_embedded() -> None:
    options = options_of(settings())
    assert options.models == ("faq",)
    assert set(options.voices) == {"nanotts-en-us", "nanotts-en-gb"}


def test_each_server_that_is_set_adds_its_models_under_its_name() -> None:
    known = settings(
        openai_api_key="k",
        openai_chat_models="gpt-4.1-mini, gpt-4.1,gpt-4.1-mini,",
        groq_api_key="k",
        groq_chat_models="llama-3.3-70b-versatile",
        chat_base_url="http://127.0.0.1:11434/v1",
        chat_models="llama3.2",
    )
    assert options_of(known).models == (
        "faq",
        "openai/gpt-4.1-mini",
        "openai/gpt-4.1",
        "groq/llama-3.3-70b-versatile",
        "chat/llama3.2",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chat_base_url", "localhost:11434"),
        ("openai_base_url", "ftp://api.openai.com/v1"),
        ("groq_base_url", "https://api.groq.com/v1?key=1"),
        ("chat_models", "x" * 81),
        ("chat_models", ",".join(f"model{number}" for number in range(33))),
    ],
)
def test_what_cannot_be_an_address_or_a_list_of_models_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        settings(**{name: value})


async def test_whatever_can_be_chosen_is_there_for_calls() -> None:
    server = OpenAi(models=("one", "two/of:three"))
    async with serving(server.app) as url:
        known = settings(openai_api_key=KEY, openai_base_url=f"{url}/v1", openai_chat_models="one,two/of:three")
        voices = build_voices(known, EMBEDDED, SystemClock())
        knowledge = Knowledge("SAATHI", "", hours="We are open from nine to five.")
        with capture_logs() as logs:
            for chosen in options_of(known).models[1:]:
                model = voices.catalogue.choose(voice="nanotts-en-us", model=chosen).model
                deltas = model.stream([Message(TurnRole.USER, "When are you open?")], knowledge)
                said = "".join([delta.text async for delta in deltas if isinstance(delta, TextDelta)])
                assert said.strip() == "We are open from nine to five."
        await voices.close()
    assert [body["model"] for body in server.bodies] == ["one", "two/of:three"]
    assert logs == []


async def test_a_server_that_is_away_is_made_good_by_another_one_and_then_by_the_embedded_one() -> None:
    server = OpenAi(models=("one",))
    nowhere = "http://127.0.0.1:9/v1"
    knowledge = Knowledge("SAATHI", "", hours="We are open from nine to five.")
    embedded = scripted_providers((), {"open": "the embedded one"})
    async with serving(server.app) as url:
        for other, expected in ((f"{url}/v1", "We are open from nine to five."), (nowhere, "the embedded one")):
            known = settings(
                openai_api_key=KEY,
                openai_base_url=nowhere,
                groq_api_key=KEY,
                groq_base_url=other,
                groq_chat_models="one",
            )
            voices = build_voices(known, embedded, SystemClock())
            model = voices.catalogue.choose(voice="nanotts-en-us", model="openai/gpt-4.1-mini").model
            deltas = model.stream([Message(TurnRole.USER, "When are you open?")], knowledge)
            assert "".join([delta.text async for delta in deltas if isinstance(delta, TextDelta)]).strip() == expected
            await voices.close()


def test_a_call_is_more_patient_with_a_chain_of_providers_than_with_each_of_them() -> None:
    for patience_ms in (500, 2_500, 8_000):
        timings = timings_of(settings(provider_patience_ms=patience_ms, reply_after_silence_ms=700))
        for whole_ms in (timings.model_max_ms, timings.speech_max_ms, timings.transcribe_max_ms):
            assert whole_ms >= 2 * patience_ms + 2_000
        assert timings.reply_after_ms == 700


def test_voices_of_vendors_are_chosen_by_names_that_people_can_read() -> None:
    known = settings(
        openai_api_key="k", openai_voices="alloy, nova", elevenlabs_api_key="k", elevenlabs_voices="george=JBF,21m00T"
    )
    embedded = len(VOICES)
    assert options_of(known).voices[embedded:] == (
        "openai/alloy",
        "openai/nova",
        "elevenlabs/george",
        "elevenlabs/21m00T",
    )
    assert "piper/joe" not in options_of(settings(piper="off")).voices


@virtually
async def test_whatever_voice_can_be_chosen_speaks_as_itself() -> None:
    openai_server, elevenlabs_server = OpenAiAudio(), ElevenLabs()
    async with serving(openai_server.app) as openai_url, serving(elevenlabs_server.app) as elevenlabs_url:
        known = settings(
            openai_api_key=KEY,
            openai_base_url=f"{openai_url}/v1",
            openai_voices="alloy,nova",
            elevenlabs_api_key=elevenlabs.KEY,
            elevenlabs_base_url=f"{elevenlabs_url}/v1",
        )
        voices = build_voices(known, EMBEDDED, SystemClock())
        for chosen in [*options_of(known).voices[len(VOICES) :]] * 2:
            tts = voices.catalogue.choose(voice=chosen, model="faq").tts
            stream = tts.stream("Hello there.", sample_rate=8_000, language="en", voice=chosen)
            assert len(b"".join([pcm async for pcm in stream])) > 4_000
        await voices.close()
    assert [body["voice"] for body in openai_server.bodies] == ["alloy", "nova"]  # the second time from memory
    assert len(elevenlabs_server.bodies) == 1


@pytest.mark.parametrize(
    ("provider", "kind"),
    [("embedded", "_ScriptedStream"), ("openai", "_FallbackStream"), ("deepgram", "_FallbackStream")],
)
async def test_the_recogniser_is_the_one_that_is_set(provider: str, kind: str) -> None:
    known = settings(
        stt_provider=provider,
        openai_api_key=KEY,
        deepgram_api_key="k",
        openai_base_url="http://127.0.0.1:9/v1",
        deepgram_base_url="http://127.0.0.1:9/v1",
    )
    voices = build_voices(known, scripted_providers(["hello"], {}), SystemClock())
    stream = voices.catalogue.choose(voice="nanotts-en-us", model="faq").stt.open(sample_rate=8_000, language="en")
    assert type(stream).__name__ == kind
    stream.push(b"\x00\x20" * 8_000)
    assert (await stream.transcribe()).text == "hello"  # with nobody at that address, the embedded one hears it
    await stream.close()
    await voices.close()


async def test_a_recogniser_without_its_key_is_the_embedded_one() -> None:
    voices = build_voices(settings(stt_provider="deepgram"), EMBEDDED, SystemClock())
    assert voices.catalogue.choose(voice="nanotts-en-us", model="faq").stt is EMBEDDED.stt


async def test_an_owner_can_choose_what_is_set_and_nothing_else(connected: Database) -> None:
    async with serving_everything(connected, openai_api_key="k", openai_chat_models="gpt-4.1-mini") as api:
        token = (await api.register())["accessToken"]
        assert (await api.call("GET", "/api/user/options", token=token)).json()["models"] == [
            "faq",
            "openai/gpt-4.1-mini",
        ]
        for model, status in {"openai/gpt-4.1-mini": 200, "gpt-4.1-mini": 422, "openai/gpt-4.1": 422}.items():
            answer = await api.call("PUT", "/api/user/preferences", token=token, json={"aiModel": model})
            assert answer.status_code == status, model
        await api.whole.voices.close()


async def test_the_model_that_an_owner_chose_sums_calls_up_as_well(connected: Database) -> None:
    server = OpenAi(summed_up)
    async with (
        serving(server.app) as url,
        serving_everything(connected, openai_api_key=KEY, openai_base_url=f"{url}/v1", openai_chat_models=MODEL) as api,
    ):
        token = (await api.register())["accessToken"]
        await api.call("PUT", "/api/user/preferences", token=token, json={"aiModel": f"openai/{MODEL}"})
        body = {
            "sessionId": "s-1",
            "phoneNumber": "+14155550999",
            "userMessage": "My name is Anna. I need a cake.",
            "aiResponse": "I will pass that on.",
            "duration": 30,
            "status": "completed",
        }
        await api.call("POST", "/api/user/conversations", token=token, json=body)
        server.misfortune.add(refused(500, None))
        await api.whole.analyses.work()
        assert (await api.whole.model_analyses.work()).postponed == 1
        failed = 'callgenie_provider_errors_total{category="server_error",provider="openai"} 1.0'
        assert failed in api.whole.metrics.text().decode()
        await make_due(connected.db)
        assert (await api.whole.model_analyses.work()).done == 1
        shown = await api.call("GET", "/api/user/conversations/s-1", token=token)
        await api.whole.voices.close()
    analysis = shown.json()["analysis"]
    assert (analysis["by"], analysis["callerName"], analysis["wish"]) == (f"openai/{MODEL}", "Anna", "I need a cake.")
