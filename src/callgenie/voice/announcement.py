"""One sentence to whoever is on a link that is not going to be a call."""

import asyncio

import structlog

from callgenie.kernel.clock import Clock
from callgenie.voice.guarded import ProviderFailedError
from callgenie.voice.mouth import Mouth
from callgenie.voice.playback import Speech
from callgenie.voice.ports import AudioLink, MarkReached, TextToSpeech
from callgenie.voice.timings import Timings

_log = structlog.get_logger(__name__)

ANNOUNCEMENT_UNSPOKEN = "voice.announcement_unspoken"


async def announce(link: AudioLink, tts: TextToSpeech, text: str, *, clock: Clock, timings: Timings) -> None:
    """Say `text`, which is English, and hang up when it was heard, cannot be said, or takes too long."""
    mouth = Mouth(link, tts, clock, timings, language="en", voice="", on_audible=lambda _: None)
    speech = Speech(meant=[text])

    async def listen() -> None:
        async for event in link.events():
            if isinstance(event, MarkReached):
                mouth.mark_reached(event.name)

    async def speak() -> None:
        try:
            await mouth.say(speech, text)
            await mouth.heard(speech)
        except ProviderFailedError as failure:
            _log.warning(ANNOUNCEMENT_UNSPOKEN, error=str(failure))

    try:
        async with asyncio.TaskGroup() as group:
            sending, listening, speaking = (group.create_task(part()) for part in (mouth.run, listen, speak))
            await asyncio.wait(
                (listening, speaking), timeout=timings.goodbye_max_ms / 1000, return_when=asyncio.FIRST_COMPLETED
            )
            for task in (sending, listening, speaking):
                task.cancel()
    finally:
        await link.close()
