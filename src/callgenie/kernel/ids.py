"""Identifiers, and the randomness that secrets are made of."""

import hashlib
import secrets
from typing import NewType, Protocol

UserId = NewType("UserId", str)
"""A user's id: 24 hexadecimal digits, as MongoDB's ObjectId prints itself."""

SessionId = NewType("SessionId", str)
"""A call's id as its carrier or another voice engine gave it; it may hold any character."""


class Randomness(Protocol):
    """Where unguessable bytes come from."""

    def token_bytes(self, size: int) -> bytes:
        """Return `size` unguessable bytes."""
        ...


class SystemRandomness:
    """The operating system's generator."""

    def token_bytes(self, size: int) -> bytes:
        """Return `size` unguessable bytes."""
        return secrets.token_bytes(size)


def digest_key(text: str) -> str:
    """Return 32 hexadecimal digits that stand for `text` where dots and dollars may not.

    MongoDB reads a dot in a field's name as a path and a dollar as an operator, and session ids come from outside.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
