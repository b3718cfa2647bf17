"""Small words between people, understood and said without any model."""

import re
from typing import Final

from callgenie.voice.endings import words_of
from callgenie.voice.ports import Knowledge

ANYTHING_ELSE: Final = "Is there anything else I can help you with?"

_GOODBYE: Final = re.compile(
    r"\b(good ?bye|bye(-| )?bye|bye|that'?s (all|it|everything)|that is (all|everything)|nothing else"
    r"|have a (nice|good|great|lovely) (day|one|evening|weekend))\b"
)
_WANTS_PERSON: Final = re.compile(
    r"\b((speak|talk) (to|with) (a|an|the|some|your)\b.*|real person|human being|a human|an operator|representative"
    r"|(transfer|connect|put) me\b.*)"
)
_QUESTION: Final = re.compile(
    r"^(?:(?:hello|hi|hey|yes|okay|ok|and|so|well|good (?:morning|afternoon|evening)),?\s+)*"
    r"(?:what|how|when|where|who|which|why|do|does|did|is|are|can|could|will|would|may|should|have|has)\b"
)
_YES: Final = frozenset(
    words_of("yes yeah yep yup sure okay ok please absolutely correct right exactly perfect fine certainly definitely")
)
_NO: Final = frozenset({"no", "nope", "nah", "wrong"})
# With one of these a caller says what is to be passed on.
TELLS: Final = frozenset({"tell", "say", "ask", "let"})
_AGREES: Final = re.compile(r"\b(that'?s|that is|it'?s|it is) (right|correct|fine|perfect|it)\b")
_DISAGREES: Final = re.compile(r"\b(not|isn'?t|wrong|incorrect)\b")


def says_goodbye(text: str) -> bool:
    """Tell whether somebody takes their leave, and asks nothing more."""
    return "?" not in text and _GOODBYE.search(text.lower()) is not None


def takes_leave(text: str, before: str) -> bool:
    """Tell whether somebody takes their leave, or has nothing else to say when we ask."""
    return says_goodbye(text) or (ANYTHING_ELSE in before and says_no(text) and "?" not in text)


def without_goodbye(text: str) -> str:
    """Return what is left of a text when the leave-taking is taken out."""
    return _GOODBYE.sub(" ", text.lower())


def says_yes(text: str) -> bool:
    """Tell whether an answer is a yes."""
    words = words_of(text)
    if not words or _DISAGREES.search(text.lower()):
        return False
    return words[0] in _YES or _AGREES.search(text.lower()) is not None


def says_no(text: str) -> bool:
    """Tell whether an answer is a no."""
    words = words_of(text)
    return bool(words) and (words[0] in _NO or (words[0] not in _YES and _DISAGREES.search(text.lower()) is not None))


def declines_at_once(text: str) -> bool:
    """Tell whether an answer begins with a no, and is not what somebody should be told."""
    words = words_of(text)
    return bool(words) and words[0] in _NO and TELLS.isdisjoint(words)


def asks(text: str) -> bool:
    """Tell whether something is asked; not every recogniser writes question marks."""
    return "?" in text or _QUESTION.match(text.lower()) is not None


def wants_person(text: str) -> bool:
    """Tell whether somebody asks for a human being."""
    return _WANTS_PERSON.search(text.lower()) is not None


def calling_about(purpose: str) -> str:
    """Return the sentence that says why we call."""
    return f"I am calling about {purpose if purpose.endswith(('.', '!', '?')) else f'{purpose}.'}"


def farewell(knowledge: Knowledge) -> str:
    """Return our own goodbye."""
    if knowledge.is_our_call:
        return "Thank you for your time. Goodbye."
    return f"Thank you for calling{f' {knowledge.company}' if knowledge.company else ''}. Goodbye."
