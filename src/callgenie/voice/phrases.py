"""What the call itself says, whoever answers: it must be there when the model is not."""

from dataclasses import dataclass, replace
from typing import Final

from callgenie.voice.ports import Knowledge


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences of one language and one direction."""

    are_you_there: str
    nobody_there: str
    time_is_up: str
    apology: str
    say_again: str
    lost_thread: str
    not_known: str
    restarting: str
    goodbye: str


SAY_AGAIN: Final = "I'm sorry, I didn't get that. Could you say it again?"

_ENGLISH: Final = Phrases(
    are_you_there="Are you still there?",
    nobody_there="I can't hear you, so I'll hang up now. Please call again any time. Goodbye.",
    time_is_up="I'm sorry, we have reached the longest time a call may take. Please call again. Goodbye.",
    apology="I'm sorry, something has gone wrong on our side. Please call again in a moment. Goodbye.",
    say_again=SAY_AGAIN,
    lost_thread="I'm sorry, I lost my thread. Could you say that again?",
    not_known="I'm sorry, I don't know that.",
    restarting="I am sorry, our system is about to restart. Please call again in a minute. Goodbye.",
    goodbye="Thank you for calling. Goodbye.",
)

# Nobody whom we have called can be asked to call again, or thanked for calling.
_ENGLISH_OF_OUR_CALL: Final = replace(
    _ENGLISH,
    nobody_there="I can't hear you, so I'll hang up now. Goodbye.",
    time_is_up="I'm sorry, we have reached the longest time a call may take. Goodbye.",
    apology="I'm sorry, something has gone wrong on our side, so I have to hang up. Goodbye.",
    restarting="I am sorry, our system is about to restart, so I have to hang up. Goodbye.",
    goodbye="Thank you for your time. Goodbye.",
)


def phrases_for(knowledge: Knowledge) -> Phrases:
    """Return the sentences of a call; English where its language has no translation yet."""
    return _ENGLISH_OF_OUR_CALL if knowledge.is_our_call else _ENGLISH
