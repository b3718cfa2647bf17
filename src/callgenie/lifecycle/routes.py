"""Signing up, and the account as a whole, over HTTP."""

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, BackgroundTasks, Depends, Header, Response
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from callgenie.http.downloads import ZIP, download
from callgenie.http.etags import etag_of, versions_of
from callgenie.http.problems import problems
from callgenie.lifecycle.erasure import Erasures
from callgenie.lifecycle.export import AccountExport
from callgenie.lifecycle.overview import Overviews
from callgenie.lifecycle.schemas import (
    ErasureBody,
    ErasureView,
    OverviewView,
    ProfileBody,
    RegistrationBody,
    RegistrationView,
)
from callgenie.lifecycle.signup import SignUp
from callgenie.profiles.errors import ProfileChangedError
from callgenie.recordings.errors import RecordingStoreUnavailableError
from callgenie.users.attempts import TooManyAttemptsError
from callgenie.users.errors import (
    EmailTakenError,
    InvalidAccessTokenError,
    InvalidCredentialsError,
    InvalidEmailError,
    InvalidNameError,
    InvalidPhoneError,
    PasswordTooCommonError,
    PasswordTooLongError,
    PasswordTooShortError,
    TooManySignInsError,
)
from callgenie.users.guards import CurrentUser, SessionsDep
from callgenie.users.recovery_schemas import AcceptedView

router = APIRouter(prefix="/api", tags=["user"])


async def get_sign_up(connection: HTTPConnection) -> SignUp:
    """Find the sign-up."""
    return cast("SignUp", connection.app.state.services.sign_up)


async def get_overviews(connection: HTTPConnection) -> Overviews:
    """Put together what gathers overviews."""
    services = connection.app.state.services
    return Overviews(services.users, services.profiles, services.numbers, services.usage)


async def get_account_export(connection: HTTPConnection) -> AccountExport:
    """Find the export."""
    return cast("AccountExport", connection.app.state.services.account_export)


async def get_erasures(connection: HTTPConnection) -> Erasures:
    """Find what erases accounts."""
    return cast("Erasures", connection.app.state.services.erasures)


SignUpDep = Annotated[SignUp, Depends(get_sign_up)]
AccountExportDep = Annotated[AccountExport, Depends(get_account_export)]
ErasuresDep = Annotated[Erasures, Depends(get_erasures)]
OverviewsDep = Annotated[Overviews, Depends(get_overviews)]


@router.post(
    "/auth/register",
    status_code=HTTPStatus.CREATED,
    tags=["auth"],
    responses={
        int(HTTPStatus.CREATED): {"model": RegistrationView, "description": "Signed up, and signed in."},
        int(HTTPStatus.ACCEPTED): {
            "model": AcceptedView,
            "description": "Where addresses must be confirmed (`EMAIL_VERIFICATION`), for every address alike.",
        },
        **problems(
            EmailTakenError,
            InvalidEmailError,
            InvalidNameError,
            InvalidPhoneError,
            PasswordTooShortError,
            PasswordTooLongError,
            PasswordTooCommonError,
            TooManySignInsError,
        ),
    },
)
async def register(
    body: RegistrationBody, sign_up: SignUpDep, sessions: SessionsDep, overviews: OverviewsDep, response: Response
) -> RegistrationView | AcceptedView:
    """Create an account and sign it in, or have its address confirmed first."""
    signed_up = await sign_up.sign_up(body.form())
    if signed_up is None:
        response.status_code = HTTPStatus.ACCEPTED
        return AcceptedView()
    user, profile = signed_up
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


@router.get(
    "/user/export",
    response_class=StreamingResponse,
    responses={
        int(HTTPStatus.OK): {
            "content": {ZIP: {}},
            "description": "A zip of JSON Lines, one file for each collection, and of recordings.",
        },
        **problems(InvalidAccessTokenError, RecordingStoreUnavailableError),
    },
)
async def export_account(user: CurrentUser, export: AccountExportDep) -> StreamingResponse:
    """Send everything that is kept about the signed-in user."""
    return await download(export.stream(user.id), file_name="callgenie-export.zip", media_type=ZIP)


@router.delete(
    "/user/account",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(
        InvalidAccessTokenError,
        InvalidCredentialsError,
        PasswordTooLongError,
        TooManyAttemptsError,
        TooManySignInsError,
    ),
)
async def erase_account(
    body: ErasureBody, user: CurrentUser, erasures: ErasuresDep, tasks: BackgroundTasks
) -> ErasureView:
    """Erase the signed-in user and everything kept about them; the account is shut before this is answered."""
    await erasures.request(user, body.password.get_secret_value())
    # A crash before it is through is made good by the periodic round.
    tasks.add_task(erasures.carry_on, user.id)
    return ErasureView(status="erasing")
