"""What the call itself says, whoever answers: it must be there when the model is not."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences of one language."""

    are_you_there: str
    nobody_there: str
    time_is_up: str
    apology: str
    say_again: str
    lost_thread: str
    goodbye: str


_ENGLISH: Final = Phrases(
    are_you_there="Are you still there?",
    nobody_there="I can't hear you, so I'll hang up now. Please call again any time. Goodbye.",
    time_is_up="I'm sorry, we have reached the longest time a call may take. Please call again. Goodbye.",
    apology="I'm sorry, something has gone wrong on our side. Please call again in a moment. Goodbye.",
    say_again="I'm sorry, I didn't get that. Could you say it again?",
    lost_thread="I'm sorry, I lost my thread. Could you say that again?",
    goodbye="Thank you for calling. Goodbye.",
)


def phrases_for(language: str) -> Phrases:
    """Return the sentences for a language; English where there is no translation yet."""
    del language
    return _ENGLISH
