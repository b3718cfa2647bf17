"""How a call is answered when the owner has not said how."""

from callgenie.profiles.models import Business, Preferences


def greeting_of(business: Business, preferences: Preferences) -> str:
    """Return the words a call is answered with."""
    if business.greeting is not None:
        return business.greeting
    name = preferences.assistant_name
    if business.company:
        return f"Thank you for calling {business.company}. This is {name}, the automated assistant. How can I help you?"
    return f"Hello, this is {name}, the automated assistant. How can I help you?"
