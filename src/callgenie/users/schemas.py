"""Accounts and logins, as the API shows them."""

from datetime import datetime
from typing import Literal

from pydantic import Field, SecretStr

from callgenie.http.bodies import ApiModel, ApiView
from callgenie.kernel.vocabulary import UserRole, UserStatus
from callgenie.users.models import SessionTokens, User


class LoginBody(ApiModel):
    """What a login needs."""

    email: str = Field(examples=["owner@example.com"])
    password: SecretStr


class RefreshBody(ApiModel):
    """What a refresh needs."""

    refresh_token: str


class UserView(ApiView):
    """An account holder."""

    id: str
    email: str
    name: str
    phone: str | None
    role: UserRole
    status: UserStatus
    email_verified: bool
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> "UserView":
        """Return what the API shows of a user."""
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            phone=user.phone,
            role=user.role,
            status=user.status,
            email_verified=user.email_verified,
            created_at=user.created_at,
        )


class SessionView(ApiView):
    """A login."""

    user: UserView
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name, RFC 6750
    expires_in: int = Field(description="Seconds until the access token must be renewed.")
    refresh_token: str

    @classmethod
    def of(cls, tokens: SessionTokens) -> "SessionView":
        """Return what a signed-in client keeps."""
        return cls(
            user=UserView.of(tokens.user),
            access_token=tokens.access_token,
            expires_in=tokens.expires_in,
            refresh_token=tokens.refresh_token,
        )
