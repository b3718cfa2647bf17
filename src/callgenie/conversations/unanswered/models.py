"""An unanswered question, as the owner sees it."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from callgenie.kernel.ids import SessionId, digest_key
from callgenie.understanding.text import words_of

# The names of a follow-up: the questions of this conversation are to be listed, or taken off the list.
UNANSWERED_QUESTIONS: Final = "unanswered-questions"

# More than an owner reads; the least recently asked ones go.
QUESTIONS_MAX: Final = 500

# Of one question so many askings are stored; earlier ones are only counted.
ASKINGS_MAX: Final = 50
SESSIONS_SHOWN: Final = 20
QUESTION_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Asking:
    """One time that a question was asked and not answered: in which turn of which call, in the caller's words."""

    session_id: SessionId
    turn: int
    at: datetime
    question: str

    @property
    def key(self) -> str:
        """The question's name: the same words in another spelling are the same question."""
        return digest_key(" ".join(words_of(unicodedata.normalize("NFKC", self.question))) or self.question)


@dataclass(frozen=True, slots=True)
class UnansweredQuestion:
    """A question that callers have asked and that was not answered.

    Attributes:
        question: In the words of the last caller.
        session_ids: The newest calls in which it was asked, the newest first.
    """

    id: str
    question: str
    count: int
    last_asked_at: datetime
    session_ids: tuple[SessionId, ...]
