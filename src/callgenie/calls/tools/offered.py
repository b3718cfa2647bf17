"""Which tools a call has."""

from functools import partial

from callgenie.calls.desk import CallDesk
from callgenie.calls.models import AnsweredCall
from callgenie.calls.tools.hours import BusinessHours
from callgenie.calls.tools.messages import TakeMessage
from callgenie.calls.tools.transfers import TransferCall
from callgenie.kernel.clock import Clock
from callgenie.profiles.models import AfterHours
from callgenie.voice.ports import AudioLink
from callgenie.voice.tools import Tool


def tools_for(call: AnsweredCall, link: AudioLink, desk: CallDesk, clock: Clock) -> tuple[Tool, ...]:
    """Return what the assistant can do in a call, beside talking and hanging up."""
    business = call.profile.business
    tools: list[Tool] = [TakeMessage(partial(desk.keep_message, call), call.from_number)]
    if business.hours:
        tools.append(BusinessHours(business, clock))
    # Whose door is closed does not want the telephone to ring at home.
    is_staffed = not call.occasion.after_hours or business.after_hours is AfterHours.ANSWER
    # Who was handed on and met nobody is not sent round once more.
    may_be_handed_on = link.can_transfer and is_staffed and not call.occasion.is_rest
    if business.transfer_number is not None and may_be_handed_on:
        tools.append(TransferCall(partial(desk.request_transfer, call, business.transfer_number)))
    return tuple(tools)
