"""What JSON bodies are made of: strict on the way in, camelCase both ways."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic.alias_generators import to_camel


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        if value.isascii():
            return "\0" not in value
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return all(_is_storable(key) and _is_storable(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return all(_is_storable(item) for item in value)
    return True


class ApiModel(BaseModel):
    """What a request may hold. Names are camelCase only, and a field it does not know is refused.

    Text with a NUL or half of a surrogate pair is refused too: the first cuts strings short in the C of others, the
    second cannot be written as UTF-8. Passwords are `SecretStr`, which is not looked into: there, any character counts.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if not _is_storable(value):
            raise ValueError("must not hold NUL or half of a surrogate pair")
        return value


class ApiView(BaseModel):
    """What an answer shows: camelCase outside, snake_case in Python."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        frozen=True,
    )
