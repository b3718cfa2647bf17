"""One running call as the business sees it: kept, extended, and settled once, however it ends."""

import asyncio
from typing import Final

import structlog

from callgenie.calls.desk import CallDesk
from callgenie.calls.followers import NO_FOLLOWER, CallFollower, FollowedListener, followed
from callgenie.calls.lease import Lease, Step
from callgenie.calls.models import OWNER_HANG_UP, AnsweredCall
from callgenie.calls.turn_keeper import TURN_PATIENCE_SECONDS, TurnKeeper
from callgenie.kernel.cancellation import complete, heed_cancellation
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import AudioLink, VoiceProviders
from callgenie.voice.session import CallScript, CallSession
from callgenie.voice.timings import Timings
from callgenie.voice.turn import SessionEnd

_log = structlog.get_logger(__name__)

CALL_BROKE: Final = "call.broke"
BEAT_FAILED: Final = "call.beat_failed"
SETTLEMENT_LEFT: Final = "call.settlement_left_to_sweeper"

BEAT_AGAIN_SECONDS: Final = 2.0

# What cannot be settled in this time is settled by the sweeper, from the last heartbeat.
CONCLUSION_SECONDS_MAX: Final = 60.0
_CLOSE_SECONDS_MAX: Final = 3.0
_AGAIN_SECONDS: Final = 0.5

WARNING: Final = "Please note that this call has to end in less than half a minute."
GOODBYE: Final = "I am sorry, our time is up, so I have to end this call now. Goodbye."


class RunningCall:
    """Runs once."""

    def __init__(
        self,
        call: AnsweredCall,
        link: AudioLink,
        script: CallScript,
        *,
        desk: CallDesk,
        providers: VoiceProviders,
        clock: Clock,
        timings: Timings,
        follower: CallFollower = NO_FOLLOWER,
    ) -> None:
        self._call = call
        self._link = link
        self._desk = desk
        self._clock = clock
        self._restarting = phrases_for(script.knowledge).restarting
        self._answered_at = clock.monotonic()
        self._lease = Lease(call.granted_seconds, notice_seconds=call.limits.notice_seconds)
        keeper = TurnKeeper(desk, call, self._elapsed, lambda: self._lease.granted_seconds + TURN_PATIENCE_SECONDS)
        self._follower = follower
        listener = FollowedListener(keeper, follower)
        self._session = CallSession(link, followed(providers, follower), script, listener, clock, timings)

    async def run(self) -> SessionEnd:
        """Hold the call to its end and settle it; a cancelled call is settled before the cancellation goes on."""
        end = SessionEnd(EndedReason.INTERNAL_ERROR, Fault.PLATFORM)
        try:
            end = await self._converse()
        except asyncio.CancelledError:
            end = SessionEnd(EndedReason.SERVER_SHUTDOWN, Fault.PLATFORM)
            raise
        except Exception:  # noqa: BLE001 - whatever it was, the call is over and must be settled
            _log.exception(CALL_BROKE, session_id=self._call.session_id)
        finally:
            await complete(self._conclude(end))
        return end

    def finish(self, text: str | None, reason: EndedReason, fault: Fault) -> None:
        """Say goodbye and hang up."""
        self._session.finish(text, reason, fault)

    def shut_down(self) -> None:
        """Say goodbye because the server is about to stop, and hang up."""
        self.finish(self._restarting, EndedReason.SERVER_SHUTDOWN, Fault.PLATFORM)

    def hang_up(self, reason: EndedReason, fault: Fault) -> None:
        """Hang up at once."""
        self._session.hang_up(reason, fault)

    async def _converse(self) -> SessionEnd:
        async with asyncio.TaskGroup() as group:
            attendants = [group.create_task(self._keep_beating()), group.create_task(self._watch_lease())]
            end = await self._session.run()
            for attendant in attendants:
                attendant.cancel()
        return end

    async def _keep_beating(self) -> None:
        """Ask for more seconds; where few were granted, at once, to know whether to warn."""
        limits = self._call.limits
        short = limits.beat_every_seconds + limits.notice_seconds > self._lease.granted_seconds
        due = 0.0 if short else float(limits.beat_every_seconds)
        while True:
            await asyncio.sleep(due - self._elapsed())
            renewed = await self._renew()
            heed_cancellation()
            if renewed:
                due += limits.beat_every_seconds
            else:
                due = self._elapsed() + BEAT_AGAIN_SECONDS

    async def _renew(self) -> bool:
        try:
            beat = await self._desk.beat(self._call, self._elapsed())
        except Exception as error:  # noqa: BLE001 - even after a mistake of ours the granted seconds are the caller's
            if not isinstance(error, UnavailableError):
                _log.exception(BEAT_FAILED, session_id=self._call.session_id)
            self._lease.cut_off = True
            return False
        if beat.ended:
            # Whoever ended it has said why; this reason is not kept.
            self._session.hang_up(EndedReason.LEASE_EXPIRED, Fault.PLATFORM)
        if beat.hang_up:
            self._session.hang_up(*OWNER_HANG_UP)
        self._lease.renewed(beat)
        return True

    async def _watch_lease(self) -> None:
        while True:
            match self._lease.due(self._elapsed()):
                case Step.WARN:
                    self._session.say(WARNING)
                case Step.SAY_GOODBYE:
                    self._session.finish(GOODBYE, *self._lease.end, self._lease.granted_seconds - self._elapsed())
                case Step.HANG_UP:
                    self._session.hang_up(*self._lease.end)
                    return
                case Step.NOTHING:
                    pass
            await asyncio.sleep(self._lease.next_look(self._elapsed()))

    async def _conclude(self, end: SessionEnd) -> None:
        # The caller is charged until the line was dead, not until the last words were transcribed and saved.
        elapsed_seconds = (self._session.ended_at or self._clock.monotonic()) - self._answered_at
        self._follower.call_ended(end)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS_MAX):
                await self._link.close()
        except Exception:  # noqa: BLE001 - a link that cannot be closed must not keep its call from being settled
            _log.exception(CALL_BROKE, session_id=self._call.session_id, where="close")
        try:
            await self._settle(end, elapsed_seconds)
        except Exception:  # noqa: BLE001 - the sweeper settles what cannot be settled here
            _log.exception(SETTLEMENT_LEFT, session_id=self._call.session_id)

    async def _settle(self, end: SessionEnd, elapsed_seconds: float) -> None:
        """Ask until it is done or the time is over; by the clock, as a driver may swallow a timeout's cancellation."""
        give_up_at = self._clock.monotonic() + CONCLUSION_SECONDS_MAX
        while True:
            try:
                await self._desk.end(self._call, reason=end.reason, fault=end.fault, elapsed_seconds=elapsed_seconds)
            except UnavailableError:
                if self._clock.monotonic() >= give_up_at:
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._answered_at
