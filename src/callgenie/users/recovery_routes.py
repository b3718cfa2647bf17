"""Confirming an address, and getting a new password, over HTTP."""

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection

from callgenie.http.problems import problems
from callgenie.users.account_mail import AccountMail
from callgenie.users.attempts import TooManyAttemptsError
from callgenie.users.errors import (
    InvalidAccessTokenError,
    InvalidCredentialsError,
    InvalidTokenError,
    PasswordTooCommonError,
    PasswordTooLongError,
    PasswordTooShortError,
    TooManySignInsError,
)
from callgenie.users.guards import CurrentSession
from callgenie.users.password_changes import PasswordChangedMeanwhileError, PasswordChanges
from callgenie.users.recovery_schemas import AcceptedView, ChangePasswordBody, EmailBody, ResetBody, TokenBody
from callgenie.users.registrations import Registrations

router = APIRouter(prefix="/api/auth", tags=["auth"])


async def get_account_mail(connection: HTTPConnection) -> AccountMail:
    """Find what asks for mail."""
    return cast("AccountMail", connection.app.state.services.account_mail)


async def get_registrations(connection: HTTPConnection) -> Registrations:
    """Find the sign-ups."""
    return cast("Registrations", connection.app.state.services.registrations)


async def get_password_changes(connection: HTTPConnection) -> PasswordChanges:
    """Find what changes passwords."""
    return cast("PasswordChanges", connection.app.state.services.password_changes)


AccountMailDep = Annotated[AccountMail, Depends(get_account_mail)]
RegistrationsDep = Annotated[Registrations, Depends(get_registrations)]
PasswordChangesDep = Annotated[PasswordChanges, Depends(get_password_changes)]


@router.post("/verify-email", status_code=HTTPStatus.NO_CONTENT, responses=problems(InvalidTokenError))
async def verify_email(body: TokenBody, registrations: RegistrationsDep) -> None:
    """Confirm an address with the token that was mailed to it; it works once, within an hour."""
    await registrations.verify(body.token)


@router.post("/resend-verification", status_code=HTTPStatus.ACCEPTED, responses=problems())
async def resend_verification(body: EmailBody, mail: AccountMailDep) -> AcceptedView:
    """Have the link sent again that confirms an address, if somebody signed up with it."""
    await mail.ask_verification_again(body.email)
    return AcceptedView()


@router.post("/forgot-password", status_code=HTTPStatus.ACCEPTED, responses=problems())
async def forgot_password(body: EmailBody, mail: AccountMailDep) -> AcceptedView:
    """Have a link sent by which a new password can be chosen, if there is an account with this address."""
    await mail.ask_reset(body.email)
    return AcceptedView()


@router.post(
    "/reset-password",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(
        InvalidTokenError,
        PasswordTooShortError,
        PasswordTooLongError,
        PasswordTooCommonError,
        PasswordChangedMeanwhileError,
        TooManySignInsError,
    ),
)
async def reset_password(body: ResetBody, passwords: PasswordChangesDep) -> None:
    """Choose a new password with the token of a mail; every session of the account ends."""
    await passwords.reset(body.token, body.password.get_secret_value())


@router.post(
    "/change-password",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(
        InvalidAccessTokenError,
        TooManyAttemptsError,
        InvalidCredentialsError,
        PasswordTooShortError,
        PasswordTooLongError,
        PasswordTooCommonError,
        PasswordChangedMeanwhileError,
        TooManySignInsError,
    ),
)
async def change_password(body: ChangePasswordBody, session: CurrentSession, passwords: PasswordChangesDep) -> None:
    """Choose a new password, knowing the current one; every other session ends."""
    await passwords.change(session, body.current_password.get_secret_value(), body.new_password.get_secret_value())
