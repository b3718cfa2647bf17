"""What the API takes and shows around confirming addresses, passwords and sessions."""

from datetime import datetime
from typing import Self

from pydantic import Field, SecretStr

from callgenie.http.bodies import ApiModel, ApiView
from callgenie.users.session_store import ListedSession

# Ours have 43 characters; what is longer is none of ours and not worth hashing.
_TOKEN_CHARS_MAX = 256


class TokenBody(ApiModel):
    """A token out of a mail."""

    token: str = Field(max_length=_TOKEN_CHARS_MAX)


class EmailBody(ApiModel):
    """An address that mail is wanted at."""

    email: str = Field(examples=["owner@example.com"])


class ResetBody(ApiModel):
    """A token out of a mail, and the password that is to be the new one."""

    token: str = Field(max_length=_TOKEN_CHARS_MAX)
    password: SecretStr = Field(description="8 to 200 characters of any kind.")


class ChangePasswordBody(ApiModel):
    """The password as it is and as it shall be."""

    current_password: SecretStr
    new_password: SecretStr = Field(description="8 to 200 characters of any kind.")


class AcceptedView(ApiView):
    """What was asked for is on its way, or there was nothing to do; the two are told alike."""


class ListedSessionView(ApiView):
    """A login of the signed-in user."""

    id: str
    created_at: datetime
    renewed_at: datetime | None = Field(description="When its tokens were last renewed; null for its first ones.")
    expires_at: datetime
    current: bool = Field(description="Whether it is the one that asks.")

    @classmethod
    def of(cls, session: ListedSession) -> Self:
        """Show a session."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            renewed_at=session.renewed_at,
            expires_at=session.expires_at,
            current=session.current,
        )
