"""Times of day that callers name: what they ask about, and which readings an hour has."""

from datetime import date

import pytest

from callgenie.understanding.dates.clock_times import Relation
from callgenie.understanding.days import days_in

WEDNESDAY = date(2026, 12, 2)


def time_in(text: str) -> str:
    """Return the times of a text in short: `after 18:00`, `at 07:00/19:00`, `during 12:00-18:00`."""
    times = []
    for mention in days_in(text, WEDNESDAY, "US"):
        if mention.time is None:
            times.append("none")
            continue
        minutes = "/".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in mention.time.minutes)
        last = mention.time.last
        times.append(f"{mention.time.relation} {minutes}" + (f"-{last // 60:02d}:{last % 60:02d}" if last else ""))
    return ", ".join(times)


@pytest.mark.parametrize(
    ("text", "time"),
    {
        "Are you still open after six on Thursday": "after 18:00",
        "can I come at seven": "at 07:00/19:00",
        "are you open at noon tomorrow": "at 12:00",
        "a table for four tonight at eight": "at 20:00",
        "four tomorrow": "at 04:00/16:00",
        "early night monday": "during 18:00-24:00",
        "late arvo monday": "during 12:00-18:00",
        "tomorrow at 7 p.m.": "at 19:00",
        "tomorrow at 7pm": "at 19:00",
        "at 18:30 today": "at 18:30",
        "at 09:00 today": "at 09:00",
        "at 9:30 today": "at 09:30/21:30",
        "at 9.30 am today": "at 09:30",
        "at six thirty today": "at 06:30/18:30",
        "at eight oh five today": "at 08:05/20:05",
        "half past six on friday": "at 06:30/18:30",
        "like half six thursday": "at 06:30/18:30",
        "quarter to seven today": "at 06:45/18:45",
        "quarter past seven today": "at 07:15/19:15",
        "at ten to six today": "at 05:50/17:50",
        "at twelve tomorrow": "at 12:00/24:00",
        "at 12:30 tomorrow": "at 12:30",
        "midnight on friday": "at 24:00",
        "seven o'clock on friday": "at 07:00/19:00",
        "by eight on friday": "at 08:00/20:00",
        "around three today": "at 03:00/15:00",
        "before nine on monday": "before 09:00",
        "before six on monday": "before 06:00/18:00",
        "before noon on monday": "before 12:00",
        "past five on friday": "after 17:00",
        "after half past five on friday": "after 17:30",
        "until eight on friday": "until 20:00",
        "till half twelve on friday": "until 12:30",
        "from nine to five on friday": "throughout 09:00-17:00",
        "friday 6-8 pm": "throughout 18:00-20:00",
        "between two and four on friday": "during 14:00-16:00",
        "between 10 and 12 on friday": "during 10:00-12:00",
        "tomorrow morning": "during 06:00-12:00",
        "on friday afternoon": "during 12:00-18:00",
        "in the evening on friday": "during 18:00-22:00",
        "friday night": "during 18:00-24:00",
        "tonight": "during 18:00-24:00",
        "this morning": "during 06:00-12:00",
        "tomorrow around lunch": "during 12:00-14:00",
        "saturday after lunch": "after 13:00",
        "at six tomorrow morning": "at 06:00",
        "at seven tonight": "at 19:00",
        "eight tonight": "at 20:00",
        "tomorrow morning eleven o'clock": "at 11:00",
        "at four in the morning tomorrow": "at 04:00",
        "friday night at one": "at 25:00",
        "twelve at night on friday": "at 24:00",
        "at twelve at night on friday": "at 24:00",
        "after six in the morning on friday": "after 06:00",
        "next friday evening around seven": "at 19:00",
        # One time for a list of days, or each its own.
        "Monday and Tuesday after six": "after 18:00, after 18:00",
        "after six on Monday or Tuesday": "after 18:00, after 18:00",
        "monday at nine or tuesday at ten": "at 09:00/21:00, at 10:00/22:00",
        "monday, or at ten on tuesday": "none, at 10:00/22:00",
        # What is no time.
        "about eight foot": "",
        "after two and a half": "",
        "by two more days on monday": "none",
        "at 7 elm street on monday": "none",
        "Good morning, are you open on Monday": "none",
        "five people on friday": "none",
        "the 5th of may": "none",
        "what time on friday": "none",
        "when do you open in the morning": "",
    }.items(),
)
def test_times_are_those_that_a_caller_means(text: str, time: str) -> None:
    assert time_in(text) == time


def test_a_time_alone_is_one_of_today() -> None:
    (mention,) = days_in("can I come at seven", WEDNESDAY)
    assert mention.is_implied
    assert mention.dates == (WEDNESDAY,)
    assert not days_in("can I come at seven tomorrow", WEDNESDAY)[0].is_implied


@pytest.mark.parametrize(
    ("text", "day", "time"),
    [
        ("Are you open, um, after six on Thursday?", "Thursday", "after six"),
        ("are you open on the twenty-eighth at half past five please", "on the twenty-eighth", "at half past five"),
        ("Tonight at 7?", "Tonight", "at 7"),
    ],
)
def test_a_mention_says_where_its_words_stand(text: str, day: str, time: str) -> None:
    (mention,) = days_in(text, WEDNESDAY)
    assert text[mention.start : mention.end] == day
    assert mention.time is not None
    assert text[mention.time.start : mention.time.end] == time


def test_every_relation_is_found_in_some_words() -> None:
    said = ("at 5", "after 5", "before 5", "until 5", "tonight", "from 9 to 5")
    found = {mention.time.relation for text in said for mention in days_in(text, WEDNESDAY) if mention.time}
    assert found == set(Relation)
