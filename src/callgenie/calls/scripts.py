"""What the assistant says first in a call, and what it knows while it lasts."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from callgenie.calls.memory import CallerMemory
from callgenie.calls.models import AnsweredCall, Occasion
from callgenie.profiles.greetings import (
    NOBODY_REACHED,
    after_hours_greeting_of,
    announcement_of,
    greeting_of,
    opening_of,
)
from callgenie.profiles.knowledge import knowledge_of
from callgenie.profiles.models import Business, Profile
from callgenie.voice.script import CallScript, no_recollection


def script_for(
    call: AnsweredCall, now: datetime, memory: CallerMemory | None = None, *, recorded: bool = False
) -> CallScript:
    """Return what an answered call is about, from what its owner has set, what time it is, and who calls.

    One that is recorded begins by saying so.
    """
    preferences, business = call.profile.preferences, call.profile.business
    knowledge = replace(
        knowledge_of(business, preferences, now),
        instructions=_instructions(business, call.occasion),
        after_hours=call.occasion.asks_for_message(business),
        purpose=call.occasion.purpose or "",
        caller_number=call.from_number or "",
    )
    return CallScript(
        greeting=greeting_for(call.profile, call.occasion, now, recorded=recorded),
        knowledge=knowledge,
        voice=preferences.voice_model,
        max_duration_seconds=call.limits.max_seconds,
        recall=no_recollection if memory is None else partial(memory.recall, call, now),
    )


def greeting_for(profile: Profile, occasion: Occasion, now: datetime, *, recorded: bool) -> str:
    """Return the first words of a call; where it is recorded, they begin with saying so."""
    preferences, business = profile.preferences, profile.business
    if occasion.is_rest:
        greeting = NOBODY_REACHED
    elif occasion.purpose is not None:
        greeting = opening_of(business, preferences, occasion.purpose)
    elif occasion.asks_for_message(business):
        greeting = after_hours_greeting_of(business, preferences, now)
    else:
        greeting = greeting_of(business, preferences)
    return f"{announcement_of(business)} {greeting}" if recorded else greeting


def _instructions(business: Business, occasion: Occasion) -> str:
    about = [business.instructions]
    if occasion.is_rest:
        about.append(
            "In this very call the caller was being connected with a person, and nobody answered. They have been told"
            " so, and asked whether they would like to leave a message. Nobody can come to the telephone now."
        )
    return "\n\n".join(part for part in about if part)
