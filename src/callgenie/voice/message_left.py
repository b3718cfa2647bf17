"""What a caller has left of a message in a call that ended before the message was taken.

People who talk to a machine hang up once they have said what they want. A message that was told lives until it is
taken, or until the caller wants none any more; what else was talked about meanwhile does not undo it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.courtesies import TELLS, asks, declines_at_once, says_yes, wants_person
from callgenie.voice.endings import says_something, words_of
from callgenie.voice.message_draft import (
    AFTER_THE_MESSAGE,
    IS_IT_RIGHT,
    OFFER,
    TRY_AGAIN,
    Draft,
    Exchange,
    cancels,
    prompt_in,
    told_by,
    with_particulars,
)
from callgenie.voice.ports import Message
from callgenie.voice.sentences import sentences_of
from callgenie.voice.tools import TAKE_MESSAGE, was_done

# How a model that chooses its own words asks for a message; whoever is asked for a name tells that.
_ASKS_FOR_MESSAGE: Final = re.compile(r"\b(message|pass (it |that |this )?(on|along)|let \w+ know)\b", re.IGNORECASE)
_ASKS_FOR_ELSE: Final = re.compile(r"\b(name|number)\b", re.IGNORECASE)

# In fewer words nobody says why they call.
_WORDS_OF_A_MESSAGE: Final = 4


@dataclass(frozen=True, slots=True)
class LeftMessage:
    """A message that was told. `is_confirmed` means that the caller heard it and said that it is right."""

    text: str
    name: str
    number: str
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """What a caller said at once, our words around it, and whether a message was taken thereupon."""

    before: str
    text: str
    after: str
    is_taken: bool


def message_left_in(messages: Sequence[Message], *, is_asked_for: bool = False) -> LeftMessage | None:
    """Return the message that a caller told, and that was not taken by the end of the call; or None.

    `messages` are the lines of the whole call; a tool's line is the text of its turn. `is_asked_for` says that our
    first words, whatever they were, asked for a message.
    """
    draft, is_confirmed = Draft(), False
    for number, said in enumerate(_said_in(messages)):
        before = draft
        draft = Draft() if said.is_taken else _draft_after(draft, said, is_asked_for=is_asked_for and number == 0)
        is_yes = prompt_in(said.before) == IS_IT_RIGHT and says_yes(said.text)
        is_confirmed = draft == before and (is_yes or is_confirmed)
    if not says_something(draft.text):
        return None
    return LeftMessage(draft.text, draft.name, draft.number, is_confirmed)


def _said_in(messages: Sequence[Message]) -> list[_Said]:
    said: list[_Said] = []
    before = text = after = ""
    has_spoken = is_taken = False
    for message in messages:
        if message.role is TurnRole.USER:
            if has_spoken:
                said.append(_Said(before, text, after, is_taken))
            before, text, after = after, message.text, ""
            has_spoken, is_taken = True, False
        elif message.role is TurnRole.ASSISTANT:
            after = f"{after} {message.text}"
        elif message.role is TurnRole.TOOL:
            is_taken = is_taken or was_done(TAKE_MESSAGE, message.text)
    return [*said, _Said(before, text, after, is_taken)] if has_spoken else said


def _draft_after(draft: Draft, said: _Said, *, is_asked_for: bool) -> Draft:
    prompt, text = prompt_in(said.before), said.text
    is_offered = prompt == OFFER or (not prompt and (is_asked_for or _asks_for_message(said.before)))
    if cancels(text) or ((is_offered or prompt == TRY_AGAIN) and declines_at_once(text)):
        return Draft()
    # The assistant has taken it for a message, or had no time to say so.
    if is_offered or not draft.text:
        is_begun = prompt_in(said.after) in AFTER_THE_MESSAGE and prompt not in AFTER_THE_MESSAGE
        if is_begun or (is_offered and _is_told(text)):
            return with_particulars(Draft(text=text), text)
    told = draft if is_offered else told_by(draft, Exchange(prompt, text))
    # Only a caller who heard it read back can mean by a "no" that all of it is wrong.
    return told if told.text or prompt == IS_IT_RIGHT else draft


def _asks_for_message(ours: str) -> bool:
    last = " ".join(sentences_of(ours)[-1:])
    return _ASKS_FOR_MESSAGE.search(last) is not None and _ASKS_FOR_ELSE.search(last) is None


def _is_told(text: str) -> bool:
    """Tell whether words that may be a message are one, and no question to us."""
    words = words_of(text)
    if "?" in text:
        return False
    return not TELLS.isdisjoint(words) or (
        len(words) >= _WORDS_OF_A_MESSAGE and not asks(text) and not wants_person(text)
    )
