"""What JSON bodies are made of: strict on the way in, camelCase both ways."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, field_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


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


@dataclass(frozen=True, slots=True)
class Shape:
    """What text must look like, for `Annotated`: whoever sends another is told so in a sentence with an example.

    The pattern is for programs, which find it in the API's description; nobody is answered with it.
    """

    pattern: str
    sentence: str

    def _check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(self.sentence)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the text once it is known to be one (pydantic)."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the text (pydantic)."""
        return handler(schema) | {"pattern": f"^{self.pattern}$"}


class ApiView(BaseModel):
    """What an answer shows: camelCase outside, snake_case in Python."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        frozen=True,
    )
