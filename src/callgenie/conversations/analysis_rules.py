"""Sums a call up without any model: it repeats what is on record, and concludes nothing."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from callgenie.conversations.models import Conversation, RecordedTurn, TakenMessage
from callgenie.kernel.vocabulary import Direction, Fault, TurnRole
from callgenie.mail.rendering import one_line
from callgenie.voice.analyst import NAME_CHARS_MAX, SUMMARY_CHARS_MAX, WISH_CHARS_MAX, Findings
from callgenie.voice.courtesies import asks

BY_RULES: Final = "rules"

_QUESTIONS_MAX: Final = 5
_QUOTE_CHARS_MAX: Final = 120
_MESSAGE_CHARS_MAX: Final = 300

_NO_ANSWER: Final = re.compile(r"\b(?:do not|don't|did not|didn't) (?:know|get that)\b", re.IGNORECASE)


def findings_by_rules(conversation: Conversation) -> Findings:
    """Return who called whom and for how long, what was asked, whether that was answered, and what was left."""
    messages = conversation.messages
    name = next((message.name for message in reversed(messages) if message.name), None)
    questions = list(_questions(conversation.turns))
    summary = " ".join([*_circumstances(conversation, name), *_asked(conversation, questions), *_left(messages)])
    wish = messages[-1].text if messages else next((question for question, _ in questions), None)
    return Findings(
        one_line(summary, SUMMARY_CHARS_MAX),
        name and one_line(name, NAME_CHARS_MAX),
        wish and one_line(wish, WISH_CHARS_MAX),
    )


def _circumstances(conversation: Conversation, name: str | None) -> Iterator[str]:
    minutes, seconds = divmod(conversation.duration or 0, 60)
    lasted = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    when = " outside the opening hours" if conversation.after_hours else ""
    if conversation.direction is Direction.OUTBOUND:
        number = conversation.phone_number or "a withheld number"
        about = f' about "{one_line(conversation.purpose, _QUOTE_CHARS_MAX)}"' if conversation.purpose else ""
        yield f"We called {f'{name} on {number}' if name else number}{about} and talked for {lasted}."
    else:
        yield f"{name or 'A caller'} called{when} and stayed for {lasted}."
    if conversation.fault in {Fault.PLATFORM, Fault.PROVIDER}:
        yield "The call was cut short by a fault."


def _asked(conversation: Conversation, questions: Sequence[tuple[str, bool]]) -> Iterator[str]:
    if questions:
        told = [
            f'"{one_line(question, _QUOTE_CHARS_MAX)}" ({"answered" if is_answered else "not answered"})'
            for question, is_answered in questions[:_QUESTIONS_MAX]
        ]
        more = len(questions) - len(told)
        yield f"Asked {', '.join(told)}{f' and {more} more' if more else ''}."
        return
    said = next((turn.text for turn in conversation.turns if turn.role is TurnRole.USER and turn.text), None)
    yield "Said nothing." if said is None else f'Said "{one_line(said, _QUOTE_CHARS_MAX)}".'


def _left(messages: Sequence[TakenMessage]) -> Iterator[str]:
    for message in messages:
        how = "" if message.is_confirmed else ", without confirming it"
        yield f'Left a message{how}: "{one_line(message.text, _MESSAGE_CHARS_MAX)}".'


def _questions(turns: Sequence[RecordedTurn]) -> Iterator[tuple[str, bool]]:
    """Yield what the caller asked, and whether there was an answer to it."""
    for at, turn in enumerate(turns):
        if turn.role is TurnRole.USER and asks(turn.text):
            yield turn.text, _is_answered(turns[at + 1 :])


def _is_answered(later: Sequence[RecordedTurn]) -> bool:
    for turn in later:
        if turn.role is TurnRole.USER:
            return False
        if turn.role is TurnRole.ASSISTANT:
            return not _NO_ANSWER.search(turn.text)
    return False
