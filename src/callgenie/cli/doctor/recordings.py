"""Recordings: whether their store can be reached, and whether any wait for it."""

from collections.abc import AsyncIterator
from typing import Final

from callgenie.cli.doctor.models import Finding, bad, good, hint
from callgenie.cli.terminal import counted
from callgenie.kernel.errors import DomainError
from callgenie.recordings.spill import SPILL_FOLDER, SpillFolder
from callgenie.settings import Settings
from callgenie.wiring.recordings import build_object_store

_SUBJECT: Final = "recordings"

# Nothing is ever kept under this key; that the store says so is all that can be asked of it without a change.
_NOTHING: Final = "doctor"


async def check_recordings(settings: Settings) -> AsyncIterator[Finding]:
    """Look at the store of recordings, and at what waits on this machine."""
    store = build_object_store(settings)
    spill = SpillFolder(settings.data_dir.expanduser().absolute() / SPILL_FOLDER)
    waiting = spill.waiting()
    waiting_here = counted(waiting, "recording")
    for label in spill.unreadable():
        yield hint(_SUBJECT, f"{label} cannot be read and was put aside; keep or delete it and what lies beside it")
    try:
        await store.find(_NOTHING)
    except DomainError as refusal:
        yield bad(
            _SUBJECT,
            f"{refusal.detail} Check RECORDINGS_URL, the RECORDINGS_S3 settings and the firewall; "
            f"{waiting_here} waiting on this machine meanwhile",
        )
        return
    off = "; RECORDINGS=off: no call is recorded" if settings.recordings == "off" else ""
    if waiting:
        yield hint(_SUBJECT, f"{store.place} answers; {waiting_here} to be stored: start the server{off}")
    else:
        yield good(_SUBJECT, f"{store.place} answers, and none waits to be stored{off}")
