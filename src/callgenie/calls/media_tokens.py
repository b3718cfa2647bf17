"""The token that a media stream must show before it is joined to its call."""

import base64
import hashlib
import hmac
from typing import Final

from callgenie.kernel.ids import SessionId

# The stream that answers a call; those after it replace one that was lost.
FIRST_STREAM: Final = 1


class MediaTokens:
    """Makes and checks tokens of 256 bits.

    A token is computed from the call's id and the stream's number, so that a webhook sent twice gives the same one
    without keeping it. It opens the call once: the first to show it takes the call out of ringing, and a later stream
    must have a higher number than the one it replaces.
    """

    def __init__(self, secret: bytes) -> None:
        # The same secret signs other things; a key of its own keeps one from passing for another.
        self._key = hmac.digest(secret, b"callgenie media token v1", hashlib.sha256)

    def of(self, session_id: SessionId, stream: int = FIRST_STREAM) -> str:
        """Return the token for the call's stream of that number, safe in a URL and in XML."""
        name = session_id.encode("utf-8", "surrogatepass")
        if stream != FIRST_STREAM:
            # No id holds a line break.
            name += f"\n{stream}".encode("ascii")
        digest = hmac.digest(self._key, name, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    def opens(self, session_id: SessionId, token: str, stream: int = FIRST_STREAM) -> bool:
        """Tell, in constant time, whether the token is that of the call's stream."""
        mine = self.of(session_id, stream).encode("ascii")
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), mine)
