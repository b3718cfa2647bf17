"""What an account is."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import UserRole, UserStatus


@dataclass(frozen=True, slots=True)
class User:
    """An account holder, and the unit of isolation. `email` is the canonical one."""

    id: UserId
    email: str
    name: str
    phone: str | None
    role: UserRole
    status: UserStatus
    email_verified: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a password is checked against. Sessions opened under an older `auth_epoch` are over."""

    user: User
    password_hash: str
    auth_epoch: int


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account to be created; everything in it was checked."""

    email: str
    password_hash: str
    name: str
    phone: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is asking, and in which session."""

    user: User
    session_id: str


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """What a signed-in client keeps. `expires_in` is the access token's life in seconds."""

    user: User
    access_token: str
    expires_in: int
    refresh_token: str


class ContactChanges(TypedDict, total=False):
    """New values for what the user may change of themselves; what is left out stays. A phone of None is none."""

    name: str
    phone: str | None
