"""Numbers in English text: what each of them means, whether it is spelled or in figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.voice.figures.figure import Kind
from callgenie.voice.figures.number_words import words
from callgenie.voice.figures.reading import digit_runs_in, figures_in


def read(text: str) -> list[tuple[str, list[float], str]]:
    """Return kind, values, and currency or digits of each number that somebody could rely on."""
    found = [each for each in figures_in(text) if each.means_something]
    return [
        (each.kind.value, sorted(each.values), each.currency or (each.digits if not each.values else ""))
        for each in found
    ]


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (("$90", "ninety dollars", "90 bucks", "USD is due: 90 dollars"), "price", [90]),
        (("$1,399.50", "thirteen hundred ninety-nine dollars and fifty cents"), "price", [1399.5]),
        (("50 cents", "fifty cents", "50 pence"), "price", [0.5]),
        (("it costs twelve", "the fee: costs 12"), "price", [12]),
        (("10%", "ten percent", "10 per cent"), "percentage", [10]),
        (("30 minutes", "half an hour", "a thirty-minute visit"), "duration", [30]),
        (("90 minutes", "An hour and a half.", "one and a half hours"), "duration", [90]),
        (("two weeks", "14 days"), "duration", [20_160]),
        (("9:30 am", "nine thirty a.m.", "9.30 am"), "time", [570]),
        (("at nine thirty", "half past nine", "at 9:30"), "time", [570, 1_290]),
        (("quarter to five", "at 4:45"), "time", [285, 1_005]),
        (("ten past nine", "at 9:10"), "time", [550, 1_270]),
        (("noon", "12 pm"), "time", [720]),
        (("until 17:30",), "time", [1_050]),
        (
            (
                "December 25th",
                "the 25th of December",
                "Dec 25, 2026",
                "2026-12-25",
                "12/25",
                "twenty-fifth of December",
            ),
            "date",
            [1_225],
        ),
        (("at 12 Mill Lane", "twelve Mill Lane", "number twelve, room 12"), "address", [12]),
        (("on the third floor", "the 3rd floor"), "address", [3]),
        (("since 1987", "nineteen hundred eighty-seven"), "number", [1_987]),
        (("125 seats", "a hundred and twenty-five seats"), "count", [125]),
    ],
)
def test_the_same_number_is_the_same_however_it_is_written(
    texts: tuple[str, ...], kind: str, values: list[float]
) -> None:
    for text in texts:
        found = [(each[0], each[1]) for each in read(text)]
        assert (kind, values) in found, text


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("(415) 555-0123", "4155550123"),
        ("415.555.0123", "4155550123"),
        ("+44 20 7946 0000", "442079460000"),
        ("four one five, five five five, zero one double two", "4155550122"),
        ("eight hundred five five five one two one two", "8005551212"),
        ("06 12 34 56 78", "0612345678"),
        ("nine oh two one oh", "90210"),
    ],
)
def test_a_telephone_number_is_its_digits(text: str, digits: str) -> None:
    assert read(f"Call {text}.") == [("digits", [], digits)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("from nine to five", ["time", "time"]),
        ("Mon-Fri 9-17, Sat 10-13", ["time"] * 4),
        ("two to three weeks", ["duration", "duration"]),
        ("$50 to $100", ["price", "price"]),
        ("50 to 100 dollars", ["price", "price"]),
        ("10-20%", ["percentage", "percentage"]),
        ("between 2 and 3 pm", ["time", "time"]),
    ],
)
def test_both_ends_of_a_range_have_its_unit(text: str, kinds: list[str]) -> None:
    assert [each[0] for each in read(text)] == kinds


@pytest.mark.parametrize(
    "text",
    [
        "One moment, please.",
        "Just two seconds.",
        "We have three options, and the first one is best.",
        "May I have your name?",
        "I am the one.",
        "In a minute.",
        "Have a nice day, and call us once a week.",
        "At one of our shops.",
        "I am one hundred percent sure.",
    ],
)
def test_nobody_relies_on_small_words(text: str) -> None:
    assert read(text) == []


def test_what_a_number_counts_is_no_time_and_no_price() -> None:
    assert [each.kind for each in figures_in("at 5 locations, for 4 people, 12 Mill Road")] == [
        Kind.COUNT,
        Kind.COUNT,
        Kind.ADDRESS,
    ]


def test_digits_are_told_in_runs() -> None:
    assert digit_runs_in("my number is four one five and then 555-0123") == ["415", "5550123"]
    assert digit_runs_in("no, five not nine") == ["5", "9"]


@given(st.integers(1, 9_999))
def test_a_price_in_words_is_the_price_in_figures(amount: int) -> None:
    assert read(f"It is {in_words(amount)} dollars.") == read(f"It is ${amount}.") == [("price", [amount], "dollar")]


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    figures_in(text)
    digit_runs_in(text)


SMALL = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")


def in_words(number: int) -> str:
    if number < 20:
        return SMALL[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f"-{SMALL[number % 10]}" if number % 10 else "")
    scale, name = (1_000, "thousand") if number >= 1_000 else (100, "hundred")
    rest = number % scale
    joint = " and " if scale == 100 else " "
    return f"{in_words(number // scale)} {name}" + (f"{joint}{in_words(rest)}" if rest else "")
