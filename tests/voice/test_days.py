"""Words for the day, of those who ask for opening hours or want to come."""

from datetime import date

import pytest

from callgenie.voice.days import day_asked_for, day_of_visit

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
