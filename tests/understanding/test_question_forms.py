"""Questions that are recognisable by their words alone."""

import pytest

from callgenie.understanding.question_forms import asks_why_we_call


@pytest.mark.parametrize(
    "said",
    [
        "what is this about?", "Hello, what's this regarding?", "Why are you calling me?", "um what do you want",
        "What's the reason for your call, please?", "okay and what did you call about", "What is it concerning?",
    ],
)  # fmt: skip
def test_whom_we_call_may_ask_why_in_many_ways(said: str) -> None:
    assert asks_why_we_call(said)


@pytest.mark.parametrize(
    "said",
    [
        "what is this about the parking",
        "why are you calling it organic",
        "what do you want for the cake",
        "what is this",
    ],
)
def test_a_question_about_something_else_is_none_for_the_reason(said: str) -> None:
    assert not asks_why_we_call(said)
