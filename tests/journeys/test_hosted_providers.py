"""An owner's call with nothing embedded in it but the detector of speech, and then with every vendor gone.

Real speech over real sockets: the vendors are stood in for by servers that speak their formats, and listen and speak.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.embedded import embedded, speech
from tests.support.serving import serving
from tests.support.switchboard import Switchboard, switchboard
from tests.support.vendors import deepgram, elevenlabs
from tests.support.vendors.deepgram import Deepgram
from tests.support.vendors.elevenlabs import ElevenLabs
from tests.support.vendors.openai import KEY, OpenAi
from tests.support.virtual_time import virtually

from callgenie.kernel.clock import LoopClock
from callgenie.profiles.models import FaqEntry
from callgenie.settings import Settings
from callgenie.telephony.simulator.script import HangUp, Listen, Play
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.ports import VoiceProviders
from callgenie.wiring.voices import Voices, build_voices

ANSWER = "You can park behind the house."
FAQ = (FaqEntry("Is there parking?", ANSWER),)


@asynccontextmanager
async def board(mongodb_uri: str, **settings: Any) -> AsyncIterator[Switchboard]:
    built: list[Voices] = []

    def catalogue(_scripted: VoiceProviders) -> VoiceCatalogue:
        known = Settings(_env_file=None, data_dir=Path("unused"), **settings)
        built.append(build_voices(known, embedded(), LoopClock(datetime.now(UTC))))
        return built[0].catalogue

    async with switchboard(mongodb_uri, catalogue=catalogue, faq=FAQ) as made:
        made.office.customers.choose(made.owner, ai_model="openai/gpt-4.1-mini", voice_model="elevenlabs/george")
        yield made
    await built[0].close()


async def dial_and_ask(made: Switchboard) -> list[tuple[str, str]]:
    question = await speech("Good morning, is there parking?")
    await made.dial(Listen(), Play(question), Listen(), HangUp())
    return await made.turns()


@virtually
async def test_a_call_is_heard_answered_and_spoken_by_hosted_providers(mongodb_uri: str) -> None:
    ears, brain, mouth = Deepgram(), OpenAi(), ElevenLabs()
    async with (
        ears.serving() as ears_url,
        serving(brain.app) as brain_url,
        serving(mouth.app) as mouth_url,
        board(
            mongodb_uri,
            stt_provider="deepgram",
            deepgram_api_key=deepgram.KEY,
            deepgram_base_url=ears_url.replace("ws", "http", 1),
            openai_api_key=KEY,
            openai_base_url=f"{brain_url}/v1",
            elevenlabs_api_key=elevenlabs.KEY,
            elevenlabs_base_url=f"{mouth_url}/v1",
        ) as made,
    ):
        turns = await dial_and_ask(made)
    assert [role for role, _ in turns] == ["assistant", "user", "assistant"]
    assert "parking" in turns[1][1].lower()
    assert turns[2][1] == ANSWER
    assert ANSWER in [body["text"] for body in mouth.bodies]
    assert len(brain.bodies) == 1
    assert "Finalize" in ears.controls
    assert ears.connections == 0


@virtually
async def test_with_every_vendor_gone_the_call_is_held_all_the_same(mongodb_uri: str) -> None:
    nowhere = "http://127.0.0.1:9/v1"
    async with board(
        mongodb_uri,
        stt_provider="deepgram",
        deepgram_api_key="k",
        deepgram_base_url=nowhere,
        openai_api_key="k",
        openai_base_url=nowhere,
        elevenlabs_api_key="k",
        elevenlabs_base_url=nowhere,
    ) as made:
        turns = await dial_and_ask(made)
        conversation = await made.office.conversation("CA1")
    assert turns[2] == ("assistant", ANSWER)
    assert conversation["endedReason"] == "caller-hangup"
