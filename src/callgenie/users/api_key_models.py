"""What an API key is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callgenie.users.models import User


class ApiScope(StrEnum):
    """What a key may be used for."""

    CONVERSATIONS_WRITE = "conversations:write"
    CONVERSATIONS_READ = "conversations:read"
    USAGE_READ = "usage:read"
    CALLS_WEB = "calls:web"
    CALLS_WRITE = "calls:write"
    ASSISTANT_ASK = "assistant:ask"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed. `hint` is how it ends."""

    id: str
    name: str
    hint: str
    scopes: tuple[ApiScope, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Which machine is asking, and for whom."""

    user: User
    key_id: str
    scopes: frozenset[ApiScope]
