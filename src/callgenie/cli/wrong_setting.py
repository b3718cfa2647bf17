"""What a setting may be, and the sentence that a wrong one is answered with."""

from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_OWN_WORDS: Final = "value_error"


def must_be(fault: ErrorDetails, field: FieldInfo) -> str:
    """Return what the setting must be, with an example; the value itself, perhaps a secret, is never in it."""
    if fault["type"] == _OWN_WORDS:
        # A check of ours: its sentence is whole, and has its example.
        return fault["msg"].removeprefix("Value error, ")
    example = field.examples[0] if field.examples else field.default
    if fault["type"] == "literal_error":
        return f"must be {' or '.join(choices(field.annotation))}"
    if fault["type"].endswith("too_short"):
        return f"must have at least {fault['ctx']['min_length']} characters, such as {example}"
    if fault["type"].startswith("path_"):
        return f"must be a file that is there, such as {example}"
    if fault["type"] == "string_pattern_mismatch":
        return f"must look like {example}"
    return f"must be a whole number from {number_range(field)}, such as {example}"


def is_stray(nearest: str | None) -> str:
    """Return what is said of a name in `.env` that is no setting; `nearest` is one that is like it."""
    meant = "`callgenie settings` lists them all" if nearest is None else f"did you mean {nearest}?"
    return f"is no setting, so this line of .env sets nothing; {meant}"


def choices(annotation: Any) -> tuple[str, ...]:
    """Return the words that a setting of this type takes; none where it takes others too."""
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    return tuple(word for part in get_args(annotation) for word in choices(part))


def number_range(field: FieldInfo) -> str:
    """Return the range of numbers that a setting takes, such as `0 to 10`; empty if it has none."""
    low = next((bound.ge for bound in field.metadata if isinstance(bound, Ge)), None)
    high = next((bound.le for bound in field.metadata if isinstance(bound, Le)), None)
    return f"{low} to {high}" if low is not None and high is not None else ""
