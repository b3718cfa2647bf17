"""Logging in and out over HTTP."""

from http import HTTPStatus

from fastapi import APIRouter

from callgenie.http.problems import problems
from callgenie.users.attempts import TooManyAttemptsError
from callgenie.users.errors import (
    AccountSuspendedError,
    EmailNotVerifiedError,
    InvalidAccessTokenError,
    InvalidCredentialsError,
    InvalidEmailError,
    InvalidRefreshTokenError,
    PasswordTooLongError,
    TooManySignInsError,
)
from callgenie.users.guards import ClientAddress, CurrentSession, SessionsDep
from callgenie.users.schemas import LoginBody, RefreshBody, SessionView

router = APIRouter(prefix="/api/auth", tags=["auth"])


@router.post(
    "/login",
    responses=problems(
        InvalidCredentialsError,
        AccountSuspendedError,
        EmailNotVerifiedError,
        InvalidEmailError,
        PasswordTooLongError,
        TooManyAttemptsError,
        TooManySignInsError,
    ),
)
async def log_in(body: LoginBody, sessions: SessionsDep, address: ClientAddress) -> SessionView:
    """Log in with e-mail address and password."""
    return SessionView.of(await sessions.log_in(body.email, body.password.get_secret_value(), address=address))


@router.post("/refresh", responses=problems(InvalidRefreshTokenError))
async def refresh(body: RefreshBody, sessions: SessionsDep) -> SessionView:
    """Get the next access and refresh token."""
    return SessionView.of(await sessions.refresh(body.refresh_token))


@router.post("/logout", status_code=HTTPStatus.NO_CONTENT, responses=problems(InvalidAccessTokenError))
async def log_out(session: CurrentSession, sessions: SessionsDep) -> None:
    """End the session that the access token belongs to."""
    await sessions.end(session.session_id)
