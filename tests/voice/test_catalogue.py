"""Which providers a call gets for what its owner chose."""

from structlog.testing import capture_logs

from callgenie.voice.catalogue import CHOICE_GONE, VoiceCatalogue
from callgenie.voice.providers.scripted import (
    ScriptedModel,
    ScriptedSpeechToText,
    ToneTextToSpeech,
    scripted_providers,
)

EMBEDDED = scripted_providers((), {})
MODEL, VOICE, STT = ScriptedModel({}), ToneTextToSpeech(), ScriptedSpeechToText([])
CATALOGUE = VoiceCatalogue(
    EMBEDDED, own_ids=("faq", "plain"), models={"openai/gpt": MODEL}, voices={"openai/alloy": VOICE}, stt=STT
)


def test_what_was_chosen_is_what_the_call_gets() -> None:
    with capture_logs() as logs:
        chosen = CATALOGUE.choose(voice="openai/alloy", model="openai/gpt")
    assert (chosen.model, chosen.tts, chosen.stt, chosen.vad) == (MODEL, VOICE, STT, EMBEDDED.vad)
    assert logs == []


def test_the_embedded_ones_can_be_chosen_each_for_itself() -> None:
    with capture_logs() as logs:
        chosen = CATALOGUE.choose(voice="plain", model="openai/gpt")
    assert (chosen.model, chosen.tts) == (MODEL, EMBEDDED.tts)
    assert CATALOGUE.choose(voice="openai/alloy", model="faq").model is EMBEDDED.model
    assert logs == []


def test_a_choice_that_is_gone_is_logged_and_the_embedded_ones_take_the_call() -> None:
    with capture_logs() as logs:
        chosen = CATALOGUE.choose(voice="elevenlabs/rachel", model="groq/llama")
    assert (chosen.model, chosen.tts) == (EMBEDDED.model, EMBEDDED.tts)
    assert [(log["event"], log["what"], log["chosen"]) for log in logs] == [
        (CHOICE_GONE, "model", "groq/llama"),
        (CHOICE_GONE, "voice", "elevenlabs/rachel"),
    ]


def test_without_another_recogniser_the_embedded_one_hears() -> None:
    assert VoiceCatalogue(EMBEDDED).choose(voice="", model="").stt is EMBEDDED.stt
