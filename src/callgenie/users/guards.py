"""What an endpoint asks for when it is for signed-in users only."""

from typing import Annotated, cast

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from callgenie.users.errors import InvalidAccessTokenError
from callgenie.users.models import SignedIn, User
from callgenie.users.sessions import Sessions

_SCHEME = "bearer "


async def get_sessions(connection: HTTPConnection) -> Sessions:
    """Find the sessions' service."""
    return cast("Sessions", connection.app.state.services.sessions)


async def authenticated(connection: HTTPConnection) -> SignedIn:
    """Return who is asking.

    Raises:
        InvalidAccessTokenError: Nobody we know.
    """
    header = connection.headers.get("authorization", "")
    if header[: len(_SCHEME)].lower() != _SCHEME:
        raise InvalidAccessTokenError
    sessions = await get_sessions(connection)
    return await sessions.authenticate(header[len(_SCHEME) :].strip())


class _AccessToken(SecurityBase):
    """Tells OpenAPI what a request must carry."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "accessToken"


# Two dependencies and not one upon the other: each level of a chain costs every request about 30 us.
class _Session(_AccessToken):
    async def __call__(self, connection: HTTPConnection) -> SignedIn:
        return await authenticated(connection)


class _User(_AccessToken):
    async def __call__(self, connection: HTTPConnection) -> User:
        return (await authenticated(connection)).user


CurrentSession = Annotated[SignedIn, Depends(_Session())]
CurrentUser = Annotated[User, Depends(_User())]
SessionsDep = Annotated[Sessions, Depends(get_sessions)]
