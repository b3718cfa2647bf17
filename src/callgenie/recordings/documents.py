"""What a conversation says of its recording as MongoDB keeps it: the field `recording`, in camelCase, and back."""

from collections.abc import Mapping
from typing import Any

from callgenie.kernel.vocabulary import RecordingFault, RecordingState
from callgenie.recordings.models import CallRecording


def recording_of(document: Mapping[str, Any] | None) -> CallRecording | None:
    """Return the recording that the field describes; None when the call was not recorded."""
    if document is None:
        return None
    get = document.get
    return CallRecording(
        state=RecordingState(document["state"]),
        key=get("key"),
        seconds=get("seconds"),
        bytes=get("bytes"),
        fault=None if get("fault") is None else RecordingFault(document["fault"]),
        remove_at=get("removeAt"),
    )


def left_of_recording() -> Any:
    """Return the expression for what a conversation keeps of its recording when its owner deletes it.

    The key, and that its time has come: in the write that deletes the conversation, so that no crash can leave sound
    behind that nothing names. Where there is no sound, nothing is kept.
    """
    gone = {"state": RecordingState.DELETED.value, "key": "$recording.key", "removeAt": "$$NOW"}
    return {"$cond": [{"$eq": [{"$type": "$recording.key"}, "string"]}, gone, "$$REMOVE"]}
