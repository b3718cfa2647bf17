"""What the assistant says first in a call, and what it knows while it lasts."""

from callgenie.calls.models import AnsweredCall
from callgenie.profiles.greetings import greeting_of
from callgenie.profiles.hours import hours_sentence
from callgenie.voice.ports import Knowledge, Question
from callgenie.voice.script import CallScript


def script_for(call: AnsweredCall) -> CallScript:
    """Return what an answered call is about, from what its owner has set."""
    preferences, business = call.profile.preferences, call.profile.business
    knowledge = Knowledge(
        assistant_name=preferences.assistant_name,
        company=business.company,
        instructions=business.instructions,
        hours=hours_sentence(business),
        questions=tuple(Question(entry.question, entry.answer) for entry in business.faq),
        language=preferences.language,
        response_length=preferences.response_length,
    )
    return CallScript(
        greeting=greeting_of(business, preferences),
        knowledge=knowledge,
        voice=preferences.voice_model,
        max_duration_seconds=call.limits.max_seconds,
    )
