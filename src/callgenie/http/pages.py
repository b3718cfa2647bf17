"""Pages of a list: a cursor that only we can make, and that fits only the list it was made for."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Generic, Self, TypeVar

from pydantic import Field

from callgenie.http.bodies import ApiView
from callgenie.kernel.errors import MalformedError

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
# A position is a time and an id; this is several times as much.
CURSOR_CHARS_MAX: Final = 512
# 128 bits: nobody finds a tag by trying.
_TAG_BYTES: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

PageLimit = Annotated[int, Field(ge=1, le=LIMIT_MAX, description="How many to return at most.")]
PageCursor = Annotated[str, Field(description="`nextCursor` of the page before.")]

ItemT = TypeVar("ItemT")
ShownT = TypeVar("ShownT")
Position = Sequence[str | int]


class InvalidCursorError(MalformedError):
    """The cursor is not one of ours, or belongs to a list with other filters."""

    code = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("The cursor does not fit this list. Start again without one.")


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """Some items of a list, and where the next ones start, if there are any."""

    items: Sequence[ItemT]
    next_cursor: str | None = None


class PageView(ApiView, Generic[ItemT]):
    """A page, as the API shows it."""

    data: list[ItemT]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[ShownT], show: Callable[[ShownT], ItemT]) -> Self:
        """Show a page, each item as `show` does."""
        return cls(
            data=[show(item) for item in page.items],
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )


def position_at(moment: datetime, item_id: str) -> Position:
    """Return the position behind an item of a list that goes by time, and by id within one millisecond."""
    return [(moment - _EPOCH) // _MILLISECOND, item_id]


def moment_and_id(position: Position) -> tuple[datetime, str]:
    """Return what `position_at` was made of."""
    milliseconds, item_id = position
    return _EPOCH + int(milliseconds) * _MILLISECOND, str(item_id)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


class CursorSigner:
    """Seals the position in a list, bound to the list's filters; whose list it is belongs to the filters too."""

    def __init__(self, secret: str | bytes) -> None:
        material = secret.encode() if isinstance(secret, str) else secret
        # The same secret signs other things; a key of its own keeps one from passing for another.
        self._key = hmac.digest(material, b"callgenie cursor v1", hashlib.sha256)

    def seal(self, position: Position, filters: Mapping[str, object]) -> str:
        """Return a cursor for what comes after `position`."""
        payload = json.dumps(list(position), separators=(",", ":")).encode()
        return f"{_encode(payload)}.{_encode(self._tag(payload, filters))}"

    def open(self, cursor: str, filters: Mapping[str, object]) -> list[str | int]:
        """Return the position that was sealed with the same filters.

        Raises:
            InvalidCursorError: We did not make it, or not for these filters.
        """
        payload_text, _, tag_text = cursor[: CURSOR_CHARS_MAX + 1].partition(".")
        try:
            payload, tag = _decode(payload_text), _decode(tag_text)
        except (binascii.Error, ValueError) as error:
            raise InvalidCursorError from error
        # Base64 has several spellings for some bytes; only the one that we write counts.
        canonical = f"{_encode(payload)}.{_encode(tag)}" == cursor
        if not canonical or not hmac.compare_digest(tag, self._tag(payload, filters)):
            raise InvalidCursorError
        position: list[str | int] = json.loads(payload)
        return position

    def _tag(self, payload: bytes, filters: Mapping[str, object]) -> bytes:
        fingerprint = hashlib.sha256(json.dumps(filters, sort_keys=True, default=str).encode()).digest()
        return hmac.digest(self._key, fingerprint + payload, hashlib.sha256)[:_TAG_BYTES]
