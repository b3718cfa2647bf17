"""One-time tokens: what a link in a mail proves, once.

A token is computed from the id of the mail that it goes out in, under a key that is not in the database. So it need
not be kept to send the mail again, and whoever reads the database learns neither the token nor how to make one.
"""

import base64
import hashlib
import hmac
from enum import StrEnum


class Purpose(StrEnum):
    """What a token is good for; for nothing else."""

    VERIFY = "verify"
    RESET = "reset"


class OneTimeTokens:
    """Makes tokens. Only their hashes are kept."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode("utf-8"), b"callgenie one-time token v1", hashlib.sha256)

    def for_mail(self, purpose: Purpose, mail_id: str) -> str:
        """Return the token of a mail: 256 bits, the same each time the mail is written."""
        tag = hmac.digest(self._key, f"{purpose}\0{mail_id}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(tag).rstrip(b"=").decode("ascii")


def hash_of(token: str) -> str:
    """Return what is kept of a token, or of whatever else somebody sends as one."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
