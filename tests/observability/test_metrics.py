"""What a call leaves in the figures, whoever ends it and whatever fails in it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from tests.support.metering import CALLER
from tests.support.serving import serving
from tests.support.switchboard import ANSWERS, AUTH_TOKEN, NUMBER, TEXTS, tone
from tests.support.virtual_database import virtual_database
from tests.support.virtual_time import virtually

from callgenie.app import create_app
from callgenie.cli.demo.owner import Owner
from callgenie.kernel.clock import LoopClock
from callgenie.kernel.ids import SystemRandomness
from callgenie.kernel.secret_file import Secrets
from callgenie.observability.metrics import Metrics
from callgenie.settings import Settings
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.script import HangUp, Listen, Play, rehearse
from callgenie.voice.guarded import ProviderFailedError, on_provider_failure, transcribed
from callgenie.voice.ports import ProviderError, Transcript
from callgenie.voice.providers.scripted import scripted_providers
from callgenie.wiring.records import build_records
from callgenie.wiring.services import build_services


@virtually
async def test_a_call_is_counted_with_its_end_its_seconds_and_its_steps(mongodb_uri: str) -> None:
    settings = Settings(_env_file=None, data_dir=Path("unused"), twilio_auth_token=SecretStr(AUTH_TOKEN), bcrypt_cost=4)
    secrets = Secrets("s" * 48, "p" * 48)
    async with virtual_database(mongodb_uri) as database:
        clock = LoopClock(datetime.now(UTC))
        records = build_records(settings, database, secrets, clock=clock, randomness=SystemRandomness())
        services = build_services(records, secrets, scripted_providers(TEXTS, ANSWERS), own_url="http://127.0.0.1:9")
        async with (
            serving(create_app(services)) as url,
            Owner(url) as owner,
            SimulatedCarrier(url, AUTH_TOKEN, public_url=services.public_url) as carrier,
        ):
            await owner.sign_up(email="rosa@example.com", password="correct horse battery", name="Rosa")
            await services.numbers.import_numbers([NUMBER])
            number = await owner.get_number()
            steps = await rehearse([Listen(), Play(tone(800)), Listen(), HangUp()])
            await carrier.call(Dialling(CALLER, number, steps, session_id="CA1"))
            await carrier.call(Dialling(CALLER, "+14155550999", steps, session_id="CA2"))
        records.passwords.close()
    text = services.metrics.text().decode()
    assert 'callgenie_calls_ended_total{reason="caller-hangup"} 1.0' in text
    assert 'callgenie_calls_ended_total{reason="number-unassigned"} 1.0' in text
    assert "callgenie_call_seconds_count 1.0" in text
    for stage in ("eou_delay", "stt_final", "llm_ttft", "first_sentence", "tts_ttfb", "server_e2e"):
        assert f'callgenie_turn_stage_seconds_count{{stage="{stage}"}} 1.0' in text
    assert "callgenie_calls_active 0.0" in text
    assert "+1415" not in text


class Ears:
    """Recognition that fails the first `failures` times."""

    def __init__(self, failures: int) -> None:
        self._failures = failures

    def push(self, pcm: bytes) -> None:
        pass

    def reset(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def transcribe(self) -> Transcript:
        self._failures -= 1
        if self._failures >= 0:
            raise ProviderError("vendor", "unavailable", permanent=False)
        return Transcript("Hello?", final=True)


async def test_a_provider_s_failures_are_counted_also_when_a_second_attempt_succeeds() -> None:
    metrics = Metrics(CollectorRegistry())
    listening = on_provider_failure.set(metrics.provider_failed)
    try:
        await transcribed(Ears(1), 1_000)
        with pytest.raises(ProviderFailedError):
            await transcribed(Ears(2), 1_000)
    finally:
        on_provider_failure.reset(listening)
    text = metrics.text().decode()
    assert 'callgenie_provider_errors_total{category="unavailable",provider="vendor"} 3.0' in text


def test_two_sets_of_figures_know_nothing_of_each_other() -> None:
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.call_refused("usage-limit")
    assert "usage-limit" in one.text().decode()
    assert "usage-limit" not in other.text().decode()
