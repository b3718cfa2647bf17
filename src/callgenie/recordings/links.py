"""Links to recordings that work for a while, for whoever holds them: a player sends no token of ours."""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlencode

from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import SessionId, UserId
from callgenie.recordings.errors import RecordingLinkInvalidError
from callgenie.recordings.models import CallRecording

RECORDINGS_PATH: Final = "/api/recordings"


class RecordingLinks:
    """Makes links and checks them. A link names a user, a call and its last moment, and is signed over all three."""

    def __init__(self, secret: bytes, clock: Clock, *, origin: str, lifetime: timedelta) -> None:
        # The same secret signs other things; a key of its own keeps one from passing for another.
        self._key = hmac.digest(secret, b"callgenie recording link v1", hashlib.sha256)
        self._clock = clock
        self._origin = origin
        self._lifetime = lifetime

    def link_to(self, user_id: UserId, session_id: SessionId) -> str:
        """Return the address of a call's recording."""
        expires = int((self._clock.now() + self._lifetime).timestamp())
        query = urlencode({"expires": expires, "signature": self._signature(user_id, session_id, expires)})
        # A session id may hold anything, slashes too.
        return f"{self._origin}{RECORDINGS_PATH}/{user_id}/{quote(session_id, safe='')}?{query}"

    def offer(self, user_id: UserId, session_id: SessionId, recording: CallRecording) -> str | None:
        """Return a link where there is something to be heard, or None."""
        return self.link_to(user_id, session_id) if recording.is_playable else None

    def check(self, user_id: UserId, session_id: SessionId, *, expires: int, signature: str) -> None:
        """Return if the link was made by us and its time is not over.

        Raises:
            RecordingLinkInvalidError: It was not, or it is; the two are not told apart.
        """
        right = self._signature(user_id, session_id, expires).encode()
        is_ours = hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), right)
        if not is_ours or expires <= self._clock.now().timestamp():
            raise RecordingLinkInvalidError

    def _signature(self, user_id: UserId, session_id: SessionId, expires: int) -> str:
        # The two first have no line breaks, so that no part can grow into the next.
        signed = f"{expires}\n{user_id}\n{session_id}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, signed, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
