"""Has the greeting of a call made into speech while it rings, so that it sounds as soon as the call is answered."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from callgenie.calls.admission import Profiles
from callgenie.calls.models import Occasion
from callgenie.calls.recorded import NOT_RECORDED, Recording
from callgenie.calls.scripts import greeting_for
from callgenie.conversations.models import Conversation
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import DomainError
from callgenie.kernel.vocabulary import Carrier
from callgenie.telephony.browser.messages import SAMPLE_RATE as BROWSER_RATE
from callgenie.telephony.twilio.media import SAMPLE_RATE as TWILIO_RATE
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.guarded import ProviderFailedError, spoken
from callgenie.voice.timings import Timings

_log = structlog.get_logger(__name__)

GREETING_NOT_READY: Final = "call.greeting_not_ready"

# Exotel's calls ring when their stream is there already.
_RATES: Final[Mapping[Carrier, int]] = {Carrier.TWILIO: TWILIO_RATE, Carrier.BROWSER: BROWSER_RATE}

# A process takes a few calls a second. What finds no room here, or waits for longer, is made when the call is answered.
_WAITING_MAX: Final = 32
_AT_ONCE: Final = 2
_LATE_SECONDS: Final = 5.0


class Greeter:
    """Speaks greetings to nobody: the voices remember what they have said (`voice.providers.cached_speech`)."""

    def __init__(
        self,
        profiles: Profiles,
        voices: VoiceCatalogue,
        clock: Clock,
        timings: Timings = Timings(),  # noqa: B008 - frozen
        recording: Recording = NOT_RECORDED,
    ) -> None:
        self._profiles = profiles
        self._voices = voices
        self._clock = clock
        self._timings = timings
        self._recording = recording
        self._waiting: asyncio.Queue[tuple[float, Conversation]] = asyncio.Queue(_WAITING_MAX)

    def expect(self, call: Conversation) -> None:
        """Take note of a call that rings; returns at once, and again for the same call is harmless."""
        if call.carrier in _RATES and not self._waiting.full():
            self._waiting.put_nowait((self._clock.monotonic(), call))

    async def run(self) -> None:
        """Make greetings, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for line in range(_AT_ONCE):
                group.create_task(self._work(), name=f"make greetings {line}")

    async def _work(self) -> None:
        while True:
            since, call = await self._waiting.get()
            if self._clock.monotonic() - since <= _LATE_SECONDS:
                await self._make(call)

    async def _make(self, call: Conversation) -> None:
        try:
            await self._speak(call)
        except (DomainError, ProviderFailedError) as error:
            # The call makes its own, and meets the same trouble if it lasts.
            _log.warning(GREETING_NOT_READY, session_id=call.session_id, error=type(error).__name__)
        except Exception:  # noqa: BLE001 - after a mistake of ours too, the next call is to be greeted at once
            _log.exception(GREETING_NOT_READY, session_id=call.session_id)

    async def _speak(self, call: Conversation) -> None:
        profile = await self._profiles.get(call.user_id)
        chosen = profile.preferences
        text = greeting_for(
            profile, Occasion.of(call), self._clock.now(), recorded=self._recording.wants(profile.business)
        )
        providers = self._voices.choose(voice=chosen.voice_model, model=chosen.ai_model)
        async for _ in spoken(
            providers.tts,
            text,
            sample_rate=_RATES[call.carrier],
            language=chosen.language,
            voice=chosen.voice_model,
            timeout_ms=self._timings.speech_max_ms,
        ):
            pass
