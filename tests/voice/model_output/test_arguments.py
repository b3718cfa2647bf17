"""Arguments of tool calls: what is understood of them, what is repaired, and what is not."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.voice.model_output.arguments import UnreadableArgumentsError, read_arguments


@pytest.mark.parametrize(
    "written", [None, "", " ", "null", "None", "undefined", "{}", "[]", {}, [], '"{}"', '{"a": null}']
)
def test_nothing_is_no_arguments(written: Any) -> None:
    assert read_arguments(written) == {}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2, ], }', {"a": [1, 2]}),
        ("{'a': 'b'}", {"a": "b"}),
        ("{'a': 'I'll be late'}", {"a": "I'll be late"}),
        ('{"a": "she said "hi" to me"}', {"a": 'she said "hi" to me'}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"a": "b"', {"a": "b"}),
        ('{"a": {"b": [1, 2', {"a": {"b": [1, 2]}}),
        ("{'a': True, 'b': False, 'c': None, 'd': 'True'}", {"a": True, "b": False, "d": "True"}),
        ('{a: "b"}', {"a": "b"}),
        ('Here you are: {"a": "b"} and more', {"a": "b"}),
        ('```json\n{"a": "b"}\n```', {"a": "b"}),
        ('{"a": "caf\\u00e9", "b": "\\\\"}', {"a": "café", "b": "\\"}),
    ],
)
def test_what_can_be_meant_in_one_way_is_understood(written: Any, read: dict[str, Any]) -> None:
    assert read_arguments(written) == read


@pytest.mark.parametrize(
    "written",
    [
        '{"text": "call me tomor',  # half a message must not pass for the whole
        "{'text': 'call me",
        '{"text": call me}',
        "nonsense",
        '"text"',
        "7",
        "[1]",
        '{"a": 1]',
        '{"a" "b"}',
        "[" * 5_000,
    ],
)
def test_what_cannot_be_understood_is_refused(written: Any) -> None:
    with pytest.raises(UnreadableArgumentsError):
        read_arguments(written)


@given(st.text(max_size=200))
def test_anything_is_either_understood_or_refused(written: str) -> None:
    with contextlib.suppress(UnreadableArgumentsError):
        assert isinstance(read_arguments(written), dict)
