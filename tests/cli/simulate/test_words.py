import re

import pytest

from callgenie.cli.simulate.words import wanted, words_of

ANSWER = "We're open Monday to Friday, from 9 to 5:30. Delivery costs five pounds."


@pytest.mark.parametrize(
    "text",
    [
        "from nine to five",
        "We are open monday",
        "FRIDAY, from nine!",
        "open Mondays to Fridays",
        "delivery cost five pounds",
        "/from (eight|nine)/",
        "/9 to 5/",
        "pounds",
    ],
)
def test_what_was_heard_more_or_less_was_heard(text: str) -> None:
    assert wanted(text).is_in(ANSWER)


@pytest.mark.parametrize(
    "text", ["from ten to four", "we are closed", "Saturday", "/^friday/", "delivery is free", "cakes"]
)
def test_what_was_not_heard_was_not(text: str) -> None:
    assert not wanted(text).is_in(ANSWER)
    assert not wanted(text).is_in("")


def test_figures_are_words() -> None:
    assert words_of("9, 15; 20 and 99. In 2024 (it's 5pm)") == [
        *("nine", "fifteen", "twenty", "and", "ninety", "nine", "in", "2024", "it's", "five", "pm")
    ]


def test_hours_are_heard_as_recognisers_write_them() -> None:
    assert wanted("/nine|ten/").is_in("We are open from 9am.")
    assert wanted("from nine").is_in("We are open from 9am.")


def test_a_wrong_pattern_is_said_to_be_one() -> None:
    with pytest.raises(re.error):
        wanted("/(/")
