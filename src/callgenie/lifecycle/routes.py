"""Signing up, and the account as a whole, over HTTP."""

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header, Response
from starlette.requests import HTTPConnection

from callgenie.http.etags import etag_of, versions_of
from callgenie.http.problems import problems
from callgenie.lifecycle.overview import Overviews
from callgenie.lifecycle.schemas import OverviewView, ProfileBody, RegistrationBody, RegistrationView
from callgenie.lifecycle.signup import SignUp
from callgenie.profiles.errors import ProfileChangedError
from callgenie.users.errors import (
    EmailTakenError,
    InvalidAccessTokenError,
    InvalidEmailError,
    InvalidNameError,
    InvalidPhoneError,
    PasswordTooCommonError,
    PasswordTooLongError,
    PasswordTooShortError,
    TooManySignInsError,
)
from callgenie.users.guards import CurrentUser, SessionsDep

router = APIRouter(prefix="/api", tags=["user"])


async def get_sign_up(connection: HTTPConnection) -> SignUp:
    """Find the sign-up."""
    return cast("SignUp", connection.app.state.services.sign_up)


async def get_overviews(connection: HTTPConnection) -> Overviews:
    """Put together what gathers overviews."""
    services = connection.app.state.services
    return Overviews(services.users, services.profiles, services.numbers, services.usage)


SignUpDep = Annotated[SignUp, Depends(get_sign_up)]
OverviewsDep = Annotated[Overviews, Depends(get_overviews)]


@router.post(
    "/auth/register",
    status_code=HTTPStatus.CREATED,
    tags=["auth"],
    responses=problems(
        EmailTakenError,
        InvalidEmailError,
        InvalidNameError,
        InvalidPhoneError,
        PasswordTooShortError,
        PasswordTooLongError,
        PasswordTooCommonError,
        TooManySignInsError,
    ),
)
async def register(
    body: RegistrationBody, sign_up: SignUpDep, sessions: SessionsDep, overviews: OverviewsDep
) -> RegistrationView:
    """Create an account and sign it in."""
    user, profile = await sign_up.register(
        email=body.email, password=body.password.get_secret_value(), name=body.name, phone=body.phone
    )
    return RegistrationView.of(await sessions.open(user), await overviews.around(user, profile))


@router.get("/user/profile", responses=problems(InvalidAccessTokenError))
async def show_profile(user: CurrentUser, overviews: OverviewsDep, response: Response) -> OverviewView:
    """Show the signed-in user and all their settings and state."""
    overview = await overviews.of(user)
    response.headers["ETag"] = etag_of(overview.profile.version)
    return OverviewView.of(overview)


@router.patch(
    "/user/profile",
    responses=problems(InvalidAccessTokenError, ProfileChangedError, InvalidNameError, InvalidPhoneError),
)
async def change_profile(
    body: ProfileBody,
    user: CurrentUser,
    overviews: OverviewsDep,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> OverviewView:
    """Change the signed-in user's name, phone number or business; with If-Match only what they have seen."""
    overview = await overviews.change(user, body.contact(), body.business_changes(), versions=versions_of(if_match))
    response.headers["ETag"] = etag_of(overview.profile.version)
    return OverviewView.of(overview)
