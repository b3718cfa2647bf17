"""Which tools a call has."""

from callgenie.calls.desk import CallDesk
from callgenie.calls.models import AnsweredCall
from callgenie.calls.tools.hours import BusinessHours
from callgenie.calls.tools.messages import TakeMessage
from callgenie.kernel.clock import Clock
from callgenie.voice.tools import Tool


def tools_for(call: AnsweredCall, desk: CallDesk, clock: Clock) -> tuple[Tool, ...]:
    """Return what the assistant can do in a call, beside talking and hanging up."""
    business = call.profile.business
    tools: list[Tool] = [TakeMessage(desk, call)]
    if business.hours:
        tools.append(BusinessHours(business, clock))
    return tuple(tools)
