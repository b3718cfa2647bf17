"""The token that a media stream must show before it is joined to its call."""

import base64
import hashlib
import hmac

from callgenie.kernel.ids import SessionId


class MediaTokens:
    """Makes and checks tokens of 256 bits.

    A token is computed from the call's id, so that a webhook sent twice gives the same one without keeping it. It
    opens the call once: the first to show it takes the call out of ringing.
    """

    def __init__(self, secret: bytes) -> None:
        # The same secret signs other things; a key of its own keeps one from passing for another.
        self._key = hmac.digest(secret, b"callgenie media token v1", hashlib.sha256)

    def of(self, session_id: SessionId) -> str:
        """Return the call's token, safe in a URL and in XML."""
        digest = hmac.digest(self._key, session_id.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    def opens(self, session_id: SessionId, token: str) -> bool:
        """Tell, in constant time, whether the token is the call's."""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self.of(session_id).encode("ascii"))
