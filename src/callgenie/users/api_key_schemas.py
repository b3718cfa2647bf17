"""API keys, as the API shows them."""

from datetime import datetime

from pydantic import Field

from callgenie.http.bodies import ApiModel, ApiView
from callgenie.users.api_key_models import ApiKey, ApiScope


class ApiKeyBody(ApiModel):
    """What a new key needs."""

    name: str = Field(examples=["our voice engine"])
    scopes: list[ApiScope] = Field(min_length=1, max_length=len(ApiScope))


class ApiKeyView(ApiView):
    """A key, without itself."""

    id: str
    name: str
    hint: str = Field(description="How the key ends.")
    scopes: list[ApiScope]
    created_at: datetime

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyView":
        """Return what the API shows of a key."""
        return cls(id=key.id, name=key.name, hint=key.hint, scopes=list(key.scopes), created_at=key.created_at)


class ApiKeysView(ApiView):
    """All keys of a user; there are at most 20."""

    data: list[ApiKeyView]


class NewApiKeyView(ApiKeyView):
    """A key that was just made; `key` is shown this once."""

    key: str = Field(examples=["cg_..."])

    @classmethod
    def made(cls, key: ApiKey, text: str) -> "NewApiKeyView":
        """Return what the API shows of a new key."""
        return cls(**ApiKeyView.of(key).model_dump(by_alias=False), key=text)
