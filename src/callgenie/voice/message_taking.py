"""Takes a message step by step, with no model: what it is, who calls, where to call back, and whether that is right.

There is no state, so an answer may be dropped and asked for again.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.understanding.agreement import is_agreement, is_denial
from callgenie.understanding.leave_taking import takes_leave
from callgenie.understanding.message_forms import only_asks_to_leave_message
from callgenie.understanding.repair import withdraws
from callgenie.understanding.utterance import Read, Utterance
from callgenie.voice.courtesies import ALL_RIGHT, ANYTHING_ELSE, TAKE_TIME, farewell
from callgenie.voice.message_draft import (
    AFTER_THE_MESSAGE,
    ASK_MESSAGE,
    ASK_NAME,
    ASK_NUMBER,
    ASK_OWN_NUMBER,
    ASK_THIS_NUMBER,
    IS_IT_RIGHT,
    OFFER,
    OTHER_WORDS,
    PASS_ON,
    READ_BACK,
    TRY_AGAIN,
    Draft,
    Exchange,
    exchanges_of,
    prompt_in,
    told_by,
    with_details,
)
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.rewording import differently
from callgenie.voice.spoken_numbers import spelled
from callgenie.voice.tool_names import END_CALL, TAKE_MESSAGE, is_error

_WORDS_READ_BACK_MAX: Final = 30


def can_take_messages(knowledge: Knowledge) -> bool:
    """Tell whether messages are taken in this call."""
    return any(spec.name == TAKE_MESSAGE for spec in knowledge.tools)


def next_step(messages: Sequence[Message], knowledge: Knowledge, read: Read = Utterance) -> list[ModelDelta] | None:
    """Return what comes next in taking a message, or None when the talk is about something else.

    Args:
        messages: The conversation.
        knowledge: What is known in this call.
        read: Returns what is known of an utterance of the caller; by default only what its words say.
    """
    if not messages or not can_take_messages(knowledge):
        return None
    if messages[-1].role is TurnRole.TOOL:
        return _after_tool(messages, knowledge)
    exchanges = exchanges_of(messages, read)
    if not exchanges or not exchanges[-1].prompt:
        return None
    draft = Draft()
    for exchange, following in pairwise(exchanges):
        draft = told_by(draft, exchange)
        if not draft.text and exchange.prompt != PASS_ON and following.prompt in AFTER_THE_MESSAGE:
            # We took it for a message that was told without being asked for.
            draft = with_details(Draft(text=exchange.said.text), exchange.said.text)
    before = words_before(messages)
    step = _answer(draft, exchanges[-1], before, knowledge)
    if step is None or exchanges[-1].said.asks_to_repeat:
        return step
    return [_reworded(delta, before) for delta in step]


def is_open(messages: Sequence[Message], knowledge: Knowledge) -> bool:
    """Tell whether the caller's last words may belong to a message."""
    if not messages or not can_take_messages(knowledge):
        return False
    exchanges = exchanges_of(messages)
    return knowledge.after_hours or (bool(exchanges) and bool(exchanges[-1].prompt))


def outcome_of(step: Sequence[ModelDelta], before: str) -> Outcome:
    """Return the outcome of a step: a message is taken only once the caller has not declined our offer, nor missed it.

    Args:
        step: What `next_step` has returned.
        before: What we had said last.
    """
    text = "".join(delta.text for delta in step if isinstance(delta, TextDelta))
    if text == ALL_RIGHT:
        return Outcome.OTHER
    is_offer = prompt_in(text) in {OFFER, PASS_ON} or (text == TAKE_TIME and prompt_in(before) in {OFFER, PASS_ON})
    return Outcome.COURTESY if is_offer else Outcome.MESSAGE


def is_message_after_hours(messages: Sequence[Message], knowledge: Knowledge, read: Read = Utterance) -> bool:
    """Tell whether the first words are a message, of a caller who was told that the business is closed."""
    if not knowledge.after_hours or not can_take_messages(knowledge):
        return False
    said = [message.text for message in messages if message.role is TurnRole.USER]
    return len(said) == 1 and read(said[0]).is_message()


def begin(text: str, knowledge: Knowledge) -> list[ModelDelta]:
    """Return what follows an utterance that is the message itself, told without being asked for."""
    return _go_on(with_details(Draft(text=text), text), knowledge)


def words_before(messages: Sequence[Message]) -> str:
    """Return what we said last."""
    ours = (message.text for message in reversed(messages) if message.role is TurnRole.ASSISTANT and message.text)
    return next(ours, "")


# What comes next


def _reworded(delta: ModelDelta, before: str) -> ModelDelta:
    return TextDelta(differently(delta.text, before)) if isinstance(delta, TextDelta) else delta


def _answer(draft: Draft, last: Exchange, before: str, knowledge: Knowledge) -> list[ModelDelta] | None:
    said, told = last.said, told_by(draft, last)
    if withdraws(said.text):
        return [TextDelta(ALL_RIGHT)]
    if said.asks_to_repeat:
        return _read_back(draft) if last.prompt == IS_IT_RIGHT else [TextDelta(last.prompt)]
    if said.asks_to_wait:
        return [TextDelta(TAKE_TIME)]
    if last.prompt in {OFFER, PASS_ON} and not told.text:
        return _to_the_offer(said)
    if last.prompt == IS_IT_RIGHT and told == draft and READ_BACK in before and not _is_clear(said):
        return [TextDelta(OTHER_WORDS[IS_IT_RIGHT])]
    return _to_what_was_told(draft, told, last, knowledge)


def _is_clear(said: Utterance) -> bool:
    """Tell whether a reply to what we read back takes leave, or says yes or no."""
    return is_agreement(said.text) or is_denial(said.text) or said.takes_leave


def _to_what_was_told(draft: Draft, told: Draft, last: Exchange, knowledge: Knowledge) -> list[ModelDelta] | None:
    said = last.said
    is_confirmed = last.prompt == IS_IT_RIGHT and told == draft and is_agreement(said.text)
    # Whoever takes their leave in the middle of it has said what matters.
    if told.text and (is_confirmed or said.takes_leave or (last.prompt == TRY_AGAIN and not is_denial(said.text))):
        return [_taking(told)]
    if said.takes_leave:
        return None
    if last.prompt == TRY_AGAIN:
        return [TextDelta(ALL_RIGHT)]
    if not told.text:
        return [TextDelta(f"I am sorry. {ASK_MESSAGE}" if last.prompt == IS_IT_RIGHT else ASK_MESSAGE)]
    return _go_on(told, knowledge)


def _to_the_offer(said: Utterance) -> list[ModelDelta] | None:
    if "?" in said.text and not only_asks_to_leave_message(said.text):
        return None
    if said.asks_for_person:
        return None
    if said.declines_offer:
        return [TextDelta(ALL_RIGHT)]
    accepts = is_agreement(said.text) or only_asks_to_leave_message(said.text)
    return [TextDelta(f"Of course. {ASK_MESSAGE}")] if accepts else None


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
    if takes_leave(said):
        return [TextDelta(f"{last.text} {farewell(knowledge)}"), ToolCall(END_CALL)]
    return [TextDelta(f"{last.text} {ANYTHING_ELSE}")]
