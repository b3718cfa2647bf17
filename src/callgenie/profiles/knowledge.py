"""The facts about a business that a language model answers from."""

from datetime import datetime

from callgenie.profiles.countries import country_of
from callgenie.profiles.hours import local_date, local_time_text, state_sentence
from callgenie.profiles.models import Business, Preferences
from callgenie.profiles.opening_replies import hours_and_holidays
from callgenie.voice.ports import Knowledge, Person, Question


def knowledge_of(business: Business, preferences: Preferences, now: datetime) -> Knowledge:
    """Return what is known at a moment, whoever calls."""
    return Knowledge(
        assistant_name=preferences.assistant_name,
        company=business.company,
        instructions=business.instructions,
        hours=hours_and_holidays(business, now),
        questions=tuple(Question(entry.question, entry.answer) for entry in business.faq),
        people=tuple(Person(each.name, each.role or "") for each in business.people),
        language=preferences.language,
        response_length=preferences.response_length,
        local_time=local_time_text(business, now),
        today=local_date(business, now),
        country=country_of(business.timezone),
        opening_state=state_sentence(business, now),
    )
