"""What a caller has told of a message, read from what was said.

There is no state. Where the talk stands is in what was said, of our own words also when they were cut short.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.understanding.agreement import Detail, details_denied, is_agreement, is_denial, rejects_all
from callgenie.understanding.digits import DIGITS_OF_A_NUMBER, digits_in
from callgenie.understanding.names import name_answered, name_said_in
from callgenie.understanding.utterance import Read, Utterance
from callgenie.voice.courtesies import TAKE_TIME
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

# The same again, to callers whom we did not understand the first time.
OTHER_WORDS: Final[Mapping[str, str]] = {
    OFFER: "May I take a message for the team?",
    PASS_ON: "Do you want me to ask the team for you?",
    ASK_MESSAGE: "What would you like me to pass on? Your name and number would help, too.",
    IS_IT_RIGHT: "Please say yes or no: may I pass it on like that?",
}

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

_PROMPTS_IN_WORDS: Final = (
    *((prompt, prompt) for prompt in _PROMPTS),
    *((words, prompt) for prompt, words in OTHER_WORDS.items()),
)

AFTER_THE_MESSAGE: Final = (ASK_NAME, ASK_OWN_NUMBER, ASK_THIS_NUMBER, ASK_NUMBER, IS_IT_RIGHT)

# Of a prompt that the caller talked into, so many letters are enough to know it by.
_LETTERS_TO_KNOW: Final = 9

_NUMBER_DIGITS_MIN: Final = 3

# "Yes, please do" accepts the offer to leave a message; "yes, please tell her that I will be late" is the message.
_WORDS_AFTER_AN_OFFER: Final = 7


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
    said: Utterance
    asked: str = ""


def exchanges_of(messages: Sequence[Message], read: Read = Utterance) -> list[Exchange]:
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
            prompt = exchanges[-1].prompt if exchanges and TAKE_TIME in ours else prompt_in(ours)
            said = read(message.text)
            exchanges.append(Exchange(prompt, said, asked))
            # The reply to a question of ours whether an entry is meant is not what the caller wants to know.
            asked = asked if ASK_BACK in ours or said.is_about_talk else said.text
            ours = ""
    return exchanges


def question_before(messages: Sequence[Message]) -> str:
    """Return the caller's question that our last words asked back about."""
    exchanges = exchanges_of(messages)
    return exchanges[-1].asked if exchanges else ""


def prompt_in(ours: str) -> str:
    """Return which prompt our words end with, whole or cut short; empty where it is none."""
    found = [(ours.rindex(words), prompt) for words, prompt in _PROMPTS_IN_WORDS if words in ours]
    if READ_BACK in ours:
        found.append((ours.rindex(READ_BACK), IS_IT_RIGHT))
    if found:
        return max(found)[1]
    for words, prompt in _PROMPTS_IN_WORDS:
        for letters in range(len(words) - 1, _LETTERS_TO_KNOW - 1, -1):
            if ours.rstrip().endswith(words[:letters].rstrip()):
                return prompt
    return ""


def told_by(draft: Draft, exchange: Exchange) -> Draft:
    """Add to a draft what was said to a prompt."""
    said = exchange.said
    if said.is_about_talk or exchange.prompt not in _TAKES_IN:
        return draft
    return _TAKES_IN[exchange.prompt](draft, exchange)


def _offered(draft: Draft, exchange: Exchange) -> Draft:
    del draft
    said = exchange.said
    return with_details(Draft(text=said.text), said.text) if said.is_message(_WORDS_AFTER_AN_OFFER) else Draft()


def _question_offered(draft: Draft, exchange: Exchange) -> Draft:
    if is_agreement(exchange.said.text):
        return with_details(Draft(text=exchange.asked), exchange.said.text)
    return _offered(draft, exchange)


def _asked_for_it(draft: Draft, exchange: Exchange) -> Draft:
    del draft
    said = exchange.said
    return with_details(Draft(text=said.text), said.text) if said.has_words else Draft()


def _named(draft: Draft, exchange: Exchange) -> Draft:
    said = exchange.said.text
    digits = digits_in(said)
    number = digits if len(digits) >= DIGITS_OF_A_NUMBER else draft.number
    return replace(draft, name=name_answered(said), number=number, asked_name=True)


def _to_own_number(draft: Draft, exchange: Exchange) -> Draft:
    said = exchange.said.text
    number = _number_in(said)
    return replace(draft, number=number or draft.number, own_number=bool(number) or not is_denial(said))


def _numbered(draft: Draft, exchange: Exchange) -> Draft:
    return replace(draft, number=_number_in(exchange.said.text), asked_number=True)


def with_details(draft: Draft, said: str) -> Draft:
    """Add to a draft the name and the number that are in an utterance."""
    digits = digits_in(said)
    number = digits if len(digits) >= DIGITS_OF_A_NUMBER else draft.number
    return replace(draft, name=name_said_in(said) or draft.name, number=number)


def _corrected(draft: Draft, exchange: Exchange) -> Draft:
    """Return the draft after the caller heard it: with another name, another number, or something to add to it."""
    said = exchange.said
    better = with_details(draft, said.text)
    if better != draft:
        return better
    if denied := details_denied(said.text):
        return _without(draft, denied)
    if is_agreement(said.text):
        return draft
    if rejects_all(said.text):
        return Draft()
    return replace(draft, text=f"{draft.text} {said.text}") if said.has_words else draft


def _without(draft: Draft, denied: frozenset[Detail]) -> Draft:
    """Return the draft without the details that are wrong, so that they are asked for again."""
    if Detail.NAME in denied:
        draft = replace(draft, name="", asked_name=False)
    if Detail.NUMBER in denied:
        draft = replace(draft, number="", own_number=False, asked_number=False)
    return draft


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
