"""Questions: whether words ask something of us, and which questions stand in one sentence."""

import re
from typing import Final

from callgenie.understanding.message_forms import asks_us_to_tell
from callgenie.understanding.text import words_of

_FIRST: Final = (
    r"what|how|when|where|who|which|why|do|does|did|is|are|can|could|will(?! do\b)|would|may|should"
    r"|have (?:you|they|we|i)|has (?:he|she|it|the|my|anyone|anybody|somebody|someone)"
)
_BEFORE: Final = (
    r"hello|hi|hey|yes|yeah|okay|ok|and|so|well|um|uh|oh|but|also|actually|sorry|thanks|thank you|great"
    r"|good (?:morning|afternoon|evening)"
)
_ASKS: Final = re.compile(
    rf"(?:(?:{_BEFORE}) )*(?:{_FIRST}|what's|how's|where's|who's|when's|isn't|aren't|don't you)\b"
)
_LATER: Final = re.compile(
    r"\b(?:how (?:much|many|long|far|old|late|early|often|do|does|can|about|are|is)"
    r"|what (?:time|day|is|are|about|do|does)|what's|where(?:'s| is| are| do| can)|when (?:do|does|are|is|can|will)"
    r"|(?:do|can|could|would) (?:you|i|we)|(?:are|is) (?:you|there|it|that|the)|who (?:is|do|can|will)"
    r"|which (?:is|one|of))\b"
)
_CLAUSE: Final = re.compile(r"[,;.!]|\b(?:but|and|so)\b")
_SECOND: Final = re.compile(rf",?\s+(?:and|also)\s+(?=(?:also\s+)?(?:{_FIRST})\b)", re.IGNORECASE)
_WHY_WE_CALL: Final = re.compile(
    rf"(?:(?:{_BEFORE}) )*(?:what(?:'s| is|s) (?:this|that|it|the call|your call) (?:all )?"
    r"(?:about|regarding|concerning|in regards? to|in connection with|in reference to|for)"
    r"|(?:why|what) (?:are|did|were) you (?:calling|ringing|phoning|call|ring|phone)(?: (?:me|us))?"
    r"(?: (?:about|for|today))*"
    r"|what do you (?:want|need)(?: (?:from|with) (?:me|us))?"
    r"|(?:what|why)(?:'s| is) the (?:reason|purpose) (?:for|of) (?:this|the|your) call"
    r"|what (?:can|could) i do for you|is this about (?:something|anything))(?: please| then| exactly| again)?"
)


def asks_why_we_call(text: str) -> bool:
    """Tell whether somebody whom we called asks for the reason, and for nothing else."""
    return _WHY_WE_CALL.fullmatch(" ".join(words_of(text))) is not None


def asks(text: str) -> bool:
    """Tell whether something is asked; not every recogniser writes question marks.

    "Could you tell her I'll be late?" is a message, and asks nothing.
    """
    if asks_us_to_tell(text):
        return False
    return "?" in text or _ASKS.match(" ".join(words_of(text))) is not None


def asks_in_passing(text: str) -> bool:
    """Tell whether a clause asks something, whatever the words begin with: "that's all I know, how much is it"."""
    clauses = [" ".join(words_of(clause)) for clause in _CLAUSE.split(text.lower())]
    return asks(text) or any(_LATER.match(clause) is not None for clause in clauses)


def joined_questions(sentence: str) -> list[str]:
    """Return the single questions of a sentence: "is there parking, and how much is it" is two."""
    return [part for part in _SECOND.split(sentence) if words_of(part)]
