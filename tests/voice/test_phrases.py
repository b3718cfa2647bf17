"""What the call itself says: to those who called, and to those whom we have called."""

from dataclasses import asdict

import pytest

from callgenie.voice.courtesies import farewell
from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import Knowledge

THEIRS = Knowledge("SAATHI", "Bakery")
OURS = Knowledge("SAATHI", "Bakery", purpose="your birthday cake")


@pytest.mark.parametrize("said", [*asdict(phrases_for(OURS)).values(), farewell(OURS)])
def test_nobody_whom_we_called_is_thanked_for_calling_or_asked_to_call_again(said: str) -> None:
    assert "for calling" not in said
    assert "call again" not in said


def test_who_called_is_thanked_for_it_and_may_call_again() -> None:
    assert farewell(THEIRS) == "Thank you for calling Bakery. Goodbye."
    assert "Please call again" in phrases_for(THEIRS).apology
