"""Sums a call up without any model: it repeats what is on record, and concludes nothing."""

from collections.abc import Iterator, Sequence
from typing import Final

from callgenie.conversations.asked_questions import AskedQuestion, QuestionState, exchanges_in, questions_in
from callgenie.conversations.models import Conversation, RecordedTurn, TakenMessage
from callgenie.kernel.vocabulary import Direction, Fault, Outcome, TransferStatus, TurnRole
from callgenie.mail.rendering import one_line
from callgenie.understanding.agreement import is_agreement
from callgenie.voice.analyst import NAME_CHARS_MAX, SUMMARY_CHARS_MAX, WISH_CHARS_MAX, Findings

BY_RULES: Final = "rules"

_QUESTIONS_MAX: Final = 5
_QUOTE_CHARS_MAX: Final = 120
_MESSAGE_CHARS_MAX: Final = 300

_IN_WORDS: Final = {
    QuestionState.ANSWERED: "answered",
    QuestionState.HOURS_TOLD: "opening hours told",
    QuestionState.NOT_ANSWERED: "not answered",
    QuestionState.ASKED_BACK: "asked back, not answered",
}
_REACHED: Final = frozenset({TransferStatus.ANSWERED, TransferStatus.COMPLETED})
_NOT_REACHED: Final = frozenset(
    {TransferStatus.BUSY, TransferStatus.NO_ANSWER, TransferStatus.FAILED, TransferStatus.CANCELED}
)


def findings_by_rules(conversation: Conversation) -> Findings:
    """Return who called whom and for how long, what was asked and wished, the result of that, and what was left."""
    messages = conversation.messages
    name = next((message.name for message in reversed(messages) if message.name), None)
    questions = questions_in(conversation.turns)
    requests = list(_requests(conversation.turns))
    talk = [*_asked(questions, messages), *_requested(requests, messages), *_wanted_a_person(conversation)]
    summary = " ".join(
        [*_circumstances(conversation, name), *(talk or _said(conversation.turns)), *_left(messages)],
    )
    wish = messages[-1].text if messages else next((turn.text for turn in _in_order(questions, requests)), None)
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


def _asked(questions: Sequence[AskedQuestion], messages: Sequence[TakenMessage]) -> Iterator[str]:
    if questions:
        told = [f"{_quoted(question.turn)} ({_result(question, messages)})" for question in questions[:_QUESTIONS_MAX]]
        more = len(questions) - len(told)
        yield f"Asked {', '.join(told)}{f' and {more} more' if more else ''}."


def _result(question: AskedQuestion, messages: Sequence[TakenMessage]) -> str:
    result = _IN_WORDS[question.state]
    if question.state is QuestionState.NOT_ANSWERED and question.is_reported:
        return f"{result}, {'passed on' if _left_after(question.turn, messages) else 'not passed on'}"
    return result


def _requested(requests: Sequence[RecordedTurn], messages: Sequence[TakenMessage]) -> Iterator[str]:
    for turn in requests[:_QUESTIONS_MAX]:
        result = "message left" if _left_after(turn, messages) else "no message left"
        yield f"Requested {_quoted(turn)} ({result})."


def _wanted_a_person(conversation: Conversation) -> Iterator[str]:
    if any(turn.outcome is Outcome.PERSON for turn in conversation.turns):
        status = None if conversation.transfer is None else conversation.transfer.status
        result = "put through" if status in _REACHED else "being put through"
        if status is None:
            result = "not put through"
        elif status in _NOT_REACHED:
            result = "put through, nobody answered"
        yield f"Asked for a person ({result})."


def _said(turns: Sequence[RecordedTurn]) -> Iterator[str]:
    said = next((turn for turn in turns if turn.role is TurnRole.USER and turn.text), None)
    yield "Said nothing." if said is None else f"Said {_quoted(said)}."


def _requests(turns: Sequence[RecordedTurn]) -> Iterator[RecordedTurn]:
    """Yield with which words the caller began what a message was taken for, such as a booking."""
    before: Outcome | None = None
    for said, answer in exchanges_in(turns):
        outcome = None if answer is None else answer.outcome
        # A message after our offer to pass a question on is that question, or accepts the offer.
        is_begun = before not in {Outcome.MESSAGE, Outcome.PASSED_ON} and not is_agreement(said.text)
        if outcome is Outcome.MESSAGE and is_begun:
            yield said
        before = outcome


def _in_order(questions: Sequence[AskedQuestion], requests: Sequence[RecordedTurn]) -> list[RecordedTurn]:
    return sorted([*(question.turn for question in questions), *requests], key=lambda turn: turn.number)


def _left_after(turn: RecordedTurn, messages: Sequence[TakenMessage]) -> bool:
    return any(message.at >= turn.at for message in messages)


def _quoted(turn: RecordedTurn) -> str:
    return f'"{one_line(turn.text, _QUOTE_CHARS_MAX)}"'


def _left(messages: Sequence[TakenMessage]) -> Iterator[str]:
    for message in messages:
        how = "" if message.is_confirmed else ", without confirming it"
        yield f'Left a message{how}: "{one_line(message.text, _MESSAGE_CHARS_MAX)}".'
