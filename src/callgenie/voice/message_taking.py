"""Takes a message step by step, with no model: what it is, who calls, where to call back, and whether that is right.

There is no state, so an answer may be dropped and asked for again.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.courtesies import ANYTHING_ELSE, asks, farewell, says_goodbye, says_no, says_yes, wants_person
from callgenie.voice.endings import words_of
from callgenie.voice.message_draft import (
    AFTER_THE_MESSAGE,
    ASK_MESSAGE,
    ASK_NAME,
    ASK_NUMBER,
    ASK_OWN_NUMBER,
    ASK_THIS_NUMBER,
    IS_IT_RIGHT,
    OFFER,
    PASS_ON,
    READ_BACK,
    TRY_AGAIN,
    Draft,
    Exchange,
    cancels,
    did_not_hear,
    exchanges_of,
    told_by,
    with_particulars,
)
from callgenie.voice.particulars import spelled
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.tool_names import END_CALL, TAKE_MESSAGE, is_error

_WORDS_READ_BACK_MAX: Final = 30

# In fewer words nobody says why they call.
_WORDS_OF_A_MESSAGE: Final = 4


def can_take_messages(knowledge: Knowledge) -> bool:
    """Tell whether messages are taken in this call."""
    return any(spec.name == TAKE_MESSAGE for spec in knowledge.tools)


def next_step(messages: Sequence[Message], knowledge: Knowledge) -> list[ModelDelta] | None:
    """Return what comes next in taking a message, or None when the talk is about something else."""
    if not messages or not can_take_messages(knowledge):
        return None
    if messages[-1].role is TurnRole.TOOL:
        return _after_tool(messages, knowledge)
    exchanges = exchanges_of(messages)
    if not exchanges or not exchanges[-1].prompt:
        return None
    draft = Draft()
    for exchange, following in pairwise(exchanges):
        draft = told_by(draft, exchange)
        if not draft.text and exchange.prompt != PASS_ON and following.prompt in AFTER_THE_MESSAGE:
            # We took it for a message that was told without being asked for.
            draft = with_particulars(Draft(text=exchange.said), exchange.said)
    return _answer(draft, exchanges[-1], knowledge)


def is_message_after_hours(messages: Sequence[Message], knowledge: Knowledge) -> bool:
    """Tell whether the first words are a message, of a caller who was told that the business is closed."""
    if not knowledge.after_hours or not can_take_messages(knowledge):
        return False
    said = [message.text for message in messages if message.role is TurnRole.USER]
    return len(said) == 1 and not asks(said[0]) and len(words_of(said[0])) >= _WORDS_OF_A_MESSAGE


def begin(text: str, knowledge: Knowledge) -> list[ModelDelta]:
    """Return what follows an utterance that is the message itself, told without being asked for."""
    return _go_on(with_particulars(Draft(text=text), text), knowledge)


def words_before(messages: Sequence[Message]) -> str:
    """Return what we said last."""
    ours = (message.text for message in reversed(messages) if message.role is TurnRole.ASSISTANT and message.text)
    return next(ours, "")


# What comes next


def _answer(draft: Draft, last: Exchange, knowledge: Knowledge) -> list[ModelDelta] | None:
    said, told = last.said, told_by(draft, last)
    if cancels(said):
        return [TextDelta(f"All right. {ANYTHING_ELSE}")]
    if did_not_hear(said):
        return _read_back(draft) if last.prompt == IS_IT_RIGHT else [TextDelta(last.prompt)]
    if last.prompt in {OFFER, PASS_ON} and not told.text:
        return _to_the_offer(said)
    return _to_what_was_told(draft, told, last, knowledge)


def _to_what_was_told(draft: Draft, told: Draft, last: Exchange, knowledge: Knowledge) -> list[ModelDelta] | None:
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


def _go_on(draft: Draft, knowledge: Knowledge) -> list[ModelDelta]:
    if not draft.name and not draft.asked_name:
        return [TextDelta(ASK_NAME)]
    if not draft.number and draft.own_number is None and knowledge.caller_number:
        return [TextDelta(ASK_THIS_NUMBER if knowledge.is_our_call else ASK_OWN_NUMBER)]
    if not draft.number and not draft.own_number and not draft.asked_number:
        return [TextDelta(ASK_NUMBER)]
    return _read_back(draft)


def _read_back(draft: Draft) -> list[ModelDelta]:
    words = draft.text.split()
    text = " ".join(words[:_WORDS_READ_BACK_MAX]).rstrip(".!?,;: ")
    more = ", and so on" if len(words) > _WORDS_READ_BACK_MAX else ""
    sender = f" From {draft.name}." if draft.name else ""
    reach = f" Number {spelled(draft.number)}." if draft.number else ""
    return [TextDelta(f"{READ_BACK} {text}{more}.{sender}{reach} {IS_IT_RIGHT}")]


def _taking(draft: Draft) -> ToolCall:
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
