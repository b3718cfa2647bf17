"""Greetings that are made while it rings: there when the call is answered, or not at all, and in nobody's way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from tests.support.customers import Customers
from tests.support.switchboard import Switchboard, switchboard
from tests.support.virtual_time import virtually

from callgenie.calls.greeter import Greeter
from callgenie.conversations.models import Conversation
from callgenie.kernel.clock import LoopClock
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import CallStatus, Carrier, Direction
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.ports import ProviderError, TextToSpeech, VoiceProviders
from callgenie.voice.providers.cached_speech import CachedSpeech
from callgenie.voice.providers.scripted import scripted_providers

GREETING = "Good morning. This is a bakery."
SLOWNESS_SECONDS = 0.7


@dataclass
class SlowVoice:
    """Speaks as another voice does, once it has thought about it; `said` is what it was asked for."""

    other: TextToSpeech
    fails: bool = False
    said: list[tuple[str, int]] = field(default_factory=list)

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        self.said.append((text, sample_rate))
        await asyncio.sleep(SLOWNESS_SECONDS)
        if self.fails:
            raise ProviderError("slow", "refused", permanent=True)
        async for piece in self.other.stream(text, sample_rate=sample_rate, language=language, voice=voice):
            yield piece


@dataclass
class Slow:
    """Makes a catalogue whose voice is slow the first time it says something."""

    voice: SlowVoice = field(init=False)

    def catalogue(self, scripted: VoiceProviders) -> VoiceCatalogue:
        self.voice = SlowVoice(scripted.tts)
        return VoiceCatalogue(replace(scripted, tts=CachedSpeech(self.voice)))


async def first_sound_ms(board: Switchboard, session_id: str = "CA1", *, rings_seconds: float = 1.0) -> float:
    """Let it ring, open the stream, and return how long it stays silent."""
    token = await board.token(session_id)
    await asyncio.sleep(rings_seconds)
    socket = await board.open_stream(session_id, token)
    began = asyncio.get_running_loop().time()
    async for message in socket:
        if '"media"' in str(message):
            break
    waited = asyncio.get_running_loop().time() - began
    await socket.close()
    return waited * 1_000


@pytest.mark.parametrize(("greets_at_once", "silent_ms"), [(True, 0), (False, SLOWNESS_SECONDS * 1_000)])
def test_a_greeting_that_is_made_while_it_rings_is_there_when_the_stream_starts(
    mongodb_uri: str,
    greets_at_once: bool,  # noqa: FBT001 - a column
    silent_ms: float,
) -> None:
    @virtually
    async def run() -> None:
        slow = Slow()
        async with switchboard(
            mongodb_uri, catalogue=slow.catalogue, greets_at_once=greets_at_once, greeting=GREETING
        ) as board:
            assert await first_sound_ms(board) == pytest.approx(silent_ms, abs=40)
            assert slow.voice.said[0] == (GREETING, 8_000)
            assert (GREETING, 8_000) not in slow.voice.said[1:]

    run()


@virtually
async def test_a_page_is_greeted_at_once_in_its_own_quality(mongodb_uri: str) -> None:
    slow = Slow()
    async with switchboard(mongodb_uri, catalogue=slow.catalogue, greets_at_once=True, greeting=GREETING) as board:
        await board.services.web_calls.ring(board.owner, None)
        await asyncio.sleep(1)
        assert slow.voice.said == [(GREETING, 16_000)]


@virtually
async def test_a_voice_in_trouble_keeps_no_other_call_from_being_greeted(mongodb_uri: str) -> None:
    slow = Slow()
    async with switchboard(mongodb_uri, catalogue=slow.catalogue, greets_at_once=True, greeting=GREETING) as board:
        slow.voice.fails = True
        for number in range(3):
            await board.carrier.ring(board.dialling(f"CX{number}"))
            await board.carrier.report_status(board.dialling(f"CX{number}"), "completed")
            await asyncio.sleep(1)
        slow.voice.fails = False
        assert await first_sound_ms(board) <= 40


def ringing_at(customers: Customers, greeting: str) -> Conversation:
    """Return a call that rings at somebody who greets like this."""
    owner, now = customers.add(), datetime.now(UTC)
    customers.change_business(owner, greeting=greeting)
    return Conversation(
        id="0" * 24,
        user_id=owner,
        session_id=SessionId(greeting),
        carrier=Carrier.TWILIO,
        direction=Direction.INBOUND,
        status=CallStatus.RINGING,
        started_at=now,
        period_start=now,
    )


@virtually
async def test_what_finds_no_room_or_waits_too_long_is_left_to_the_call_itself() -> None:
    slow, customers = Slow(), Customers()
    greeter = Greeter(customers.profiles, slow.catalogue(scripted_providers((), {})), LoopClock(datetime.now(UTC)))
    for number in range(100):
        greeter.expect(ringing_at(customers, f"Hello {number}."))
    async with asyncio.TaskGroup() as group:
        working = group.create_task(greeter.run())
        await asyncio.sleep(30)
        # Two at once, for five seconds.
        assert 10 <= len(slow.voice.said) <= 16
        greeter.expect(ringing_at(customers, "Hello again."))
        await asyncio.sleep(1)
        assert slow.voice.said[-1] == ("Hello again.", 8_000)
        working.cancel()
