"""How a call is answered when the owner has not said how."""

from datetime import datetime
from typing import Final

from callgenie.profiles.hours import is_open, state_sentence
from callgenie.profiles.models import Business, Preferences
from callgenie.voice.courtesies import calling_about
from callgenie.voice.message_draft import OFFER

# How the assistant takes back a caller whom it has handed on to a person, and whom nobody has answered.
NOBODY_REACHED: Final = f"I am sorry, nobody could be reached just now. {OFFER}"

# In many places recording a call is only allowed when everybody on it knows.
_ANNOUNCEMENT: Final = "This call is recorded."


def greeting_of(business: Business, preferences: Preferences) -> str:
    """Return the words a call is answered with."""
    if business.greeting is not None:
        return business.greeting
    name = preferences.assistant_name
    if business.company:
        return f"Thank you for calling {business.company}. This is {name}, the automated assistant. How can I help you?"
    return f"Hello, this is {name}, the automated assistant. How can I help you?"


def opening_of(business: Business, preferences: Preferences, purpose: str) -> str:
    """Return the words with which somebody is told who calls them, and why."""
    whose = f" of {business.company}" if business.company else ""
    who = f"Hello, this is {preferences.assistant_name}, the automated assistant{whose}."
    return f"{who} {calling_about(purpose)}"


def after_hours_greeting_of(business: Business, preferences: Preferences, at: datetime) -> str:
    """Return the words a call is answered with outside the opening hours, when it may leave a message."""
    if business.after_hours_greeting is not None:
        return business.after_hours_greeting
    who = f"This is {preferences.assistant_name}, the automated assistant."
    return f"{_closed(business, at)} {who} {OFFER}"


def after_hours_refusal_of(business: Business, at: datetime) -> str:
    """Return the words a call outside the opening hours is refused with."""
    if business.after_hours_greeting is not None:
        return business.after_hours_greeting
    return f"{_closed(business, at)} Goodbye."


def _closed(business: Business, at: datetime) -> str:
    thanks = f"Thank you for calling {business.company}. " if business.company else ""
    # It may have opened in the seconds since the call began to ring.
    return thanks + ("We are just opening." if is_open(business, at) else state_sentence(business, at))


def announcement_of(business: Business) -> str:
    """Return the words that tell a caller that the call is recorded."""
    return business.recording_announcement or _ANNOUNCEMENT
