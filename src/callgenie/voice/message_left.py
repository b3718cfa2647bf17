"""What a caller has left of a message in a call that ended before the message was taken.

People who talk to a machine hang up once they have said what they want. A message that was told lives until it is
taken, or until the caller wants none any more; what else was talked about meanwhile does not undo it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from callgenie.kernel.vocabulary import TurnRole
from callgenie.understanding.agreement import is_agreement
from callgenie.understanding.digits import digits_in
from callgenie.understanding.end_of_turn import has_content
from callgenie.understanding.message_forms import asks_us_to_tell
from callgenie.understanding.repair import withdraws
from callgenie.understanding.utterance import Utterance
from callgenie.voice import decisions
from callgenie.voice.courtesies import TAKE_TIME
from callgenie.voice.decisions import was_told
from callgenie.voice.message_draft import (
    AFTER_THE_MESSAGE,
    ASK_BACK,
    IS_IT_RIGHT,
    OFFER,
    PASS_ON,
    TRY_AGAIN,
    Draft,
    Exchange,
    prompt_in,
    told_by,
    with_details,
)
from callgenie.voice.own_words import asks_for_message, promises_to_pass_on
from callgenie.voice.ports import Message
from callgenie.voice.tool_names import TAKE_MESSAGE
from callgenie.voice.tools import asked_in_vain, was_done


@dataclass(frozen=True, slots=True)
class LeftMessage:
    """A message that was told. `is_confirmed` means that the caller heard it and said that it is right."""

    text: str
    name: str
    number: str
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """What a caller said at once, our words around it, and whether a message was taken thereupon.

    Attributes:
        asked: The message that a model wanted to take then, and that was refused.
        question: What the caller had said before, or the question that we asked back about.
    """

    before: str
    text: str
    after: str
    is_taken: bool
    asked: Draft | None = None
    question: str = ""


def message_left_in(messages: Sequence[Message], *, is_asked_for: bool = False) -> LeftMessage | None:
    """Return the message that a caller told, and that was not taken by the end of the call; or None.

    `messages` are the lines of the whole call; a tool's line is the text of its turn. `is_asked_for` says that our
    first words, whatever they were, asked for a message.
    """
    draft, is_confirmed, asked = Draft(), False, None
    for number, said in enumerate(_said_in(messages)):
        before = draft
        if said.is_taken:
            draft, asked = Draft(), None
        elif said.asked is not None and not _is_same(draft, said.asked) and was_told(messages, said.asked.text):
            draft = asked = said.asked
        else:
            draft = _draft_after(draft, said, is_asked_for=is_asked_for and number == 0)
        is_yes = prompt_in(said.before) == IS_IT_RIGHT and is_agreement(said.text)
        is_confirmed = draft == before and (is_yes or is_confirmed)
    if not has_content(draft.text):
        return None
    if draft == asked:
        is_confirmed = decisions.is_confirmed(messages, text=draft.text, name=draft.name, number=draft.number)
    return LeftMessage(draft.text, draft.name, draft.number, is_confirmed)


def _is_same(told: Draft, asked: Draft) -> bool:
    return (told.text, told.name, told.number) == (asked.text, asked.name, asked.number)


def _said_in(messages: Sequence[Message]) -> list[_Said]:
    said: list[_Said] = []
    before = ""
    for message in messages:
        if message.role is TurnRole.USER:
            question = ""
            if said:
                last, about_talk = said[-1], Utterance(said[-1].text).is_about_talk
                question = last.question if ASK_BACK in last.before or about_talk else last.text
                # Whoever asked for a moment still has to answer what we asked before that.
                before = f"{last.before} {last.after}" if TAKE_TIME in last.after else last.after
            said.append(_Said(before, message.text, "", is_taken=False, question=question))
        elif message.role is TurnRole.ASSISTANT and said:
            said[-1] = replace(said[-1], after=f"{said[-1].after} {message.text}")
        elif message.role is TurnRole.ASSISTANT:
            before = f"{before} {message.text}"
        elif message.role is TurnRole.TOOL and said:
            is_taken = said[-1].is_taken or was_done(TAKE_MESSAGE, message.text)
            said[-1] = replace(said[-1], is_taken=is_taken, asked=_asked_in(message.text) or said[-1].asked)
    return said


def _asked_in(use: str) -> Draft | None:
    arguments = asked_in_vain(TAKE_MESSAGE, use)
    if arguments is None:
        return None
    text, name, number = (str(arguments.get(key) or "") for key in ("text", "name", "number"))
    return Draft(text=text, name=name, number=digits_in(number))


def _draft_after(draft: Draft, said: _Said, *, is_asked_for: bool) -> Draft:
    prompt, text, utterance = prompt_in(said.before), said.text, Utterance(said.text)
    is_offered = prompt == OFFER or (not prompt and (is_asked_for or asks_for_message(said.before)))
    if withdraws(text) or ((is_offered or prompt == TRY_AGAIN) and utterance.declines_at_once):
        return Draft()
    if prompt == PASS_ON:
        return told_by(draft, Exchange(prompt, utterance, said.question))
    # The assistant has taken it for a message, or had no time to say so.
    if is_offered or not draft.text:
        following = prompt_in(said.after)
        is_begun = following in AFTER_THE_MESSAGE and prompt not in AFTER_THE_MESSAGE
        # A model with words of its own may promise to pass it on, or not even that, and take no message.
        is_passed_on = promises_to_pass_on(said.after) or asks_us_to_tell(text)
        is_begun = is_begun or (not prompt and not following and is_passed_on)
        if is_begun or (is_offered and utterance.is_message()):
            return with_details(Draft(text=text), text)
    told = draft if is_offered else told_by(draft, Exchange(prompt, utterance))
    # Only a caller who heard it read back can mean by a "no" that all of it is wrong.
    return told if told.text or prompt == IS_IT_RIGHT else draft
