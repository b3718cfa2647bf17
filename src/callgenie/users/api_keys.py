"""API keys: what a machine signs in with, for a few things only."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from callgenie.kernel.errors import ConflictError, FieldFault, InvalidError, NotAllowedError, NotFoundError
from callgenie.kernel.ids import Randomness, UserId
from callgenie.kernel.vocabulary import UserStatus
from callgenie.users.api_key_models import ApiKey, ApiScope, KeyHolder
from callgenie.users.api_key_store import ApiKeyStore
from callgenie.users.errors import InvalidAccessTokenError

PREFIX: Final = "cg_"
# One for each machine, and some to replace them with; more would be a way around the limits that each key has.
KEYS_MAX: Final = 20
NAME_CHARS_MAX: Final = 100

_ID_BYTES: Final = 12
_SECRET_BYTES: Final = 32
_TAG_BYTES: Final = 16
_HINT_CHARS: Final = 4


class ScopeMissingError(NotAllowedError):
    """The key is good, and not for this."""

    code = "scope_missing"

    def __init__(self, scope: ApiScope | None) -> None:
        super().__init__(
            "This cannot be done with an API key. Sign in with e-mail address and password."
            if scope is None
            else f"This API key does not have the scope {scope}. Make one that has it."
        )


class ApiKeyNotFoundError(NotFoundError):
    """There is no such key, or it is somebody else's."""

    code = "api_key_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such API key.")


class TooManyApiKeysError(ConflictError):
    """The user has as many keys as anybody can have."""

    code = "too_many_api_keys"

    def __init__(self) -> None:
        super().__init__(f"You have {KEYS_MAX} API keys, which is as many as there can be. Delete one first.")


class InvalidApiKeyNameError(InvalidError):
    """The key's name is empty or too long."""

    code = "invalid_api_key_name"

    def __init__(self) -> None:
        message = f"must have 1 to {NAME_CHARS_MAX} characters"
        super().__init__("This is no name for an API key.", faults=[FieldFault("name", message)])


class ApiKeys:
    """Makes keys, lists and deletes them, and knows whose one is.

    A key holds its id, 256 bits, and a tag by which we know our own without asking the database.
    """

    def __init__(self, store: ApiKeyStore, secret: str, randomness: Randomness) -> None:
        self._store = store
        self._tag_key = hmac.digest(secret.encode(), b"callgenie api key v1", hashlib.sha256)
        self._randomness = randomness

    async def create(self, user_id: UserId, name: str, scopes: Sequence[ApiScope]) -> tuple[ApiKey, str]:
        """Make a key; its text is returned here and never again.

        Raises:
            InvalidApiKeyNameError: The name is empty or too long.
            TooManyApiKeysError: The user has 20 already.
        """
        if not name.strip() or len(name) > NAME_CHARS_MAX:
            raise InvalidApiKeyNameError
        payload = self._randomness.token_bytes(_ID_BYTES + _SECRET_BYTES)
        text = self._text(payload)
        key = await self._store.insert(
            user_id,
            payload[:_ID_BYTES].hex(),
            name=name,
            key_hash=_hash(payload),
            hint=text[-_HINT_CHARS:],
            scopes=[scope for scope in ApiScope if scope in scopes],
            keys_max=KEYS_MAX,
        )
        if key is None:
            raise TooManyApiKeysError
        return key, text

    async def list(self, user_id: UserId) -> Sequence[ApiKey]:
        """Return the user's keys, newest first."""
        return await self._store.of_user(user_id)

    async def delete(self, user_id: UserId, key_id: str) -> None:
        """Delete a key; it is dead from here on.

        Raises:
            ApiKeyNotFoundError: The user has no such key.
        """
        if not await self._store.delete(user_id, key_id):
            raise ApiKeyNotFoundError

    def id_in(self, text: str) -> str | None:
        """Return the id in a key that we made, whether or not it still exists; None for any other text."""
        payload = self._payload(text)
        return None if payload is None else payload[:_ID_BYTES].hex()

    async def authenticate(self, text: str) -> KeyHolder:
        """Tell whose key it is, in one question to the database.

        Raises:
            InvalidAccessTokenError: Nobody's, or not any more.
        """
        payload = self._payload(text)
        if payload is None:
            raise InvalidAccessTokenError
        holder = await self._store.find_holder(payload[:_ID_BYTES].hex(), _hash(payload))
        if holder is None or holder.user.status is not UserStatus.ACTIVE:
            raise InvalidAccessTokenError
        return holder

    def _text(self, payload: bytes) -> str:
        tag = hmac.digest(self._tag_key, payload, hashlib.sha256)[:_TAG_BYTES]
        # 60 bytes: base64 needs no padding.
        return PREFIX + base64.b64encode(payload + tag, altchars=b"-_").decode("ascii")

    def _payload(self, text: str) -> bytes | None:
        try:
            data = base64.b64decode(text.removeprefix(PREFIX).encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        payload = data[: _ID_BYTES + _SECRET_BYTES]
        is_ours = hmac.compare_digest(self._text(payload).encode(), text.encode())
        return payload if is_ours and len(payload) == _ID_BYTES + _SECRET_BYTES else None


def _hash(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
