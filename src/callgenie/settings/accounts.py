"""How accounts are guarded."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class AccountSettings(BaseSettings):
    """How accounts are guarded."""

    email_verification: Literal["optional", "required"] | None = Field(
        default=None,
        validation_alias="EMAIL_VERIFICATION",
        description="Whether an address must be confirmed before its account can be used; "
        "without it required once a mail server is set, else optional.",
    )
    jwt_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        examples=["what `openssl rand -hex 32` prints"],
        validation_alias="JWT_SECRET",
        description="Signs access tokens and cursors; without it one is made and kept in the data folder.",
    )
    password_pepper: SecretStr | None = Field(
        default=None,
        min_length=32,
        examples=["what `openssl rand -hex 32` prints"],
        validation_alias="PASSWORD_PEPPER",
        description="Mixed into every password before bcrypt; without it one is made and kept in the data folder.",
    )
    bcrypt_cost: int = Field(
        default=12,
        ge=4,
        le=16,
        validation_alias="BCRYPT_COST",
        description="bcrypt's work factor (2 to its power).",
    )
