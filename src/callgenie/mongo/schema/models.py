"""What a collection is declared with: indexes and a validator, in the shape the server reports them in."""

from dataclasses import dataclass, field
from typing import Any, Final

Document = dict[str, Any]

TEXT: Final = "text"

# A text index reads each document's language from this field. The default name, `language`, would make the server
# refuse any document of ours that has a field of that name with a value such as `en-GB`.
_LANGUAGE_FIELD: Final = "_textLanguage"


@dataclass(frozen=True, slots=True)
class Index:
    """One index. `keys` are `(field, 1 | -1 | "text")` in order; `where` makes it partial.

    A text index takes words as they are spoken (`none`): a list of stop words would make a search for "who is
    this" find nothing, and stemming follows one language where callers speak several.
    """

    name: str
    keys: tuple[tuple[str, int | str], ...]
    unique: bool = False
    where: Document | None = None
    expire_after_seconds: int | None = None

    @property
    def is_text(self) -> bool:
        """Tell whether words are indexed; a collection can have one such index."""
        return any(direction == TEXT for _, direction in self.keys)

    def options(self) -> Document:
        """Return what `createIndexes` takes beside the keys."""
        options: Document = {"name": self.name}
        if self.unique:
            options["unique"] = True
        if self.where is not None:
            options["partialFilterExpression"] = self.where
        if self.expire_after_seconds is not None:
            options["expireAfterSeconds"] = self.expire_after_seconds
        if self.is_text:
            options |= {"default_language": "none", "language_override": _LANGUAGE_FIELD}
        return options

    def as_reported(self) -> Document:
        """Return the index as `listIndexes` describes it, without version numbers."""
        reported = self.options()
        if not self.is_text:
            return reported | {"key": dict(self.keys)}
        plain = {name: direction for name, direction in self.keys if direction != TEXT}
        weights = {name: 1 for name, direction in self.keys if direction == TEXT}
        return reported | {"key": plain | {"_fts": TEXT, "_ftsx": 1}, "weights": weights}


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection: its indexes beside `_id`, and what every document must look like."""

    name: str
    required: tuple[str, ...]
    properties: Document
    indexes: tuple[Index, ...] = field(default=())

    def validator(self) -> Document:
        """Return the `$jsonSchema` that stands behind the models. Further fields stay free."""
        return {
            "$jsonSchema": {"bsonType": "object", "required": list(self.required), "properties": self.properties},
        }


def one_of(*words: str) -> Document:
    """Describe a string out of a closed list."""
    return {"enum": list(words)}


def maybe(bson_type: str) -> Document:
    """Describe a value of the type, or null."""
    return {"bsonType": [bson_type, "null"]}


STRING: Final[Document] = {"bsonType": "string"}
OBJECT_ID: Final[Document] = {"bsonType": "objectId"}
DATE: Final[Document] = {"bsonType": "date"}
BOOLEAN: Final[Document] = {"bsonType": "bool"}
OBJECT: Final[Document] = {"bsonType": "object"}
# Never a double: seconds and calls are counted whole. A negative count is always a bug of ours, so it is refused here.
COUNT: Final[Document] = {"bsonType": ["int", "long"], "minimum": 0}
