"""What an endpoint asks for when it is for signed-in users only, or for their machines as well."""

from typing import Annotated, Final, cast

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from callgenie.http import rate_limits
from callgenie.http.client_address import client_address
from callgenie.http.rate_limits import Policy
from callgenie.kernel.ids import UserId
from callgenie.users.api_key_models import ApiScope, KeyHolder
from callgenie.users.api_keys import PREFIX, ApiKeys, ScopeMissingError
from callgenie.users.errors import InvalidAccessTokenError
from callgenie.users.models import SignedIn, User
from callgenie.users.sessions import Sessions

_SCHEME: Final = "bearer "
# Where a request keeps who is asking, for whoever asks that again.
_CALLER: Final = "caller"


async def get_sessions(connection: HTTPConnection) -> Sessions:
    """Find the sessions' service."""
    return cast("Sessions", connection.app.state.services.sessions)


async def get_api_keys(connection: HTTPConnection) -> ApiKeys:
    """Find the API keys' service."""
    return cast("ApiKeys", connection.app.state.services.api_keys)


def bearer_token(connection: HTTPConnection) -> str | None:
    """Return what the request signs in with: an access token or an API key; None for nothing."""
    header = connection.headers.get("authorization", "")
    return header[len(_SCHEME) :].strip() if header[: len(_SCHEME)].lower() == _SCHEME else None


async def caller_of(connection: HTTPConnection) -> SignedIn | KeyHolder:
    """Return who is asking, a person or a machine.

    Raises:
        InvalidAccessTokenError: Nobody we know.
    """
    state = connection.scope.setdefault("state", {})
    caller: SignedIn | KeyHolder | None = state.get(_CALLER)
    if caller is None:
        token = bearer_token(connection)
        if token is None:
            raise InvalidAccessTokenError
        if token.startswith(PREFIX):
            caller = await (await get_api_keys(connection)).authenticate(token)
        else:
            caller = await (await get_sessions(connection)).authenticate(token)
        state[_CALLER] = caller
    return caller


async def authenticated(connection: HTTPConnection) -> SignedIn:
    """Return which person is asking.

    Raises:
        InvalidAccessTokenError: Nobody we know.
        ScopeMissingError: A machine, with an API key.
    """
    caller = await caller_of(connection)
    if isinstance(caller, KeyHolder):
        raise ScopeMissingError(None)
    return caller


async def identify(connection: HTTPConnection) -> UserId:
    """Return for whom somebody is asking.

    Raises:
        InvalidAccessTokenError: Nobody we know.
    """
    return (await caller_of(connection)).user.id


def recognise(connection: HTTPConnection) -> tuple[Policy, str] | None:
    """Return which rule limits whoever asks, and as whom; asks no database. None for nobody we know."""
    token = bearer_token(connection)
    services = connection.app.state.services
    if token is None:
        return None
    if token.startswith(PREFIX):
        key_id = services.api_keys.id_in(token)
        return None if key_id is None else (rate_limits.API_KEY, key_id)
    user_id = services.sessions.user_in(token)
    return None if user_id is None else (rate_limits.USER, user_id)


def requester(connection: HTTPConnection) -> str | None:
    """Return for whom somebody is asking who was let in; None for nobody we know."""
    caller: SignedIn | KeyHolder | None = connection.scope.get("state", {}).get(_CALLER)
    return None if caller is None else caller.user.id


async def get_client_address(connection: HTTPConnection) -> str:
    """Return the network address that somebody asks from."""
    hops: int = connection.app.state.services.settings.trusted_proxy_hops
    return client_address(connection.scope, hops)


class _AccessToken(SecurityBase):
    """Tells OpenAPI what a request must carry."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "accessToken"


# Dependencies of their own and none upon another: each level of a chain costs every request about 30 us.
class _Session(_AccessToken):
    async def __call__(self, connection: HTTPConnection) -> SignedIn:
        return await authenticated(connection)


class _User(_AccessToken):
    async def __call__(self, connection: HTTPConnection) -> User:
        return (await authenticated(connection)).user


class _UserOrKey(SecurityBase):
    """Lets a person in, and a machine whose key has the scope."""

    def __init__(self, scope: ApiScope) -> None:
        self._scope = scope
        self.model = HTTPBearer(bearerFormat="JWT or API key")
        self.scheme_name = "accessTokenOrApiKey"

    async def __call__(self, connection: HTTPConnection) -> User:
        caller = await caller_of(connection)
        if isinstance(caller, KeyHolder) and self._scope not in caller.scopes:
            raise ScopeMissingError(self._scope)
        return caller.user


CurrentSession = Annotated[SignedIn, Depends(_Session())]
CurrentUser = Annotated[User, Depends(_User())]
ConversationsReader = Annotated[User, Depends(_UserOrKey(ApiScope.CONVERSATIONS_READ))]
ConversationsWriter = Annotated[User, Depends(_UserOrKey(ApiScope.CONVERSATIONS_WRITE))]
CallsWriter = Annotated[User, Depends(_UserOrKey(ApiScope.CALLS_WRITE))]
WebCaller = Annotated[User, Depends(_UserOrKey(ApiScope.CALLS_WEB))]
AssistantAsker = Annotated[User, Depends(_UserOrKey(ApiScope.ASSISTANT_ASK))]
UsageReader = Annotated[User, Depends(_UserOrKey(ApiScope.USAGE_READ))]
ClientAddress = Annotated[str, Depends(get_client_address)]
SessionsDep = Annotated[Sessions, Depends(get_sessions)]
