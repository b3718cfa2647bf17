"""The demo's call, with every part real and only the waiting left out: it runs in virtual time."""

from pathlib import Path

from tests.support.house import house
from tests.support.virtual_time import virtually
from tests.support.word_errors import word_error_rate

from callgenie.audio.wav import read_wav
from callgenie.cli.demo.business import BUSINESS
from callgenie.cli.demo.script import FAREWELL, FIRST_QUESTION, SECOND_QUESTION, demo_call
from callgenie.telephony.simulator.carrier import Dialling
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import rehearse
from callgenie.voice.providers.embedded import load_embedded_providers


@virtually
async def test_a_caller_asks_two_questions_interrupts_and_says_goodbye(mongodb_uri: str, tmp_path: Path) -> None:
    async with house(mongodb_uri) as at:
        voice = load_embedded_providers().tts
        steps = await rehearse(demo_call(), voice, voice_name="nanotts-en-gb")
        before = await at.owner.usage()
        call = await at.carrier.call(Dialling("+14155550188", at.number, steps, recording=tmp_path / "call.wav"))
        conversation = await at.owner.conversation(call.session_id)
        after = await at.owner.usage()

    spoken = [turn["text"] for turn in conversation["turns"] if turn["role"] == "user"]
    answers = [turn for turn in conversation["turns"] if turn["role"] == "assistant"]
    assert len(spoken) == 3
    assert word_error_rate(zip((FIRST_QUESTION, SECOND_QUESTION, FAREWELL), spoken, strict=True)) <= 0.2
    assert answers[0]["text"] == BUSINESS["greeting"]
    assert "five pounds" in answers[1]["text"]
    assert answers[2]["interrupted"]
    assert "behind the shop" in answers[2]["generatedText"]
    assert len(answers[2]["text"]) < len(answers[2]["generatedText"])
    assert "bye" in answers[3]["text"].lower()
    assert all(0 < turn["latency"]["serverE2e"] < 2_000 for turn in answers[1:])

    assert call.stream is not None
    assert call.ended_by is Ending.ASSISTANT
    assert len(call.stream.clears_ms) >= 1
    assert call.stream.gaps == ()
    assert conversation["endedReason"] == "assistant-hangup"
    assert conversation["status"] == "completed"

    assert (before["calls"]["used"], after["calls"]["used"]) == (0, 1)
    assert after["seconds"]["used"] == conversation["billableSeconds"] > 0
    assert after["seconds"]["held"] == 0
    assert after["calls"]["active"] == 0
    assert abs(conversation["billableSeconds"] * 1_000 - call.stream.duration_ms) < 3_000
    assert read_wav(tmp_path / "call.wav", sample_rate=8_000).size >= call.stream.duration_ms * 7
