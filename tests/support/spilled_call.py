"""A call that is over, and a recording of it on the local disk."""

from typing import Any

from tests.support.metering import Office
from tests.support.recording_studio import Studio

from callgenie.calls.models import AnsweredCall
from callgenie.kernel.vocabulary import EndedReason, Fault, PlanName, RecordingFault
from callgenie.recordings.models import Label

RATE = 8_000
SOUND = bytes([0, 16]) * RATE


async def ended_call(office: Office, session_id: str = "CA1") -> AnsweredCall:
    if not office.customers.profiles.profiles:
        await office.owner(PlanName.PREMIUM)
    call = await office.answered(session_id)
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=5)
    return call


def spilled(desk: Studio, call: AnsweredCall, *, seconds: int = 5, fault: RecordingFault | None = None) -> Label:
    """Leave a recording on the disk, as a call that is over does."""
    label = Label(call.user_id, call.session_id, call.answered_at, RATE, 30)
    writer = desk.spill.begin(label)
    for _ in range(seconds):
        writer.write(SOUND, b"")
    writer.close(fault)
    return label


async def recording_of(office: Office, session_id: str = "CA1") -> dict[str, Any]:
    recording: dict[str, Any] = (await office.conversation(session_id)).get("recording") or {}
    return recording
