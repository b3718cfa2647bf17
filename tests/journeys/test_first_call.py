"""The demo's call, with every part real and only the waiting left out: it runs in virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from tests.support.serving import serving
from tests.support.virtual_database import virtual_database
from tests.support.virtual_time import virtually
from tests.support.word_errors import word_error_rate

from callgenie.app import create_app
from callgenie.audio.wav import read_wav
from callgenie.cli.demo.business import BUSINESS
from callgenie.cli.demo.owner import Owner
from callgenie.cli.demo.script import FAREWELL, FIRST_QUESTION, SECOND_QUESTION, demo_call
from callgenie.kernel.clock import LoopClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.kernel.secret_file import Secrets
from callgenie.settings import Settings
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import rehearse
from callgenie.voice.providers.embedded import load_embedded_providers
from callgenie.wiring import Services, build_records, build_services, running

AUTH_TOKEN = "the auth token of a test account"
NUMBER = "+14155550123"


@dataclass(frozen=True)
class House:
    """The whole server, one signed-up owner, and a carrier."""

    owner: Owner
    services: Services
    carrier: SimulatedCarrier
    number: str


@asynccontextmanager
async def house(mongodb_uri: str) -> AsyncIterator[House]:
    settings = Settings(twilio_auth_token=SecretStr(AUTH_TOKEN), bcrypt_cost=4)
    secrets = Secrets("s" * 48, "p" * 48)
    async with virtual_database(mongodb_uri) as database:
        records = build_records(
            settings, database, secrets, clock=LoopClock(datetime.now(UTC)), randomness=SystemRandomness()
        )
        services = build_services(records, secrets, load_embedded_providers(), own_url="http://127.0.0.1:9")
        async with (
            running(services),
            serving(create_app(services)) as url,
            Owner(url) as owner,
            # The server learns its own address only now; the carrier signs over the public one.
            SimulatedCarrier(url, AUTH_TOKEN, public_url=services.public_url) as carrier,
        ):
            await owner.sign_up(email="rosa@example.com", password="correct horse battery", name="Rosa")
            await owner.describe_business(BUSINESS)
            await services.numbers.import_numbers([NUMBER])
            yield House(owner, services, carrier, await owner.get_number())


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
