"""Telephone numbers in callers' words."""

import pytest

from callgenie.understanding.digits import digits_in


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("415-555-0123", "4155550123"),
        ("It's (415) 555 01 23.", "4155550123"),
        ("plus 1 415 555 0123 or so", "14155550123"),
        ("+49 30 1234567", "+49301234567"),
        ("four one five five five five oh one two three", "4155550123"),
        ("Double seven, triple one", "77111"),
        ("a table for 2 at 7", "2"),
        ("no number at all", ""),
        ("9" * 50, ""),
    ],
)
def test_numbers_are_found_in_words(said: str, digits: str) -> None:
    assert digits_in(said) == digits
