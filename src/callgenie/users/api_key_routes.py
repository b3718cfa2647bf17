"""API keys over HTTP. They are made and deleted by people only: no key opens these routes."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path

from callgenie.http.problems import problems
from callgenie.users.api_key_schemas import ApiKeyBody, ApiKeysView, ApiKeyView, NewApiKeyView
from callgenie.users.api_keys import (
    ApiKeyNotFoundError,
    ApiKeys,
    InvalidApiKeyNameError,
    ScopeMissingError,
    TooManyApiKeysError,
)
from callgenie.users.errors import InvalidAccessTokenError
from callgenie.users.guards import CurrentUser, get_api_keys

router = APIRouter(prefix="/api/user/api-keys", tags=["API keys"])

ApiKeysDep = Annotated[ApiKeys, Depends(get_api_keys)]
_REFUSALS: Final = (InvalidAccessTokenError, ScopeMissingError)


@router.get("", responses=problems(*_REFUSALS))
async def list_api_keys(user: CurrentUser, keys: ApiKeysDep) -> ApiKeysView:
    """List the signed-in user's API keys, newest first."""
    return ApiKeysView(data=[ApiKeyView.of(key) for key in await keys.list(user.id)])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(*_REFUSALS, InvalidApiKeyNameError, TooManyApiKeysError),
)
async def create_api_key(body: ApiKeyBody, user: CurrentUser, keys: ApiKeysDep) -> NewApiKeyView:
    """Make an API key. The answer holds the key itself, and nothing can show it again."""
    return NewApiKeyView.made(*await keys.create(user.id, body.name, body.scopes))


@router.delete("/{key_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(*_REFUSALS, ApiKeyNotFoundError))
async def delete_api_key(
    user: CurrentUser, keys: ApiKeysDep, key_id: Annotated[str, Path(description="The key's `id`.")]
) -> None:
    """Delete an API key; it is dead at once."""
    await keys.delete(user.id, key_id)
