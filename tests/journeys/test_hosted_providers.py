"""An owner's call with nothing embedded in it but the detector of speech, and then with every vendor gone.

Real speech over real sockets: the vendors are stood in for by servers that speak their formats, and listen and speak.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any

from tests.support.embedded import embedded, speech
from tests.support.hosted_board import NOWHERE, hosted_board
from tests.support.serving import serving
from tests.support.switchboard import Switchboard
from tests.support.vendors import deepgram, elevenlabs
from tests.support.vendors.deepgram import Deepgram
from tests.support.vendors.elevenlabs import ElevenLabs
from tests.support.vendors.openai import KEY, OpenAi
from tests.support.virtual_time import virtually

from callgenie.profiles.models import FaqEntry
from callgenie.telephony.simulator.script import HangUp, Listen, Play

ANSWER = "You can park behind the house."
FAQ = (FaqEntry("Is there parking?", ANSWER),)


def board(mongodb_uri: str, **settings: Any) -> AbstractAsyncContextManager[Switchboard]:
    return hosted_board(mongodb_uri, settings, last=lambda _: embedded(), voice_model="elevenlabs/george", faq=FAQ)


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
    async with board(
        mongodb_uri,
        stt_provider="deepgram",
        deepgram_api_key="k",
        deepgram_base_url=NOWHERE,
        openai_api_key="k",
        openai_base_url=NOWHERE,
        elevenlabs_api_key="k",
        elevenlabs_base_url=NOWHERE,
    ) as made:
        turns = await dial_and_ask(made)
        conversation = await made.office.conversation("CA1")
    assert turns[2] == ("assistant", ANSWER)
    assert conversation["endedReason"] == "caller-hangup"
