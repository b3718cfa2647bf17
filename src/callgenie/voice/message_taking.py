"""Takes a message step by step, with no model: what it is, who calls, where to call back, and whether that is right.

There is no state. Where the talk stands is read from what was said, of our own words also when they were cut short, so
an answer may be dropped and asked for again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.courtesies import (
    ANYTHING_ELSE,
    farewell,
    says_goodbye,
    says_no,
    says_yes,
    wants_person,
    without_goodbye,
)
from callgenie.voice.endings import words_of
from callgenie.voice.particulars import DIGITS_OF_A_NUMBER, digits_in, name_answered, name_said_in, spelled
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.tools import END_CALL, TAKE_MESSAGE, is_error

OFFER: Final = "Would you like to leave a message?"
ASK_MESSAGE: Final = "Please tell me your message, with your name and your number."
ASK_NAME: Final = "May I have your name, please?"
ASK_OWN_NUMBER: Final = "Shall we call you back on the number you are calling from?"
ASK_NUMBER: Final = "What number can we reach you on?"
IS_IT_RIGHT: Final = "Is that right?"
TRY_AGAIN: Final = "I am sorry, I could not keep your message. Shall I try once more?"

_READ_BACK: Final = "I will pass on:"
_PROMPTS: Final = (OFFER, ASK_MESSAGE, ASK_NAME, ASK_OWN_NUMBER, ASK_NUMBER, IS_IT_RIGHT, TRY_AGAIN)

_AFTER_THE_MESSAGE: Final = (ASK_NAME, ASK_OWN_NUMBER, ASK_NUMBER, IS_IT_RIGHT)

# Of a prompt that the caller talked into, so many letters are enough to know it by.
_LETTERS_TO_KNOW: Final = 9

# "Yes, please do" accepts the offer to leave a message; "yes, please tell her that I will be late" is the message.
_WORDS_OF_A_MESSAGE: Final = 6
_WORDS_OF_A_REFUSAL: Final = 4
_TELLS: Final = frozenset({"tell", "say", "ask", "let"})

_WORDS_READ_BACK_MAX: Final = 30
_NUMBER_DIGITS_MIN: Final = 3
_CANCELS: Final = ("never mind", "nevermind", "forget it", "forget about it", "no message", "cancel")
_DID_NOT_HEAR: Final = ("pardon", "sorry?", "say that again", "repeat that", "what was that", "what did you say")


@dataclass(frozen=True, slots=True)
class _Draft:
    """A message as far as it was told. `own_number` is None until the caller was asked for the one they call from."""

    text: str = ""
    name: str = ""
    number: str = ""
    asked_name: bool = False
    own_number: bool | None = None
    asked_number: bool = False


@dataclass(frozen=True, slots=True)
class _Exchange:
    prompt: str
    said: str


def can_take_messages(knowledge: Knowledge) -> bool:
    """Tell whether messages are taken in this call."""
    return any(spec.name == TAKE_MESSAGE for spec in knowledge.tools)


def next_step(messages: Sequence[Message], knowledge: Knowledge) -> list[ModelDelta] | None:
    """Return what comes next in taking a message, or None when the talk is about something else."""
    if not messages or not can_take_messages(knowledge):
        return None
    if messages[-1].role is TurnRole.TOOL:
        return _after_tool(messages, knowledge)
    exchanges = _exchanges(messages)
    if not exchanges or not exchanges[-1].prompt:
        return None
    draft = _Draft()
    for exchange, following in pairwise(exchanges):
        draft = _told(draft, exchange)
        if not draft.text and following.prompt in _AFTER_THE_MESSAGE:
            # We took it for a message that was told without being asked for.
            draft = _with_particulars(_Draft(text=exchange.said), exchange.said)
    return _answer(draft, exchanges[-1], knowledge)


def begin(text: str, knowledge: Knowledge) -> list[ModelDelta]:
    """Return what follows an utterance that is the message itself, told without being asked for."""
    return _go_on(_with_particulars(_Draft(text=text), text), knowledge)


def words_before(messages: Sequence[Message]) -> str:
    """Return what we said last."""
    ours = (message.text for message in reversed(messages) if message.role is TurnRole.ASSISTANT and message.text)
    return next(ours, "")


# Where the talk stands


def _exchanges(messages: Sequence[Message]) -> list[_Exchange]:
    """Return what the caller said, each with the prompt that it followed."""
    exchanges: list[_Exchange] = []
    ours = ""
    for message in messages:
        if message.role is TurnRole.ASSISTANT:
            ours = f"{ours} {message.text}"
        elif message.role is TurnRole.USER:
            exchanges.append(_Exchange(_prompt_in(ours), message.text))
            ours = ""
    return exchanges


def _prompt_in(ours: str) -> str:
    """Return which prompt our words end with, whole or cut short; empty where it is none."""
    found = [(ours.rindex(prompt), prompt) for prompt in _PROMPTS if prompt in ours]
    if _READ_BACK in ours:
        found.append((ours.rindex(_READ_BACK), IS_IT_RIGHT))
    if found:
        return max(found)[1]
    for prompt in _PROMPTS:
        for letters in range(len(prompt) - 1, _LETTERS_TO_KNOW - 1, -1):
            if ours.rstrip().endswith(prompt[:letters].rstrip()):
                return prompt
    return ""


def _told(draft: _Draft, exchange: _Exchange) -> _Draft:
    """Add to a draft what was said to a prompt."""
    if _is_one_of(_DID_NOT_HEAR, exchange.said) or exchange.prompt not in _TAKES_IN:
        return draft
    return _TAKES_IN[exchange.prompt](draft, exchange.said)


def _offered(draft: _Draft, said: str) -> _Draft:
    del draft
    return _with_particulars(_Draft(text=said), said) if _is_message(said) else _Draft()


def _asked_for_it(draft: _Draft, said: str) -> _Draft:
    del draft
    return _with_particulars(_Draft(text=said), said) if _has_words(said) else _Draft()


def _named(draft: _Draft, said: str) -> _Draft:
    digits = digits_in(said)
    number = digits if len(digits) >= DIGITS_OF_A_NUMBER else draft.number
    return replace(draft, name=name_answered(said), number=number, asked_name=True)


def _to_own_number(draft: _Draft, said: str) -> _Draft:
    number = _number_in(said)
    return replace(draft, number=number or draft.number, own_number=bool(number) or not says_no(said))


def _numbered(draft: _Draft, said: str) -> _Draft:
    return replace(draft, number=_number_in(said), asked_number=True)


def _with_particulars(draft: _Draft, said: str) -> _Draft:
    digits = digits_in(said)
    number = digits if len(digits) >= DIGITS_OF_A_NUMBER else draft.number
    return replace(draft, name=name_said_in(said) or draft.name, number=number)


def _corrected(draft: _Draft, said: str) -> _Draft:
    """Return the draft after the caller heard it: with another name, another number, or something to add to it."""
    better = _with_particulars(draft, said)
    if better != draft or says_yes(said):
        return better
    if says_no(said):
        return _Draft()
    return replace(draft, text=f"{draft.text} {said}") if _has_words(said) else draft


_TAKES_IN: Final[Mapping[str, Callable[[_Draft, str], _Draft]]] = {
    OFFER: _offered,
    ASK_MESSAGE: _asked_for_it,
    ASK_NAME: _named,
    ASK_OWN_NUMBER: _to_own_number,
    ASK_NUMBER: _numbered,
    IS_IT_RIGHT: _corrected,
}


def _number_in(said: str) -> str:
    digits = digits_in(said)
    return digits if len(digits) >= _NUMBER_DIGITS_MIN else ""


def _is_one_of(phrases: Sequence[str], said: str) -> bool:
    return any(phrase in said.lower() for phrase in phrases)


def _is_message(said: str) -> bool:
    if _declines(said) or "?" in said:
        return False
    words = words_of(said)
    # "Tell the baker I must talk to the manager" is a message; "can I talk to the manager please" is not.
    return not _TELLS.isdisjoint(words) or (len(words) > _WORDS_OF_A_MESSAGE and not wants_person(said))


def _has_words(said: str) -> bool:
    left = words_of(without_goodbye(said))
    return any(len(word) > 1 for word in left) and not _declines(said)


def _declines(said: str) -> bool:
    # "I will not come today" is a message.
    return says_no(said) and len(words_of(said)) <= _WORDS_OF_A_REFUSAL


# What comes next


def _answer(draft: _Draft, last: _Exchange, knowledge: Knowledge) -> list[ModelDelta] | None:
    said, told = last.said, _told(draft, last)
    if _is_one_of(_CANCELS, said):
        return [TextDelta(f"All right. {ANYTHING_ELSE}")]
    if _is_one_of(_DID_NOT_HEAR, said):
        return _read_back(draft) if last.prompt == IS_IT_RIGHT else [TextDelta(last.prompt)]
    if last.prompt == OFFER and not told.text:
        return _to_the_offer(said)
    return _to_what_was_told(draft, told, last, knowledge)


def _to_what_was_told(draft: _Draft, told: _Draft, last: _Exchange, knowledge: Knowledge) -> list[ModelDelta] | None:
    said = last.said
    is_confirmed = last.prompt == IS_IT_RIGHT and told == draft and says_yes(said)
    # Whoever takes their leave in the middle of it has said what matters.
    if told.text and (is_confirmed or says_goodbye(said) or (last.prompt == TRY_AGAIN and not says_no(said))):
        return [_taking(told)]
    if says_goodbye(said):
        return None
    if last.prompt == TRY_AGAIN:
        return [TextDelta(f"All right. {ANYTHING_ELSE}")]
    if not told.text:
        return [TextDelta(f"I am sorry. {ASK_MESSAGE}" if last.prompt == IS_IT_RIGHT else ASK_MESSAGE)]
    return _go_on(told, knowledge)


def _to_the_offer(said: str) -> list[ModelDelta] | None:
    if "?" in said or wants_person(said):
        return None
    if says_no(said):
        return [TextDelta(f"All right. {ANYTHING_ELSE}")]
    return [TextDelta(f"Of course. {ASK_MESSAGE}")] if says_yes(said) else None


def _go_on(draft: _Draft, knowledge: Knowledge) -> list[ModelDelta]:
    if not draft.name and not draft.asked_name:
        return [TextDelta(ASK_NAME)]
    if not draft.number and draft.own_number is None and knowledge.caller_number:
        return [TextDelta(ASK_OWN_NUMBER)]
    if not draft.number and not draft.own_number and not draft.asked_number:
        return [TextDelta(ASK_NUMBER)]
    return _read_back(draft)


def _read_back(draft: _Draft) -> list[ModelDelta]:
    words = draft.text.split()
    text = " ".join(words[:_WORDS_READ_BACK_MAX]).rstrip(".!?,;: ")
    more = ", and so on" if len(words) > _WORDS_READ_BACK_MAX else ""
    sender = f" From {draft.name}." if draft.name else ""
    reach = f" Number {spelled(draft.number)}." if draft.number else ""
    return [TextDelta(f"{_READ_BACK} {text}{more}.{sender}{reach} {IS_IT_RIGHT}")]


def _taking(draft: _Draft) -> ToolCall:
    arguments = {"text": draft.text, "name": draft.name, "number": draft.number}
    return ToolCall(TAKE_MESSAGE, {key: value for key, value in arguments.items() if value})


def _after_tool(messages: Sequence[Message], knowledge: Knowledge) -> list[ModelDelta] | None:
    last = messages[-1]
    asked = [call for message in messages for call in message.tool_calls if call.id == last.tool_call_id]
    if not asked or asked[-1].name != TAKE_MESSAGE:
        return None
    if is_error(last.text):
        return [TextDelta(TRY_AGAIN)]
    said = next((message.text for message in reversed(messages) if message.role is TurnRole.USER), "")
    if says_goodbye(said):
        return [TextDelta(f"{last.text} {farewell(knowledge)}"), ToolCall(END_CALL)]
    return [TextDelta(f"{last.text} {ANYTHING_ELSE}")]
