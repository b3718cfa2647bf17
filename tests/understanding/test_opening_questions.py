"""Words for the day, of those who ask for opening hours or want to come."""

from datetime import date

import pytest

from callgenie.understanding.opening_questions import asks_whether_open, day_asked_for, day_of_visit

WEDNESDAY = date(2026, 12, 2)


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("Are you open now?", "now"),
        ("Are you open?", "now"),
        ("hello, are you guys open", "now"),
        ("are you still open", "now"),
        ("Are you still open after six on Thursday?", "after six on Thursday"),
        ("are you open monday and tuesday", "monday and tuesday"),
        ("are you open at noon", "at noon"),
        ("Are you open tonight?", "tonight"),
        # No question for yes or no, so no time of day.
        ("How late are you open tonight?", "today"),
        ("When do you close tomorrow evening?", "tomorrow"),
        ("are you closed after six on Thursday", "Thursday"),
        ("what time do you open on Easter Monday", "Easter Monday"),
        ("when do you open in the morning", None),
        ("When are you open?", None),
        ("are you open yet", "now"),
        ("Is anyone there on Sunday?", "Sunday"),
    ],
)
def test_the_words_for_the_day_are_found(said: str, when: str | None) -> None:
    assert day_asked_for(said, WEDNESDAY) == when


def test_a_bank_holiday_is_a_day_where_the_country_is_known() -> None:
    assert day_asked_for("are you open on the bank holiday", WEDNESDAY, "GB") == "the bank holiday"
    assert day_asked_for("are you open on the bank holiday", WEDNESDAY) is None


def test_without_a_date_no_day_is_looked_up() -> None:
    assert day_asked_for("Are you open tomorrow?", None) is None
    assert day_of_visit("put me down for tomorrow", None) is None


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("Can I get a haircut on Sunday?", "Sunday"),
        ("put me down for Friday at three please", "Friday at three"),
        ("What about next Friday at seven?", "next Friday at seven"),
        ("can I book now", None),
        ("can I book now for Friday", "Friday"),
        ("I would like an appointment", None),
    ],
)
def test_the_words_for_the_day_of_a_visit_are_found(said: str, when: str | None) -> None:
    assert day_of_visit(said, WEDNESDAY) == when


PRESENCE = (
    "Is anyone there on Boxing Day",
    "do you work Easter Monday",
    "are you in on Good Friday",
    "will someone be there New Year's Eve",
    "anybody around this weekend",
    "do you guys work on the Fourth of July",
    "is anybody in the office on Saturday",
    "hi just wondering if anyone will be there on Christmas Eve",
    "will you be there tomorrow",
    "are you there on Sunday morning",
    "is there anyone there on Boxing Day?",
    "are you working on Thanksgiving",
    "will anyone be in over Easter",
    "do you operate on bank holidays",
    "will there be anyone there at six on Boxing Day",
    "is anyone in on the 26th",
    "do you trade on Boxing Day",
    "are you around this weekend",
)
NO_PRESENCE = (
    "is coach Taylor there tonight",
    "is anyone there on Monday who speaks Spanish",
    "do you work on brakes",
    "do you work on cars this weekend",
    "are you there",
    "is anybody there",
    "is anyone there now",
    "can I talk to someone tomorrow",
    "is Anna in on Friday",
    "do you work with Aetna",
    "will you be there for my appointment Friday with my dog",
    "are you there at six",
)


@pytest.mark.parametrize("said", PRESENCE)
def test_who_asks_if_anybody_is_there_on_a_day_asks_for_the_hours(said: str) -> None:
    assert asks_whether_open(said, date(2026, 12, 2), "GB")


@pytest.mark.parametrize("said", NO_PRESENCE)
def test_who_asks_for_more_than_that_does_not(said: str) -> None:
    assert not asks_whether_open(said, date(2026, 12, 2), "GB")
    assert not asks_whether_open(said, None)
