"""Small words between people that we say in many places."""

from typing import Final

from callgenie.voice.ports import Knowledge

ANYTHING_ELSE: Final = "Is there anything else I can help you with?"
ALL_RIGHT: Final = f"All right. {ANYTHING_ELSE}"
TAKE_TIME: Final = "Of course, take your time."

# After the usual hours of a public holiday, where the owner has set no holidays.
MAY_DIFFER: Final = "Our hours may be different on the holiday, so please don't rely on it."


def calling_about(purpose: str) -> str:
    """Return the sentence that says why we call."""
    return f"I am calling about {purpose if purpose.endswith(('.', '!', '?')) else f'{purpose}.'}"


def farewell(knowledge: Knowledge) -> str:
    """Return our own goodbye."""
    if knowledge.is_our_call:
        return "Thank you for your time. Goodbye."
    return f"Thank you for calling{f' {knowledge.company}' if knowledge.company else ''}. Goodbye."
