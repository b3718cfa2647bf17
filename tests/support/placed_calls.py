"""Calls that a test has placed, and the carrier that carries them out."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from tests.support.switchboard import Switchboard, switchboard, tone
from tests.support.twilio_api import TwilioServer, twilio_server

from callgenie.calls.outbound import CallWish, OutboundCalls
from callgenie.telephony.simulator.carrier import Callee
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Action, AwaitHangUp, Listen, Play, rehearse
from callgenie.telephony.twilio.rest import TwilioApi

CUSTOMER = "+14155550142"
CAKE = "your order of a birthday cake"
WISH = CallWish(CUSTOMER, CAKE)
# Eleven in the morning where the customer is.
MORNING = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
TALK: tuple[Action, ...] = (Listen(), Play(tone(800)), AwaitHangUp())


@asynccontextmanager
async def outbound(
    mongodb_uri: str, *, now: datetime = MORNING, texts: Sequence[str] = ("goodbye",), **business: Any
) -> AsyncIterator[tuple[Switchboard, TwilioServer]]:
    """Serve an owner who can have calls placed, and the carrier's API."""
    async with twilio_server() as twilio, contextlib.AsyncExitStack() as stack:
        api = TwilioApi(twilio.account)
        stack.push_async_callback(api.close)
        board = switchboard(mongodb_uri, now=now, texts=texts, api=api, **business)
        yield await stack.enter_async_context(board), twilio


def calls_of(board: Switchboard) -> OutboundCalls:
    calls: OutboundCalls = board.services.outbound_calls
    return calls


async def carried_out(
    board: Switchboard,
    twilio: TwilioServer,
    outcome: str = "completed",
    *,
    actions: Sequence[Action] = TALK,
    rings_ms: int = 4_000,
    call_sid: str | None = None,
    faults: Faults = NO_FAULTS,
) -> CallReport:
    """Let the carrier carry out the last order that it got."""
    order, sid = twilio.order()
    callee = Callee(outcome, rings_ms, await rehearse(actions))
    return await board.carrier.place(order, call_sid or sid, callee, faults=faults)


async def recorded(board: Switchboard) -> dict[str, Any]:
    """Return the only conversation there is."""
    [conversation] = await board.office.db.conversations.find().to_list()
    return dict(conversation)
