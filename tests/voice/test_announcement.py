"""One sentence on a link that is not going to be a call, over a carrier's end in memory."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from tests.support.fake_link import FakeLink
from tests.support.virtual_time import virtually

from callgenie.kernel.clock import LoopClock
from callgenie.voice.announcement import announce
from callgenie.voice.ports import ProviderError, TextToSpeech
from callgenie.voice.providers.scripted import ToneTextToSpeech
from callgenie.voice.timings import Timings

SENTENCE = "All our lines are busy. Please call again in a few minutes."
SPOKEN_MS = 60 * len(SENTENCE)


class SilentTextToSpeech:
    """Cannot speak."""

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Fail."""
        del text, sample_rate, language, voice
        raise ProviderError("silent", "failed", permanent=True)
        yield b""


async def announced(link: FakeLink, tts: TextToSpeech) -> float:
    """Return when the link was closed."""
    await announce(link, tts, SENTENCE, clock=LoopClock(datetime(2026, 1, 5, tzinfo=UTC)), timings=Timings())
    assert link.closed_at is not None
    return link.closed_at * 1_000


@virtually
async def test_the_sentence_is_heard_to_its_end_and_then_the_line_is_closed() -> None:
    async with FakeLink(delay=0.1) as link:
        closed_ms = await announced(link, ToneTextToSpeech())
        assert link.heard_ms() == pytest.approx(SPOKEN_MS, abs=20)
    assert SPOKEN_MS <= closed_ms <= SPOKEN_MS + 400


@virtually
async def test_a_caller_who_hangs_up_is_not_spoken_to_any_longer() -> None:
    async with FakeLink() as link:
        link.hangs_up()
        assert await announced(link, ToneTextToSpeech()) < 100


@virtually
async def test_a_carrier_that_says_nothing_of_what_was_played_does_not_keep_the_line_open() -> None:
    async with FakeLink(echoes_marks=False) as link:
        assert SPOKEN_MS <= await announced(link, ToneTextToSpeech()) <= SPOKEN_MS + 2_000


@virtually
async def test_without_a_voice_the_line_is_closed_in_silence() -> None:
    async with FakeLink() as link:
        assert await announced(link, SilentTextToSpeech()) < 100
        assert link.heard_ms() == 0
