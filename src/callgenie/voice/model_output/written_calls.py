"""Tool calls that a model wrote into its text, in the notations that models were trained on.

Sources: the chat templates of Llama 3 (`{"name": ..., "parameters": ...}`), Qwen (`<tool_call>`, `<function=...>`),
Mistral (`[TOOL_CALLS]`), DeepSeek, and of models that were trained on Python.
"""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from callgenie.voice.model_output.arguments import UnreadableArgumentsError, decoded, read_arguments

_NAME_KEYS: Final = ("name", "tool_name", "tool", "function", "action", "recipient_name")
_ARGUMENT_KEYS: Final = ("arguments", "parameters", "args", "input", "action_input", "params")
_CALLS_KEYS: Final = ("tool_calls", "function_call", "calls")

_NAMED_IN_TAG: Final = re.compile(r"<(?:function=|invoke\s+name=|tool\s+name=)[\"']?([\w.-]+)")
_PARAMETER: Final = re.compile(r"<parameter(?:=|\s+name=)[\"']?(\w+)[\"']?>(.*?)</parameter>", re.DOTALL)
_NAME_THEN_JSON: Final = re.compile(
    r"^[\s\W]*(?:functions?\W+)?([\w.-]+?)\s*(?:\[ARGS\]|<[^<>]*>|```\w*|:)?\s*(\{.*)$", re.DOTALL
)
_PYTHON_CALL: Final = re.compile(r"([A-Za-z_][\w.]*)\((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A tool call that stood in the text."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


def read_calls(text: str, offered: Collection[str]) -> list[WrittenCall]:
    """Return the calls of offered tools that `text` consists of; what cannot be read is none."""
    found = _in_json(text) or _in_tags(text) or _name_then_json(text) or _in_python(text) or _bare_name(text)
    return [call for call in found if call.name in offered]


def _in_json(text: str) -> list[WrittenCall]:
    if text.lstrip()[:1] not in ("{", "["):
        return []
    try:
        return list(_in_value(decoded(text)))
    except UnreadableArgumentsError:
        return []


def _in_value(value: Any) -> Iterator[WrittenCall]:
    if isinstance(value, list):
        for each in value:
            yield from _in_value(each)
    if not isinstance(value, dict):
        return
    inner = next((value[key] for key in _CALLS_KEYS if isinstance(value.get(key), (list, dict))), None)
    if inner is None:
        inner = next((value[key] for key in ("function", "tool") if isinstance(value.get(key), dict)), None)
    if inner is not None:
        yield from _in_value(inner)
        return
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    if name is not None:
        arguments = next((value[key] for key in _ARGUMENT_KEYS if key in value), None)
        yield from _call(name, arguments)


def _call(name: str, arguments: Any) -> Iterator[WrittenCall]:
    try:
        yield WrittenCall(_last_part(name), read_arguments(arguments))
    except UnreadableArgumentsError:
        return


def _in_tags(text: str) -> list[WrittenCall]:
    named = _NAMED_IN_TAG.search(text)
    if named is None:
        return []
    parameters = {key: value.strip() for key, value in _PARAMETER.findall(text)}
    if parameters:
        return [WrittenCall(_last_part(named[1]), parameters)]
    body = re.search(r"\{.*\}", text, re.DOTALL)
    return list(_call(named[1], None if body is None else body[0]))


def _name_then_json(text: str) -> list[WrittenCall]:
    found = _NAME_THEN_JSON.match(text)
    return [] if found is None else list(_call(found[1], found[2].rstrip("` \n")))


def _in_python(text: str) -> list[WrittenCall]:
    stripped = re.sub(r"^print\((.*)\)$", r"\1", text.strip(), flags=re.DOTALL)
    found = _PYTHON_CALL.fullmatch(stripped)
    if found is None:
        return []
    try:
        tree = ast.parse(f"call({found[2]})", mode="eval").body
        if not isinstance(tree, ast.Call):
            return []
        arguments = {each.arg: ast.literal_eval(each.value) for each in tree.keywords if each.arg is not None}
        positional = [ast.literal_eval(each) for each in tree.args]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    if len(positional) == 1 and isinstance(positional[0], dict):
        arguments = {**positional[0], **arguments}
    elif positional:
        return []  # nobody knows which arguments these are
    return list(_call(found[1], arguments))


def _bare_name(text: str) -> list[WrittenCall]:
    name = text.strip(" \t\r\n.:;`*\"'")
    return [WrittenCall(_last_part(name))] if re.fullmatch(r"[\w.]+", name) else []


def _last_part(name: str) -> str:
    """Return a name without what some models put before it, as in `functions.end_call`."""
    return name.rpartition(".")[2]
