"""Arguments of tool calls as models write them: decoded, repaired once if broken, or refused.

A repair closes what was left open and rewrites Python's notation as JSON. It never completes a string that was cut
off: half a message must not pass for the whole one.
"""

import json
import re
from typing import Any, Final

_NOTHING: Final = frozenset({"", "null", "none", "undefined"})

_BARE_WORD: Final = re.compile(r"[A-Za-z_][\w-]*")
_LITERALS: Final = {
    "true": "true",
    "True": "true",
    "false": "false",
    "False": "false",
    "null": "null",
    "None": "null",
    "undefined": "null",
}
_CLOSERS: Final = {"{": "}", "[": "]"}

# A quote inside a string that nobody escaped is followed by more words.
_ENDS_STRING: Final = re.compile(r"\s*(?:[,:}\]]|$)")


class UnreadableArgumentsError(ValueError):
    """The arguments are no JSON object, and cannot be made one."""


def read_arguments(written: Any) -> dict[str, Any]:
    """Return the arguments of a tool call; `null` and nothing are none, and a null among them is left out.

    Args:
        written: Usually JSON in a string. Some servers send the object itself, others encode it twice.

    Raises:
        UnreadableArgumentsError: It is no object, also after a repair.
    """
    value = written
    for _ in range(2):
        if isinstance(value, str):
            value = None if value.strip().lower() in _NOTHING else decoded(value)
    # Servers in PHP encode an empty object as an empty list.
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise UnreadableArgumentsError
    return {str(key): each for key, each in value.items() if each is not None}


def decoded(text: str) -> Any:
    """Return the value that a JSON text holds, after one repair if it needs it.

    Raises:
        UnreadableArgumentsError: It holds none.
    """
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(_repaired(text), strict=False)
    except (ValueError, RecursionError) as error:
        raise UnreadableArgumentsError from error


def _repaired(text: str) -> str:
    """Return the first object or list in `text` as JSON: quotes, literals and keys rewritten, brackets closed."""
    start = re.search(r"[{\[]", text)
    if start is None:
        raise UnreadableArgumentsError
    pieces: list[str] = []
    open_brackets: list[str] = []
    at = start.start()
    while at < len(text):
        character = text[at]
        if character in "\"'":
            end = _end_of_string(text, at)
            pieces.append(_as_json_string(text[at + 1 : end]))
            at = end + 1
            continue
        if (word := _BARE_WORD.match(text, at)) is not None:
            pieces.append(_LITERALS.get(word[0], json.dumps(word[0])))
            at = word.end()
            continue
        if character in _CLOSERS:
            open_brackets.append(_CLOSERS[character])
        elif character in "}]":
            if not open_brackets or open_brackets.pop() != character:
                raise UnreadableArgumentsError
            _drop_trailing_comma(pieces)
        pieces.append(character)
        at += 1
        if not open_brackets:
            break  # what follows the object is no part of it
    _drop_trailing_comma(pieces)
    return "".join([*pieces, *reversed(open_brackets)])


def _end_of_string(text: str, start: int) -> int:
    quote, at = text[start], start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == quote and _ENDS_STRING.match(text, at + 1):
            return at
        at += 1
    raise UnreadableArgumentsError


def _as_json_string(content: str) -> str:
    escaped = re.sub(r'(?<!\\)"', r"\"", content.replace("\\'", "'"))
    try:
        return json.dumps(json.loads(f'"{escaped}"', strict=False))
    except ValueError:
        return json.dumps(content)


def _drop_trailing_comma(pieces: list[str]) -> None:
    while pieces and (pieces[-1].isspace() or pieces[-1] == ","):
        pieces.pop()
