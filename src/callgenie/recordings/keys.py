"""Under which keys recordings are kept: `userId/yyyy/mm/digest.wav`."""

from datetime import UTC, datetime

from callgenie.kernel.ids import SessionId, UserId, digest_key


def key_of(user_id: UserId, session_id: SessionId, answered_at: datetime) -> str:
    """Return the only key that a call's recording ever has, so that storing it twice is storing it once.

    Session ids come from outside and may hold anything; their digest may be a file's name.
    """
    month = answered_at.astimezone(UTC)
    return f"{user_id}/{month:%Y}/{month:%m}/{digest_key(session_id)}.wav"


def owner_of(key: str) -> UserId:
    """Return whose recording it is."""
    return UserId(key.partition("/")[0])
