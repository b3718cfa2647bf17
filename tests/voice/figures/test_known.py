"""Numbers that are known, and those that are not."""

import pytest

from callgenie.voice.figures.known import KnownFigures, contacts_in
from callgenie.voice.figures.reading import figures_in

KNOWN = (
    "A cleaning costs $90 and takes half an hour.",
    "We are open from 9 AM to 5:30 PM, on Sunday from ten to two.",
    "12 Mill Lane, second floor. Call (415) 555-0123.",
    "Perm: 120. Students pay 10% less. There are 14 seats.",
)


def supported(text: str, *said: str) -> bool:
    figures = [figure for figure in figures_in(text) if figure.means_something]
    assert figures, text
    known = KnownFigures(KNOWN, said)
    return all(known.supports(figure) for figure in figures)


@pytest.mark.parametrize(
    "text",
    [
        "ninety dollars",
        "It costs 90.",
        "thirty minutes",
        "until half past five",
        "We open at nine.",
        "at 9 in the morning",
        "from 10 to 2",
        "twelve Mill Lane",
        "on the 2nd floor",
        "four one five, five five five, oh one two three",
        "+1 415 555 0123",
        "555-0123",
        "ending in 23",
        "a hundred and twenty dollars",  # the owner left the currency out
        "ten percent",
        "fourteen seats",
        "Call 911.",
    ],
)
def test_what_is_known_is_known_in_other_words(text: str) -> None:
    assert supported(text)


@pytest.mark.parametrize(
    "text",
    [
        "ninety-five dollars",
        "90 euros",
        "90 minutes",
        "90 percent",
        "fourteen dollars",  # that many seats
        "nine dollars",  # a time
        "at eight",
        "9 PM",
        "until six",
        "thirty days",
        "14 Mill Lane",
        "on the third floor",
        "(415) 555-0199",
        "December 24",
        "fifteen seats",
        "24/7",
    ],
)
def test_what_is_not_known_is_not_supported_by_something_like_it(text: str) -> None:
    assert not supported(text)


def test_what_the_caller_has_said_may_be_said_back_also_if_it_came_in_parts() -> None:
    assert supported(
        "A table at seven on December 24, number 628 555 7788.", "at seven", "on December 24th", "628", "5557788"
    )
    assert supported(
        "628 555 7789", "six two eight five five five", "seven seven eight eight", "no nine, not eight", "789"
    )
    assert not supported("628 555 7789", "six two eight five five five")


def test_addresses_in_the_net_are_compared_without_their_signs() -> None:
    known = KnownFigures(("Write to info@bright-dental.com or see www.bright-dental.com/prices.",))
    for text in ("info@bright-dental.com", "https://bright-dental.com", "info at bright dental dot com"):
        contacts = list(contacts_in(f"It is {text}."))
        assert contacts
        assert all(known.supports_contact(contact) for contact in contacts)
    assert not all(known.supports_contact(contact) for contact in contacts_in("It is help@bright-dental.com."))
    assert list(contacts_in("We open at 9 a.m. and close at 5 p.m. sharp.")) == []
