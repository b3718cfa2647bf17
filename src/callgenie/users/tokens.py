"""Tokens: a signed one that is shown with every request, and an opaque one that gets the next of both.

Access tokens are JWTs (RFC 7519) and the words in them are its registered claims. Refresh tokens hold the session's
id, 256 bits, and a tag by which we know our own without asking the database.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import jwt
from jwt.types import Options

from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import Randomness, UserId
from callgenie.users.errors import InvalidAccessTokenError, InvalidRefreshTokenError

ACCESS_LIFE: Final = timedelta(minutes=15)

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "callgenie"
_AUDIENCE: Final = "callgenie-api"
_TYPE: Final = "access"
_HEADER_TYPE: Final = "JWT"
_TEXT_CLAIMS: Final = ("sub", "sid", "jti")
_ID: Final = re.compile("[0-9a-f]{24}")
_TIME_CLAIMS: Final = ("exp", "iat", "nbf")
# Another process of ours may have made the token a moment "later", by a clock a little ahead.
_CLOCK_SKEW_SECONDS: Final = 5
# Ours have about 450 characters; a longer text is not even decoded.
_ACCESS_CHARS_MAX: Final = 2_048
# About 8 MB; with more clients than this at once, the least recent is read anew.
_VERIFIED_MAX: Final = 4_096
_JTI_BYTES: Final = 16

_SECRET_BYTES: Final = 32
_TAG_BYTES: Final = 16
_SESSION_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says."""

    user_id: UserId
    session_id: str


class AccessTokens:
    """Makes and reads access tokens. The first secret signs, the others are those it replaced and still read."""

    def __init__(self, secrets: Sequence[str], clock: Clock, randomness: Randomness) -> None:
        self._keys = {_key_id(secret): secret.encode("utf-8") for secret in secrets}
        self._signing_key_id = _key_id(secrets[0])
        self._clock = clock
        self._randomness = randomness
        # A client sends the same token for 15 minutes, and reading it takes a third as long as asking the database.
        # What is kept is only that we signed it: times are checked each time, and a refusal is never kept.
        self._verified = lru_cache(maxsize=_VERIFIED_MAX)(self._claims)
        # The times are checked by our own clock below; the library would ask the machine's.
        self._options: Options = {
            "require": [*_TEXT_CLAIMS, *_TIME_CLAIMS, "iss", "aud", "typ"],
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        }

    def issue(self, user_id: UserId, session_id: str) -> str:
        """Return a token that is good for 15 minutes, or until its session ends."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "typ": _TYPE,
            "jti": self._randomness.token_bytes(_JTI_BYTES).hex(),
            "iat": now,
            "nbf": now,
            "exp": now + int(ACCESS_LIFE.total_seconds()),
        }
        headers = {"kid": self._signing_key_id}
        return jwt.encode(claims, self._keys[self._signing_key_id], algorithm=_ALGORITHM, headers=headers)

    def read(self, token: str) -> AccessClaims:
        """Return what a token says, if it is ours and its time is now.

        Raises:
            InvalidAccessTokenError: Anything else, told all alike.
        """
        try:
            claims = self._verified(token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise InvalidAccessTokenError from error
        if not self._acceptable(claims):
            raise InvalidAccessTokenError
        return AccessClaims(UserId(claims["sub"]), claims["sid"])

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > _ACCESS_CHARS_MAX:
            raise InvalidAccessTokenError
        header = jwt.get_unverified_header(token)
        # `crit` would ask us to understand something that no token of ours ever holds (RFC 7515, 4.1.11).
        if header.get("typ") != _HEADER_TYPE or header.keys() - {"alg", "typ", "kid"}:
            raise InvalidAccessTokenError
        return jwt.decode(
            token,
            self._keys[header["kid"]],
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            options=self._options,
        )

    def _acceptable(self, claims: Mapping[str, Any]) -> bool:
        if claims["typ"] != _TYPE or not all(isinstance(claims[name], str) for name in _TEXT_CLAIMS):
            return False
        if not (_ID.fullmatch(claims["sub"]) and _ID.fullmatch(claims["sid"])):
            return False
        if not all(type(claims[name]) is int for name in _TIME_CLAIMS):
            return False
        now = self._clock.now().timestamp()
        begun = max(claims["iat"], claims["nbf"]) <= now + _CLOCK_SKEW_SECONDS
        return begun and now < int(claims["exp"])


def _key_id(secret: str) -> str:
    return hmac.digest(secret.encode("utf-8"), b"callgenie key id", hashlib.sha256).hex()[:8]


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of ours. Only `hash` is kept."""

    text: str
    session_id: str
    secret: bytes

    @property
    def hash(self) -> str:
        """Return what the session keeps of the token."""
        return hashlib.sha256(self.secret).hexdigest()


class RefreshTokens:
    """Makes refresh tokens, each the only possible child of the one before.

    A child is computed from its parent, so a client whose answer got lost can be given the same child again although
    only its hash was kept.
    """

    def __init__(self, secret: str, randomness: Randomness) -> None:
        self._key = hmac.digest(secret.encode("utf-8"), b"callgenie refresh token v1", hashlib.sha256)
        self._randomness = randomness

    def first(self, session_id: str) -> RefreshToken:
        """Return a new session's token."""
        return self._token(session_id, self._randomness.token_bytes(_SECRET_BYTES))

    def child(self, parent: RefreshToken) -> RefreshToken:
        """Return the token that follows; for one parent always the same."""
        return self._token(parent.session_id, hmac.digest(self._key, b"child" + parent.secret, hashlib.sha256))

    def read(self, text: str) -> RefreshToken:
        """Return the token that a client sent, if we made it; whether it is still good is known to its session only.

        Raises:
            InvalidRefreshTokenError: We did not make it.
        """
        try:
            data = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidRefreshTokenError from error
        session_id = data[:_SESSION_BYTES].hex()
        token = self._token(session_id, data[_SESSION_BYTES : _SESSION_BYTES + _SECRET_BYTES])
        if not hmac.compare_digest(token.text.encode("ascii"), text.encode("ascii")):
            raise InvalidRefreshTokenError
        return token

    def _token(self, session_id: str, secret: bytes) -> RefreshToken:
        payload = bytes.fromhex(session_id) + secret
        tag = hmac.digest(self._key, b"tag" + payload, hashlib.sha256)[:_TAG_BYTES]
        # 60 bytes: base64 needs no padding.
        return RefreshToken(base64.b64encode(payload + tag, altchars=b"-_").decode("ascii"), session_id, secret)
