"""What becomes of a call whose media stream has ended while its caller is still there."""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import structlog

from callgenie.calls.media_streams import STREAMS_MAX, MediaStreams
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Conversation
from callgenie.conversations.transfer_store import TransferStore
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import CallStatus

_log = structlog.get_logger(__name__)

STREAM_OFFERED: Final = "carrier.stream_offered"
TRANSFER_DIALLED: Final = "call.transfer_dialled"

# The process that ends a call closes its stream first and writes the end down right after. Whoever asks in between, in
# another process, looks again after this; it is well within the grace that a lost stream is given.
LOOK_AGAIN_SECONDS: Final = 0.5

_GOES_ON: Final = frozenset({CallStatus.IN_PROGRESS, CallStatus.WRAPPING_UP})


@dataclass(frozen=True, slots=True)
class NextStream:
    """The call goes on over another stream."""

    stream: int
    token: str


@dataclass(frozen=True, slots=True)
class PutThrough:
    """The caller is put through to somebody; `caller_id` is what they see, None for the caller's own number."""

    to: str
    caller_id: str | None


class NoStream(Enum):
    """There is no other stream."""

    OVER = auto()
    """The call has come to its end."""
    GIVEN_UP = auto()
    """It has not, and the caller cannot be reached: no stream was ever answered, or none of many."""


class AfterStream:
    """Tells an end of ours from a socket that broke, also for calls that run in another process."""

    def __init__(self, calls: LiveCallStore, transfers: TransferStore, streams: MediaStreams) -> None:
        self._calls = calls
        self._transfers = transfers
        self._streams = streams

    async def next_step(self, session_id: SessionId, ended: int) -> NextStream | PutThrough | NoStream:
        """Return what comes after the call's stream number `ended`; the same question gets the same answer.

        Raises:
            UnavailableError: The database is away, and the call does not run here.
        """
        if self._streams.can_go_on(session_id):
            return self._next_stream(session_id, ended)
        call = await self._calls.find_call_of_any_user(session_id)
        transfer = None if call is None else await self._transfers.dial(call.user_id, session_id)
        if transfer is not None:
            _log.info(TRANSFER_DIALLED, session_id=session_id)
            return PutThrough(transfer.to, transfer.caller_id)
        if _goes_on(call) and not self._streams.holds(session_id):
            # It runs in another process, or its process is gone. Where the next socket leads is not ours to say: a
            # process that does not hold the call refuses it, and the carrier comes back here.
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            call = await self._calls.find_call_of_any_user(session_id)
            if _goes_on(call):
                return self._next_stream(session_id, ended)
        if call is not None and call.status is CallStatus.RINGING:
            return NoStream.GIVEN_UP
        return NoStream.OVER

    def _next_stream(self, session_id: SessionId, ended: int) -> NextStream | NoStream:
        stream = ended + 1
        if stream > STREAMS_MAX:
            return NoStream.GIVEN_UP
        _log.info(STREAM_OFFERED, session_id=session_id, stream=stream)
        return NextStream(stream, self._streams.token_of(session_id, stream))


def _goes_on(call: Conversation | None) -> bool:
    return call is not None and call.status in _GOES_ON
