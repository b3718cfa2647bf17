"""The same call over each carrier: who dials, and in what quality it is held."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from tests.support.switchboard import Switchboard
from websockets.asyncio.client import connect

from callgenie.kernel.errors import ConflictError
from callgenie.telephony.simulator.browser import BrowserDialect
from callgenie.telephony.simulator.carrier import Dialling
from callgenie.telephony.simulator.report import CallReport, Ending
from callgenie.telephony.simulator.stream import MediaCall
from callgenie.telephony.twilio.twiml import Say


@dataclass(frozen=True)
class AnyCarrier:
    """A carrier; `rate` is that of the call's audio in here, and `call` has somebody call over it."""

    name: str
    rate: int
    call: Callable[[Switchboard, Dialling], Awaitable[CallReport]]

    def __str__(self) -> str:
        return self.name


async def _by_twilio(board: Switchboard, dialling: Dialling) -> CallReport:
    return await board.call(dialling)


async def _by_exotel(board: Switchboard, dialling: Dialling) -> CallReport:
    return await board.call(dialling, board.exotel)


async def _by_page(board: Switchboard, dialling: Dialling) -> CallReport:
    """Get a ticket and open the socket; who gets none is shown why."""
    report = CallReport(session_id="", webhook_statuses=(), webhook_ms=0.0, ended_by=Ending.CARRIER)
    try:
        ticket = await board.services.web_calls.ring(board.owner, None)
    except ConflictError as refusal:
        return replace(report, verbs=(Say(str(refusal)),))
    socket = await connect(ticket.url, proxy=None, max_queue=None)
    call = MediaCall(dialling.steps, faults=dialling.faults)
    ending = await call.run(socket, BrowserDialect(), {})
    await board.live.settled(ticket.session_id)
    return replace(report, session_id=ticket.session_id, stream=call.report(ending), ended_by=ending)


EVERY_CARRIER: Final = (
    AnyCarrier("twilio", 8_000, _by_twilio),
    AnyCarrier("exotel", 8_000, _by_exotel),
    AnyCarrier("browser", 16_000, _by_page),
)
