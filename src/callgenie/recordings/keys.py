"""Under which keys recordings are kept: `userId/yyyy/mm/digest.wav`."""

import re
from datetime import UTC, datetime
from typing import Final

from callgenie.kernel.ids import SessionId, UserId, digest_key

_KEY: Final = re.compile(r"[0-9a-f]{24}/[0-9]{4}/[0-9]{2}/[0-9a-f]{32}\.wav")


def key_of(user_id: UserId, session_id: SessionId, answered_at: datetime) -> str:
    """Return the only key that a call's recording ever has, so that storing it twice is storing it once.

    Session ids come from outside and may hold anything; their digest may be a file's name.
    """
    month = answered_at.astimezone(UTC)
    return f"{user_id}/{month:%Y}/{month:%m}/{digest_key(session_id)}.wav"


def is_key(text: str) -> bool:
    """Tell whether it can be a recording's key; a store or a folder may hold other people's things too."""
    return _KEY.fullmatch(text) is not None


def owner_of(key: str) -> UserId:
    """Return whose recording it is."""
    return UserId(key.partition("/")[0])
