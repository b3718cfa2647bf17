"""Sentences with which the embedded model answers; each says what happens next."""

from collections.abc import Mapping
from typing import Final

from callgenie.understanding.acts import Act
from callgenie.voice.message_draft import ASK_BACK
from callgenie.voice.ports import Knowledge

UNKNOWN: Final = "I'm sorry, I don't know that."
NOBODY: Final = "I'm sorry, nobody can come to the telephone right now."
CANNOT: Final = "I'm sorry, I cannot do that on the telephone. Please call again during our opening hours."
GO_ON: Final = "Please go ahead."
HEARS: Final = "Yes, I can hear you. How can I help you?"
WELCOME: Final = "You're welcome."
ONLY_ENGLISH: Final = "I'm sorry, I only speak English."
NOT_PERSONAL: Final = "I'm an automatic assistant, so I can only help you with questions about our business."
SAY_AGAIN: Final = "I'm sorry, could you say that in other words?"


# The caller's sentence is kept as the message; what we cannot do ourselves is said before their name is asked for.
WISHES: Final[Mapping[Act, str]] = {
    Act.BOOK: "I can't make bookings myself, but I will pass it on.",
    Act.CHANGE_BOOKING: "I can't change bookings myself, but I will pass it on.",
    Act.CANCEL_BOOKING: "I can't cancel bookings myself, but I will pass it on.",
    Act.ORDER: "I can't take orders myself, but I will pass it on.",
    Act.ORDER_STATUS: "I can't look that up myself, but I will pass it on.",
    Act.COMPLAIN: "I'm sorry to hear that. I will pass it on.",
    Act.PAY: "I can't take payments, but I will pass it on.",
    Act.CALLBACK: "Of course, I will ask the team to call you back.",
    Act.MESSAGE: "Of course, I will pass that on.",
    Act.JOB_APPLICATION: "I don't know about that, but I will pass it on.",
    Act.SALES_PITCH: "I will pass it on.",
}


def ask_back(question: str) -> str:
    """Return the question whether an entry is meant; it tells nothing of the entry's answer."""
    bare = question.strip().rstrip("?!. ")
    return f"{ASK_BACK} {bare[:1].lower() if bare[1:2].islower() else bare[:1]}{bare[1:]}?"


def asked_back_in(ours: str, questions: tuple[str, ...]) -> int | None:
    """Return the index of the question that we asked back about in our last words, or None."""
    if ASK_BACK not in ours:
        return None
    tail = ours[ours.rindex(ASK_BACK) :]
    found = [at for at, question in enumerate(questions) if tail.startswith(ask_back(question))]
    return max(found, key=lambda at: len(questions[at]), default=None)


def who_we_are(knowledge: Knowledge) -> str:
    """Return who answers."""
    if knowledge.company:
        return f"This is {knowledge.assistant_name}, the automatic assistant of {knowledge.company}."
    return f"This is {knowledge.assistant_name}, an automatic assistant."
