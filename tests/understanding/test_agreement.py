"""Agreement, denial, and the details that are said to be wrong."""

import pytest

from callgenie.understanding.agreement import (
    Detail,
    begins_with_no,
    details_denied,
    is_agreement,
    is_denial,
    rejects_all,
)

AGREES = (
    "I think so yes",
    "No problem, yes.",
    "Suits me.",
    "that'll do nicely",
    "uh huh",
    "yes",
    "Uh yes",
    "Sounds good",
    "Great, thank you",
    "That's what I said",
    "yes please",
    "sure",
    "um, yes",
    "that's it",
    "perfect, thanks",
    "perfect, thank you very much",
    "yeah that's right",
    "correct",
    "uh-huh",
    "mm-hmm",
    "mhm",
    "please do",
    "no problem",
    "go ahead",
    "of course",
    "that would be great",
    "it is",
    "I do",
    "that's correct thank you",
    "yep all good",
    "okay",
    "Yeah, no, yes, that's right",
    "no, that's right",
    "why not",
    "yes why not",
    "That sounds about right",
    "looks good to me",
    "exactly",
    "exactly right",
    "you got it",
    "I would like that",
    "please",
    "sounds fine",
    "That's fine by me",
    "absolutely",
    "yes it is",
    "yes that's all correct",
    "yes, not a problem",
    "alright then",
    "all right, thanks",
    "Right.",
    "Good.",
    "that's perfect",
    "okay that's fine",
    "it's right",
    "Yes, exactly.",
    "lovely",
    "great",
    "Fine.",
)
DENIES = (
    "Sorry, no, you misheard.",
    "Please don't.",
    "Not at all.",
    "I don't want you to.",
    "no",
    "nope",
    "No, that's all wrong",
    "no thanks",
    "No, thank you",
    "nah",
    "that's not right",
    "wrong",
    "that is wrong",
    "I don't think so",
    "not really",
    "no it isn't",
    "I'd rather not",
    "yeah no",
    "yeah that's wrong",
    "no that is not right",
    "it's incorrect",
    "don't bother",
    "No, leave it.",
    "uh no",
    "I'm good thanks",
    "no no",
    "no, not that one",
    "not now",
)
NEITHER = (
    "Yes but the number is wrong",
    "when are you open",
    "Anna Smith",
    "tell her I am late",
    "And please bring candles.",
    "Please bring candles",
    "good morning",
    "Great question how much is it",
    "the thing is",
    "yes, except the name",
    "hang on",
)


@pytest.mark.parametrize("said", AGREES)
def test_a_yes_has_many_forms(said: str) -> None:
    assert is_agreement(said)
    assert not is_denial(said)
    assert not begins_with_no(said)


@pytest.mark.parametrize("said", DENIES)
def test_a_no_has_many_forms(said: str) -> None:
    assert is_denial(said)
    assert rejects_all(said)
    assert not is_agreement(said)


@pytest.mark.parametrize("said", NEITHER)
def test_half_a_yes_and_other_words_are_neither(said: str) -> None:
    assert not is_agreement(said)
    assert not is_denial(said)


def test_a_not_among_many_words_does_not_reject_all_that_was_read_back() -> None:
    said = "and it is for my mother and really not for me"
    assert is_denial(said)
    assert not rejects_all(said)


@pytest.mark.parametrize(
    ("said", "details"),
    [
        ("Yes but the number is wrong", {Detail.NUMBER}),
        ("no, wrong number", {Detail.NUMBER}),
        ("that's not my number", {Detail.NUMBER}),
        ("the number you have is wrong", {Detail.NUMBER}),
        ("the name's not right", {Detail.NAME}),
        ("my name is misspelled", {Detail.NAME}),
        ("No, that's all wrong", set()),
        ("yes my number is 415 555 0123", set()),
    ],
)
def test_a_detail_may_be_wrong_and_the_rest_right(said: str, details: set[Detail]) -> None:
    assert details_denied(said) == details
