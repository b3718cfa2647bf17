"""The media streams of the calls that run in this process: the first answers a call, another replaces a lost one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from callgenie.calls.carrier_legs import CarrierLegs
from callgenie.calls.desk import CallDesk
from callgenie.calls.errors import CallNotWaitingError
from callgenie.calls.live import LiveCalls
from callgenie.calls.media_tokens import FIRST_STREAM, MediaTokens
from callgenie.calls.reconnecting_link import CarrierLink, ReconnectingLink
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import EndedReason

# A call whose every socket breaks is let go after this many; a healthy one needs one, and two on a bad day.
STREAMS_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class StreamClaim:
    """What a new stream says of itself: whose it is, the carrier's name of the call, its number and its token."""

    session_id: SessionId
    leg: str
    stream: int
    token: str


@dataclass(slots=True)
class _Held:
    link: ReconnectingLink
    stream: int


class MediaStreams:
    """Joins streams to their calls. A call has one stream at a time, and each token opens one."""

    def __init__(self, desk: CallDesk, live: LiveCalls, tokens: MediaTokens, legs: CarrierLegs) -> None:
        self._desk = desk
        self._live = live
        self._tokens = tokens
        self._legs = legs
        self._held: dict[SessionId, _Held] = {}

    async def hold(self, claim: StreamClaim, accept: Callable[[], CarrierLink]) -> None:
        """Hold the call over this stream; returns when the call is over. `accept` makes the link, once it is wanted.

        Raises:
            CallNotWaitingError: The token is not this stream's or was used, or the call does not run here any more.
            UnavailableError: The database is away, and the call was not answered.
        """
        if claim.stream == FIRST_STREAM:
            await self._answer(claim, accept)
        else:
            await self._replace(claim, accept)

    def token_of(self, session_id: SessionId, stream: int) -> str:
        """Return what the stream must show."""
        return self._tokens.of(session_id, stream)

    def holds(self, session_id: SessionId) -> bool:
        """Tell whether the call runs here."""
        return session_id in self._held

    def can_go_on(self, session_id: SessionId) -> bool:
        """Tell whether the call runs here and is not about to end, so that another stream would be of use."""
        held = self._held.get(session_id)
        return held is not None and held.link.can_be_replaced

    def call_is_over(self, session_id: SessionId) -> None:
        """Take the carrier's word that a call is over: one that waits for another stream waits in vain."""
        held = self._held.get(session_id)
        if held is not None:
            held.link.give_up()

    async def _answer(self, claim: StreamClaim, accept: Callable[[], CarrierLink]) -> None:
        session_id = claim.session_id
        call = await self._desk.answer(session_id, claim.token)
        held = _Held(ReconnectingLink(accept()), FIRST_STREAM)
        self._held[session_id] = held
        try:
            end = await self._live.run(call, held.link)
        finally:
            del self._held[session_id]
        if end.reason is EndedReason.CARRIER_STREAM_LOST:
            # No socket says goodbye to the carrier, which may keep its caller in silence for as long as it likes.
            await self._legs.end(claim.leg)

    async def _replace(self, claim: StreamClaim, accept: Callable[[], CarrierLink]) -> None:
        held = self._held.get(claim.session_id)
        if not self._tokens.opens(claim.session_id, claim.token, claim.stream):
            raise CallNotWaitingError
        if held is None or claim.stream <= held.stream or not held.link.can_be_replaced:
            raise CallNotWaitingError
        held.stream = claim.stream
        await held.link.replace(accept())
