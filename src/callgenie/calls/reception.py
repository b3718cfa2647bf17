"""Where every carrier's call is announced: the answer is always something that can be told to the caller."""

import asyncio
from typing import Final

import structlog

from callgenie.calls.desk import CallDesk
from callgenie.calls.live import LiveCalls
from callgenie.calls.models import Admitted, IncomingCall, Refused
from callgenie.calls.sentences import sentence_for
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.vocabulary import EndedReason

_log = structlog.get_logger(__name__)

RING_FAILED: Final = "call.ring_failed"
RING_TURNED_AWAY: Final = "call.ring_turned_away"

# Carriers wait 10 to 15 s, and callers hear it ring meanwhile; a failover of the database takes less than this.
RING_SECONDS_MAX: Final = 8.0

APOLOGY: Final = "I am sorry, we cannot take your call right now. Please try again in a few minutes. Goodbye."


async def receive(call: IncomingCall, desk: CallDesk, live: LiveCalls) -> Admitted | Refused:
    """Ask the desk whether the call may be answered; whatever goes wrong is a refusal with a sentence."""
    if live.is_draining:
        # Answered, the call would count, only to be told that we are about to stop.
        _log.info(RING_TURNED_AWAY, session_id=call.session_id)
        return Refused(EndedReason.SERVER_SHUTDOWN, sentence_for(EndedReason.SERVER_SHUTDOWN))
    try:
        async with asyncio.timeout(RING_SECONDS_MAX):
            return await desk.ring(call)
    except (UnavailableError, TimeoutError) as error:
        _log.warning(RING_FAILED, session_id=call.session_id, error=type(error).__name__)
    except Exception:  # noqa: BLE001 - after a mistake of ours too, callers hear a sentence, not the carrier's error
        _log.exception(RING_FAILED, session_id=call.session_id)
    return Refused(EndedReason.INTERNAL_ERROR, APOLOGY)
