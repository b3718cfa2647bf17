"""Which words of a question about opening hours name the day."""

from datetime import date

import pytest

from callgenie.voice.days import day_asked_for

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
        # "There" says nothing about opening hours.
        ("Is coach Taylor there tonight?", None),
        ("Can I have a haircut on Sunday?", None),
        ("What's the weather like tomorrow?", None),
    ],
)
def test_the_words_for_the_day_are_found(said: str, when: str | None) -> None:
    assert day_asked_for(said, WEDNESDAY) == when


def test_a_bank_holiday_is_a_day_where_the_country_is_known() -> None:
    assert day_asked_for("are you open on the bank holiday", WEDNESDAY, "GB") == "the bank holiday"
    assert day_asked_for("are you open on the bank holiday", WEDNESDAY) is None


def test_without_a_date_no_day_is_looked_up() -> None:
    assert day_asked_for("Are you open tomorrow?", None) is None
