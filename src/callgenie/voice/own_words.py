"""What our own last words asked or promised. A model chooses its words itself, so they are recognised by patterns."""

import re
from typing import Final

from callgenie.voice.sentences import sentences_of

_OFFERS_MORE: Final = re.compile(r"\b(anything|something) (else|more|further)\b|\bfurther questions?\b", re.IGNORECASE)
_OFFERS_PERSON: Final = re.compile(
    r"\b(put|patch)(ting)? you through\b|\b(connect|transfer)(ring|ing)? you\b|\b(speak|talk) (to|with)\b",
    re.IGNORECASE,
)
# Whoever is asked for a name tells that.
_ASKS_FOR_MESSAGE: Final = re.compile(r"\b(message|pass (it |that |this )?(on|along)|let \w+ know)\b", re.IGNORECASE)
_ASKS_FOR_ELSE: Final = re.compile(r"\b(name|number)\b", re.IGNORECASE)
_PROMISES: Final = re.compile(
    r"\b(?:i|we)(?:'ll| will|'ve| have)(?: \w+)? (?:pass(?:ed)? (?:it|that|this|on|along|your)"
    r"|(?:tell|told|inform|remind) (?!you\b)|let (?!you\b)\w+(?: \w+)? know|not(?:e|ed) (?:it|that|this|down|your)"
    r"|forward|relay|ma(?:k|d)e a note)",
    re.IGNORECASE,
)
_OPEN: Final = re.compile(r"\b(we are|and|but) (usually )?open\b(?! again)|\bopen from\b")


def says_closed(hours: str) -> bool:
    """Tell whether what the calendar says of a day and time is that we are closed."""
    return hours.startswith("No,") or ("closed" in hours and _OPEN.search(hours) is None)


def offers_more(ours: str) -> bool:
    """Tell whether we asked if there is anything else."""
    return _OFFERS_MORE.search(ours) is not None


def offers_person(ours: str) -> bool:
    """Tell whether we offered to put the caller through."""
    return _OFFERS_PERSON.search(ours) is not None


def asks_for_message(ours: str) -> bool:
    """Tell whether our last sentence asked for a message."""
    last = " ".join(sentences_of(ours)[-1:])
    return _ASKS_FOR_MESSAGE.search(last) is not None and _ASKS_FOR_ELSE.search(last) is None


def promises_to_pass_on(ours: str) -> bool:
    """Tell whether we promised to pass something on."""
    return _PROMISES.search(ours) is not None
