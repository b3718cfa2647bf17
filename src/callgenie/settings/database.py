"""Where the data is kept."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class DatabaseSettings(BaseSettings):
    """Where the data is kept."""

    mongodb_uri: SecretStr | None = Field(
        default=None,
        validation_alias="MONGODB_URI",
        description="A replica set or Atlas to use; without it CallGenie starts its own MongoDB in the data folder.",
    )
    mongod: Path | None = Field(
        default=None,
        validation_alias="CALLGENIE_MONGOD",
        description="The embedded database's mongod; without it the PATH and the installed wheel are tried.",
    )
