"""One call: the caller's link joined with what hears, thinks and speaks."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, ParamSpec

import structlog

from callgenie.kernel.clock import Clock
from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.voice.ear import Ear
from callgenie.voice.farewell import Farewell
from callgenie.voice.guarded import ProviderFailedError
from callgenie.voice.keypad import Keypad
from callgenie.voice.latency import AnswerTiming
from callgenie.voice.phrases import phrases_for
from callgenie.voice.playback import Playback
from callgenie.voice.ports import (
    AudioLink,
    AudioReceived,
    DigitPressed,
    LinkClosed,
    LinkEvent,
    MarkReached,
    ToolCall,
    VoiceProviders,
)
from callgenie.voice.record import CallRecord, SessionListener
from callgenie.voice.script import CallScript
from callgenie.voice.talk import Talk
from callgenie.voice.timings import Timings
from callgenie.voice.tools import Toolbox, ToolResult
from callgenie.voice.turn import SessionEnd
from callgenie.voice.turns import Decision, Phase, TurnTaking

__all__ = ["CallScript", "CallSession", "SessionListener"]

_log = structlog.get_logger(__name__)

SESSION_BROKE = "voice.session_broke"
LINK_BROKE = "voice.link_broke"

P = ParamSpec("P")

# Decisions that only time brings (silence, audio that stays away) can wait this long; those that audio brings do not.
_TICK_SECONDS: Final = 0.1
_WATCH_SECONDS: Final = 0.5
_CLOSE_SECONDS_MAX: Final = 3.0

# What is left of a call's longest duration when we begin to say goodbye; of very short calls, a fifth.
_GOODBYE_SECONDS: Final = 6.0

_APOLOGY_AFTER_SECONDS: Final = 2.0

# Two announcements that wait say all there is to say; of more, the oldest is no longer true and goes.
_ANNOUNCEMENTS_MAX: Final = 2


class CallSession:
    """Talks with one caller until one of the two hangs up."""

    def __init__(
        self,
        link: AudioLink,
        providers: VoiceProviders,
        script: CallScript,
        listener: SessionListener,
        clock: Clock,
        timings: Timings = Timings(),  # noqa: B008 - frozen
    ) -> None:
        self._link = link
        self._script = script
        self._clock = clock
        self._timings = timings
        self._phrases = phrases_for(script.knowledge)
        self._began = self._sign_of_life_at = clock.monotonic()
        self._record = CallRecord(listener, self._began, on_overflow=self._overflowed)
        self._turns = TurnTaking(timings, self._began)
        self._ear = Ear(
            providers, self._turns, timings, sample_rate=link.sample_rate, language=script.knowledge.language
        )
        self._tools = Toolbox(
            script.all_tools(), timeout_ms=timings.tool_max_ms, spawn=self._carry_out, on_effect=self._effected
        )
        self._talk = Talk(
            link,
            providers,
            script,
            clock,
            timings,
            turns=self._turns,
            ear=self._ear,
            record=self._record,
            tools=self._tools,
        )
        self._announcements: deque[str] = deque(maxlen=_ANNOUNCEMENTS_MAX)
        self._keypad = Keypad(self._began)
        self._talking: asyncio.Task[None] | None = None
        self._transcribing: asyncio.Task[None] | None = None
        self._transcribe_again = False
        self._farewell = Farewell(clock)
        self._group: asyncio.TaskGroup | None = None

    @property
    def playback(self) -> Playback:
        """The ledger of what was sent, for figures about the call."""
        return self._talk.mouth.playback

    @property
    def ended_at(self) -> float | None:
        """When the call was hung up, by the clock; tidying up after it may take seconds more. None while it lasts."""
        return self._farewell.ended_at

    async def run(self) -> SessionEnd:
        """Hold the call; return how it came to its end. Nothing the caller, link or a provider does makes it raise."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                telling = group.create_task(self._record.run())
                voice = (self._listen, self._talk.mouth.run, self._talk.prepare, self._talk.recall)
                clocks = (self._tick, self._watch, self._say_goodbye, self._keep_apology_ready)
                tasks = [self._spawn(part) for part in (*voice, *clocks)]
                self._start_talking(self._talk.say, self._script.greeting)
                await self._farewell.over.wait()
                for task in [*tasks, self._talking, self._transcribing]:
                    if task is not None:
                        task.cancel()
                await self._wind_up()
                await self._close()
                await self._record.told(self._timings.save_max_ms)
                telling.cancel()
        finally:
            await self._close()
        return self._farewell.end or SessionEnd(EndedReason.INTERNAL_ERROR, Fault.PLATFORM)

    # What others may ask for, at any time, also before `run`

    def say(self, text: str) -> None:
        """Speak an announcement at the next gap, and again at later ones until it was heard to its end."""
        self._announcements.append(text)

    def finish(self, text: str | None, reason: EndedReason, fault: Fault, within: float | None = None) -> None:
        """Say `text` after the sentence that sounds, wait until it was heard (bounded), and hang up.

        The first reason given stays. The sentence is cut where `text` would else not be over `within` so many seconds.
        """
        if self._farewell.ask(text, reason, fault, within):
            self._turns.closing()

    def hang_up(self, reason: EndedReason, fault: Fault) -> None:
        """Hang up at once. The first reason given stays."""
        self._farewell.hang_up(reason, fault)

    # Tasks that live as long as the call

    async def _listen(self) -> None:
        async for event in self._events():
            self._sign_of_life_at = now = self._clock.monotonic()
            if isinstance(event, AudioReceived):
                decisions = self._ear.hear(event.pcm, now)
                if decisions:
                    await self._act(decisions, now)
            elif isinstance(event, LinkClosed):
                self._link_closed(event)
                return
            else:
                await self._signalled(event, now)
        self._link_closed(LinkClosed(clean=False))

    async def _events(self) -> AsyncIterator[LinkEvent]:
        """Yield what the link sends; one that fails is one that broke."""
        try:
            async for event in self._link.events():
                yield event
        except Exception:  # noqa: BLE001 - the carrier is gone, whatever its link makes of it
            _log.warning(LINK_BROKE, exc_info=True)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = self._clock.monotonic()
            decisions = self._turns.tick(now)
            if decisions:
                await self._act(decisions, now)
            if self._keypad.is_complete(now) and self._is_gap():
                self._answer_keys(now)
            if self._announcements and self._is_gap():
                self._start_talking(self._announce, self._announcements[0])

    async def _watch(self) -> None:
        """End a call whose carrier fell silent, or that has lasted too long; it depends on the clock alone."""
        longest = float(self._script.max_duration_seconds)
        goodbye_at = longest - min(_GOODBYE_SECONDS, longest / 5)
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = self._clock.monotonic()
            if (now - self._sign_of_life_at) * 1000 >= self._timings.stream_lost_ms:
                self.hang_up(EndedReason.CARRIER_STREAM_LOST, Fault.PROVIDER)
            if now - self._began >= longest:
                self._farewell.hang_up_unless_leaving(EndedReason.MAX_DURATION, Fault.NONE)
            elif now - self._began >= goodbye_at:
                self.finish(self._phrases.time_is_up, EndedReason.MAX_DURATION, Fault.NONE, longest + self._began - now)

    async def _say_goodbye(self) -> None:
        await self._farewell.asked.wait()
        leave = self._farewell.leave
        assert leave is not None  # noqa: S101 - it is set before the event
        try:
            async with asyncio.timeout(self._timings.goodbye_max_ms / 1000):
                self._stop_talking()
                await self._talk.end_sentence(leave.patience_seconds)
                self._tell_keys()
                if leave.text:
                    await self._talk.say(leave.text)
        except (TimeoutError, ProviderFailedError):
            pass  # a call that cannot say goodbye still ends
        self.hang_up(leave.reason, leave.fault)

    # What happens

    async def _signalled(self, event: LinkEvent, now: float) -> None:
        if isinstance(event, MarkReached):
            self._talk.mouth.mark_reached(event.name)
        elif isinstance(event, DigitPressed):
            self._keypad.press(event.digit, now)
            self._turns.key_pressed(now)
            await self._act(self._turns.cut_off(), now)

    def _link_closed(self, event: LinkClosed) -> None:
        if event.clean:
            self._farewell.hang_up_unless_leaving(EndedReason.CALLER_HANGUP, Fault.NONE)
        else:
            self._farewell.hang_up_unless_leaving(EndedReason.CARRIER_STREAM_LOST, Fault.PROVIDER)

    async def _act(self, decisions: tuple[Decision, ...], now: float) -> None:
        for decision in decisions:
            match decision:
                case Decision.TRANSCRIBE:
                    self._transcribe()
                case Decision.END_TURN:
                    self._answer_words(now)
                case Decision.INTERRUPT:
                    self._stop_talking()
                    await self._talk.fall_silent()
                case Decision.RESUME:
                    self._record.goes_on()
                    self._stop_talking()
                    self._talk.mouth.drop()
                case Decision.DISCARD:
                    self._ear.forget()
                case Decision.ASK:
                    self._start_talking(self._talk.say, self._phrases.are_you_there)
                case Decision.GIVE_UP:
                    self.finish(self._phrases.nobody_there, EndedReason.SILENCE_TIMEOUT, Fault.CALLER)
                case Decision.OPEN:
                    pass  # the ear has done it: it could not wait

    def _answer_words(self, now: float) -> None:
        turns = self._turns
        self._record.hold_said(turns.text, turns.opened_at, turns.stopped_at)
        timing = AnswerTiming(turns.stopped_at)
        timing.turn_ended(now, self._ear.transcribed_at)
        self._start_talking(self._reply, timing)

    def _answer_keys(self, now: float) -> None:
        self._hold_keys()
        self._turns.answering(now)
        self._start_talking(self._reply, AnswerTiming(self._keypad.pressed_at))

    def _hold_keys(self) -> bool:
        keys, at = self._keypad.take(), self._keypad.pressed_at
        if keys:
            self._record.hold_said(keys, at, at, whole=True)
        return bool(keys)

    def _tell_keys(self) -> None:
        """Tell keys that wait for an answer which will not come any more."""
        if self._hold_keys():
            self._record.tell_said()

    async def _reply(self, timing: AnswerTiming) -> None:
        departure = await self._talk.reply(timing)
        if departure is not None:
            self.finish(None, departure.reason, Fault.NONE)

    async def _announce(self, text: str) -> None:
        """Speak an announcement; one that is talked over stays, and is spoken again at the next gap."""
        await self._talk.say(text)
        with suppress(ValueError):  # newer ones may have taken its place meanwhile
            self._announcements.remove(text)

    def _carry_out(self, work: Coroutine[Any, Any, ToolResult]) -> asyncio.Task[ToolResult]:
        assert self._group is not None  # noqa: S101 - nobody asks for tools before `run`
        return self._group.create_task(work)

    def _effected(self, call: ToolCall, result: ToolResult) -> None:
        """Take what a tool has done, also when the answer that asked for it was dropped meanwhile."""
        self._record.tell_used(call, result.text, self._clock.monotonic())
        if result.departure is not None:
            self.finish(result.departure.words, result.departure.reason, Fault.NONE)

    def _transcribe(self) -> None:
        if self._transcribing is not None and not self._transcribing.done():
            self._transcribe_again = True
        else:
            self._transcribing = self._spawn(self._understand)

    async def _understand(self) -> None:
        while True:
            self._transcribe_again = False
            text, epoch = await self._ear.transcribe()
            self._ear.transcribed_at = now = self._clock.monotonic()
            await self._act(self._turns.transcribed(now, text, epoch), now)
            if not self._transcribe_again:
                return

    def _overflowed(self) -> None:
        self.hang_up(EndedReason.INTERNAL_ERROR, Fault.PLATFORM)

    # Talking, one thing at a time

    def _is_gap(self) -> bool:
        free = self._talking is None or self._talking.done()
        return free and self._turns.phase is Phase.LISTENING and not self._turns.hears_speech

    def _start_talking(self, work: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs) -> None:
        """Talk in the background; whatever was being prepared is dropped."""
        self._stop_talking()
        self._talking = self._spawn(work, *args, **kwargs)

    def _stop_talking(self) -> None:
        if self._talking is not None:
            self._talking.cancel()
        self._talking = None

    def _spawn(
        self, work: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Task[None]:
        async def kept_whole() -> None:
            """Run a part of the call; its failure ends this call politely and disturbs no other."""
            try:
                await work(*args, **kwargs)
            except ProviderFailedError as failure:
                self._provider_failed(failure)
            except Exception:  # noqa: BLE001 - a mistake of ours, or of the link
                _log.exception(SESSION_BROKE)
                self.hang_up(EndedReason.INTERNAL_ERROR, Fault.PLATFORM)

        assert self._group is not None  # noqa: S101 - `run` opens it first
        return self._group.create_task(kept_whole())

    def _provider_failed(self, failure: ProviderFailedError) -> None:
        without_model = failure.reason is EndedReason.LLM_ERROR and self._talk.can_do_without_model()
        if without_model and self._farewell.leave is None:
            self._farewell.blame(failure.reason)
            self._start_talking(self._talk.do_without_model)
            return
        apology = self._phrases.apology
        can_speak = failure.reason is not EndedReason.TTS_ERROR or self._talk.mouth.has_ready(apology)
        self.finish(apology if can_speak else None, failure.reason, Fault.PROVIDER)

    async def _keep_apology_ready(self) -> None:
        # Nothing may come between the caller and the greeting.
        await asyncio.sleep(_APOLOGY_AFTER_SECONDS)
        await self._talk.mouth.keep_ready(self._phrases.apology)

    # The end

    async def _wind_up(self) -> None:
        """Tell what was said until now, also the last words of a caller who has gone."""
        turns = self._turns
        self._talk.stop_counting(interrupted=True)
        self._tell_keys()
        await self._close_link()
        await self._tools.settled()
        if not turns.hears_speech:
            return
        started_at, ended_at = turns.opened_at, turns.stopped_at
        try:
            async with asyncio.timeout(self._timings.last_words_ms / 1000):
                text, _ = await self._ear.transcribe()
        except (TimeoutError, ProviderFailedError):
            return
        if text:
            self._record.hold_said(text, started_at, ended_at)
            self._record.tell_said()

    async def _close(self) -> None:
        await self._close_link()
        self._talk.mouth.close()
        await self._ear.close()

    async def _close_link(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS_MAX):
                await self._link.close()
        except Exception:  # noqa: BLE001 - the call is over, whatever the link thinks of it
            _log.exception(SESSION_BROKE, where="close")
