"""Messages: words that are to be passed on to somebody, and the wish for a message to be taken."""

import re
from typing import Final

from callgenie.understanding.fillers import COURTESY, HESITATION
from callgenie.understanding.text import words_of

# "Tell her that I will be late", "ask Bob to call me": a message, whatever a model makes of it.
_ASKS_US_TO_TELL: Final = re.compile(
    r"\b(?:tell|let|inform|remind|ask) (?!(?:me|you|us|people|about|for|if|whether|what|when|how|why|a|an)\b)"
    r"(?:(?:the|my|dr|doctor|mr|mrs|ms|miss|your) )?[\w-]+"
    r" (?:that|know|to|if|whether|i|i'm|i'll|i've|i'd|we|we're|we'll|we've|he|she|he's|she's|they|it's|my|our|the|about"
    r"|not)\b"
    r"|\b(?:give|pass|relay) (?!(?:me|us)\b)[\w-]+(?: [\w-]+)?"
    r" (?:a|the|my|this|that) (?:message|word)s? (?:that|to say)\b"
)
# With one of these a caller says what is to be passed on; "tell me" and "I wanted to ask about" are for us.
_TELLS: Final = re.compile(
    r"\b(?:tell|say|ask|let|inform|remind)\b"
    r"(?! (?:me|us|you|again|about|for|a question|something|if you|whether you|what|when|where|how|why)\b)"
    r"(?! (?:it|that) again\b)"
)
# "Can I leave a message": the wish for it, and nothing of the message yet.
_TO_LEAVE_ONE: Final = re.compile(
    r"\b(?:leave|take|pass on|give [\w-]+|send|record) (?:a|my|the|you a|them a) (?:\w+ )?message\b"
    r"|\bleave (?:one|him one|her one|them one)\b"
)
_WORDS_OF_THE_WISH_ALONE: Final = 12
_ACCEPTING: Final = frozenset(words_of("i i'd would like love to do that one very much leave could can a message"))

# In fewer words nobody says why they call.
WORDS_OF_A_MESSAGE: Final = 4


def asks_us_to_tell(text: str) -> bool:
    """Tell whether we are asked to tell somebody else something."""
    return _ASKS_US_TO_TELL.search(_plain(text)) is not None


def speaks_of_telling(text: str) -> bool:
    """Tell whether words may be what somebody is to be told."""
    return _TELLS.search(_plain(text)) is not None


def only_asks_to_leave_message(text: str) -> bool:
    """Tell whether somebody wants to leave a message, and says nothing of it yet."""
    plain = _plain(text)
    is_wish = _TO_LEAVE_ONE.search(plain) is not None and len(plain.split()) <= _WORDS_OF_THE_WISH_ALONE
    return is_wish and not asks_us_to_tell(text)


def is_long_enough(text: str, words_min: int = WORDS_OF_A_MESSAGE) -> bool:
    """Tell whether words may be a message: so many of them, or enough for one beside what accepts our offer."""
    words = words_of(text)
    more = [word for word in words if word not in COURTESY and word not in HESITATION and word not in _ACCEPTING]
    return len(words) >= words_min and bool(more)


def _plain(text: str) -> str:
    return " ".join(words_of(text))
