"""Kinds of facts: what is asked for, and whether an answer can hold it."""

import pytest

from callgenie.understanding.question_kind import FactKind, kinds_asked, lacks

PRICE, DURATION = FactKind.PRICE, FactKind.DURATION


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ("How much is a root canal?", {PRICE}),
        ("um what do you charge for a cleaning", {PRICE}),
        ("What's that gonna run us?", {PRICE}),
        ("how much would it be to get my teeth cleaned", {PRICE}),
        ("how long does the whitening take", {DURATION}),
        ("what's a live mud crab going for", {PRICE}),
        ("how quick can you get here", {DURATION}),
        ("do you charge for parking", set()),
        ("how many days do I have to wait", {DURATION}),
        ("how long is it and how much is it", {DURATION, PRICE}),
        ("how much time do I need", set()),
        ("how much notice do you want", set()),
        ("Is there a fee for cancelling?", set()),
        ("do you do nails", set()),
        ("", set()),
    ],
)
def test_a_question_asks_for_kinds_of_facts(said: str, kinds: set[FactKind]) -> None:
    assert kinds_asked(said) == kinds


@pytest.mark.parametrize(
    "answer",
    [
        "Ninety dollars.",
        "$42, and it takes an hour.",
        "Rs 550",
        "It's free.",
        "Included.",
        "12 euros a bottle",
        "\N{POUND SIGN}3.50",
    ],
)
def test_prices_are_found_in_answers(answer: str) -> None:
    assert not lacks(PRICE, answer)


@pytest.mark.parametrize(
    "answer",
    ["Takes an hour.", "Two years on parts.", "45 mins", "Within fourteen days.", "overnight", "a 30-minute slot"],
)
def test_durations_are_found_in_answers(answer: str) -> None:
    assert not lacks(DURATION, answer)


def test_an_answer_without_the_fact_lacks_it() -> None:
    assert lacks(PRICE, "Yes, from age four.")
    assert lacks(DURATION, "A cleaning costs ninety dollars.")
