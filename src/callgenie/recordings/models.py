"""A recording: what is known of it, from the first word until nothing of it is left."""

from dataclasses import dataclass
from datetime import datetime

from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import RecordingFault, RecordingState
from callgenie.recordings.keys import key_of


@dataclass(frozen=True, slots=True)
class CallRecording:
    """What a conversation says of its recording.

    Attributes:
        key: Under which the object store has it; None once it is deleted.
        seconds: Its length, rounded up; None until it is stored.
        fault: Why it does not hold the whole call, or is not there.
        remove_at: When it is removed.
    """

    state: RecordingState
    key: str | None = None
    seconds: int | None = None
    bytes: int | None = None
    fault: RecordingFault | None = None
    remove_at: datetime | None = None

    @property
    def is_playable(self) -> bool:
        """Whether there is something to be heard."""
        return self.state is RecordingState.STORED and self.key is not None


@dataclass(frozen=True, slots=True)
class Label:
    """Whose call a recording in the making is of, and what is to become of it.

    Attributes:
        fault: Why it ends before its call does.
    """

    user_id: UserId
    session_id: SessionId
    answered_at: datetime
    sample_rate: int
    keep_days: int
    fault: RecordingFault | None = None

    @property
    def key(self) -> str:
        """Under which the object store will have it."""
        return key_of(self.user_id, self.session_id, self.answered_at)
