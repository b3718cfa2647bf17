"""What a caller has told of a message, read from what was said.

There is no state. Where the talk stands is in what was said, of our own words also when they were cut short.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.courtesies import TELLS, says_no, says_yes, wants_person, without_goodbye
from callgenie.voice.endings import words_of
from callgenie.voice.particulars import DIGITS_OF_A_NUMBER, digits_in, name_answered, name_said_in
from callgenie.voice.ports import Message
from callgenie.voice.tool_names import TAKE_MESSAGE, is_error

OFFER: Final = "Would you like to leave a message?"
PASS_ON: Final = "Shall I pass your question on to the team?"  # noqa: S105 - words, not a password
ASK_MESSAGE: Final = "Please tell me your message, with your name and your number."
ASK_NAME: Final = "May I have your name, please?"
ASK_OWN_NUMBER: Final = "Shall we call you back on the number you are calling from?"
ASK_THIS_NUMBER: Final = "Shall we call you back on the number we have called?"
ASK_NUMBER: Final = "What number can we reach you on?"
IS_IT_RIGHT: Final = "Is that right?"
TRY_AGAIN: Final = "I am sorry, I could not keep your message. Shall I try once more?"

# Begins a question of ours whether an entry of the FAQ is meant.
ASK_BACK: Final = "Do you mean:"

READ_BACK: Final = "I will pass on:"
_PROMPTS: Final = (
    OFFER,
    PASS_ON,
    ASK_MESSAGE,
    ASK_NAME,
    ASK_OWN_NUMBER,
    ASK_THIS_NUMBER,
    ASK_NUMBER,
    IS_IT_RIGHT,
    TRY_AGAIN,
)

AFTER_THE_MESSAGE: Final = (ASK_NAME, ASK_OWN_NUMBER, ASK_THIS_NUMBER, ASK_NUMBER, IS_IT_RIGHT)

# Of a prompt that the caller talked into, so many letters are enough to know it by.
_LETTERS_TO_KNOW: Final = 9

# "Yes, please do" accepts the offer to leave a message; "yes, please tell her that I will be late" is the message.
_WORDS_OF_A_MESSAGE: Final = 6
_WORDS_OF_A_REFUSAL: Final = 4

_NUMBER_DIGITS_MIN: Final = 3
# "I have to cancel my appointment" is a message.
_CANCELS: Final = re.compile(
    r"\b(never ?mind|forget (about )?it|no message|cancel (it|this|that|(the|my|this|that) message))\b"
    r"|^\W*(please )?cancel( please)?\W*$"
)
_DID_NOT_HEAR: Final = ("pardon", "sorry?", "say that again", "repeat that", "what was that", "what did you say")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as far as it was told. `own_number` is None until the caller was asked for that of the call."""

    text: str = ""
    name: str = ""
    number: str = ""
    asked_name: bool = False
    own_number: bool | None = None
    asked_number: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a caller said, and the prompt of ours that it followed; empty where that was none.

    `asked` is what the caller had said before that prompt: after an offer to pass a question on, the question.
    """

    prompt: str
    said: str
    asked: str = ""


def exchanges_of(messages: Sequence[Message]) -> list[Exchange]:
    """Return what the caller said since the last message was taken, each with the prompt that it followed."""
    exchanges: list[Exchange] = []
    ours = asked = ""
    is_taking = False
    for message in messages:
        if message.role is TurnRole.ASSISTANT:
            ours = f"{ours} {message.text}"
            is_taking = any(call.name == TAKE_MESSAGE for call in message.tool_calls)
        elif message.role is TurnRole.TOOL and is_taking and not is_error(message.text):
            exchanges.clear()
        elif message.role is TurnRole.USER:
            exchanges.append(Exchange(prompt_in(ours), message.text, asked))
            # The reply to a question of ours whether an entry is meant is not what the caller wants to know.
            asked = asked if ASK_BACK in ours else message.text
            ours = ""
    return exchanges


def question_before(messages: Sequence[Message]) -> str:
    """Return the caller's question that our last words asked back about."""
    exchanges = exchanges_of(messages)
    return exchanges[-1].asked if exchanges else ""


def prompt_in(ours: str) -> str:
    """Return which prompt our words end with, whole or cut short; empty where it is none."""
    found = [(ours.rindex(prompt), prompt) for prompt in _PROMPTS if prompt in ours]
    if READ_BACK in ours:
        found.append((ours.rindex(READ_BACK), IS_IT_RIGHT))
    if found:
        return max(found)[1]
    for prompt in _PROMPTS:
        for letters in range(len(prompt) - 1, _LETTERS_TO_KNOW - 1, -1):
            if ours.rstrip().endswith(prompt[:letters].rstrip()):
                return prompt
    return ""


def told_by(draft: Draft, exchange: Exchange) -> Draft:
    """Add to a draft what was said to a prompt."""
    if did_not_hear(exchange.said) or exchange.prompt not in _TAKES_IN:
        return draft
    return _TAKES_IN[exchange.prompt](draft, exchange)


def _offered(draft: Draft, exchange: Exchange) -> Draft:
    del draft
    said = exchange.said
    return with_particulars(Draft(text=said), said) if _is_message(said) else Draft()


def _question_offered(draft: Draft, exchange: Exchange) -> Draft:
    del draft
    if says_yes(exchange.said):
        return with_particulars(Draft(text=exchange.asked), exchange.said)
    return with_particulars(Draft(text=exchange.said), exchange.said) if _is_message(exchange.said) else Draft()


def _asked_for_it(draft: Draft, exchange: Exchange) -> Draft:
    del draft
    said = exchange.said
    return with_particulars(Draft(text=said), said) if _has_words(said) else Draft()


def _named(draft: Draft, exchange: Exchange) -> Draft:
    said = exchange.said
    digits = digits_in(said)
    number = digits if len(digits) >= DIGITS_OF_A_NUMBER else draft.number
    return replace(draft, name=name_answered(said), number=number, asked_name=True)


def _to_own_number(draft: Draft, exchange: Exchange) -> Draft:
    said = exchange.said
    number = _number_in(said)
    return replace(draft, number=number or draft.number, own_number=bool(number) or not says_no(said))


def _numbered(draft: Draft, exchange: Exchange) -> Draft:
    said = exchange.said
    return replace(draft, number=_number_in(said), asked_number=True)


def with_particulars(draft: Draft, said: str) -> Draft:
    """Add to a draft the name and the number that are in an utterance."""
    digits = digits_in(said)
    number = digits if len(digits) >= DIGITS_OF_A_NUMBER else draft.number
    return replace(draft, name=name_said_in(said) or draft.name, number=number)


def _corrected(draft: Draft, exchange: Exchange) -> Draft:
    """Return the draft after the caller heard it: with another name, another number, or something to add to it."""
    said = exchange.said
    better = with_particulars(draft, said)
    if better != draft or says_yes(said):
        return better
    if says_no(said):
        return Draft()
    return replace(draft, text=f"{draft.text} {said}") if _has_words(said) else draft


_TAKES_IN: Final[Mapping[str, Callable[[Draft, Exchange], Draft]]] = {
    OFFER: _offered,
    PASS_ON: _question_offered,
    ASK_MESSAGE: _asked_for_it,
    ASK_NAME: _named,
    ASK_OWN_NUMBER: _to_own_number,
    ASK_THIS_NUMBER: _to_own_number,
    ASK_NUMBER: _numbered,
    IS_IT_RIGHT: _corrected,
}


def _number_in(said: str) -> str:
    digits = digits_in(said)
    return digits if len(digits) >= _NUMBER_DIGITS_MIN else ""


def cancels(said: str) -> bool:
    """Tell whether a caller wants no message to be taken any more."""
    return _CANCELS.search(said.lower()) is not None


def did_not_hear(said: str) -> bool:
    """Tell whether a caller wants our last words to be said again."""
    return any(phrase in said.lower() for phrase in _DID_NOT_HEAR)


def _is_message(said: str) -> bool:
    if _declines(said) or "?" in said:
        return False
    words = words_of(said)
    # "Tell the baker I must talk to the manager" is a message; "can I talk to the manager please" is not.
    return not TELLS.isdisjoint(words) or (len(words) > _WORDS_OF_A_MESSAGE and not wants_person(said))


def _has_words(said: str) -> bool:
    left = words_of(without_goodbye(said))
    return any(len(word) > 1 for word in left) and not _declines(said)


def _declines(said: str) -> bool:
    # "I will not come today" is a message.
    return says_no(said) and len(words_of(said)) <= _WORDS_OF_A_REFUSAL
