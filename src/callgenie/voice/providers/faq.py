"""Answers from what the owner has written down, and from nothing else: it cannot invent.

An entry is told only where the judge is sure that it answers the question; where it is not quite sure, the model asks
back with the entry's question. What is not known is offered to be passed on in the caller's own words, and so is what
callers want done. There is no state; where the talk stands is read from what we said last.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.understanding.acts import Act
from callgenie.understanding.decision import Decision, Thresholds, decide
from callgenie.understanding.encoder import Encoded
from callgenie.understanding.faq_index import CANDIDATES, Candidate, Entry
from callgenie.understanding.reader import UtteranceReader
from callgenie.voice import faq_replies, message_taking
from callgenie.voice.courtesies import (
    ANYTHING_ELSE,
    calling_about,
    farewell,
    says_goodbye,
    says_no,
    says_yes,
    wants_person,
)
from callgenie.voice.days import day_asked_for, day_of_visit
from callgenie.voice.endings import words_of
from callgenie.voice.message_draft import ASK_MESSAGE, OFFER, PASS_ON, question_before
from callgenie.voice.message_taking import can_take_messages, words_before
from callgenie.voice.ports import AnswerOutcome, Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.providers.workers import Workers
from callgenie.voice.sentences import SENTENCES_MAX, sentences_of
from callgenie.voice.tool_names import BUSINESS_HOURS, END_CALL, TRANSFER_CALL, is_error

PROVIDER: Final = "faq"

# How many questions of one utterance are answered.
_QUESTIONS_AT_ONCE_MAX: Final = 3

# A job of four texts takes a seventh of a second when they are long. More at once gain a few hundredths of the time,
# and whoever else waits for an answer waits for the job.
_TEXTS_A_JOB: Final = 4

# Shorter than the patience of a call: a FAQ that takes longer is no failure, the answers learn what they need of it.
_PREPARE_SECONDS: Final = 5.0

_CALENDAR_QUESTION: Final = "What are your opening hours?"
_PURPOSE_QUESTION: Final = "Why are you calling? What is this about?"

_SECOND_QUESTION: Final = re.compile(
    r",?\s+(?:and|also)\s+(?=(?:also\s+)?(?:what|how|when|where|who|which|why|do|does|did|is|are|can|could|will|would|may)\b)"
)
# "Can I leave a message": the wish for it, and nothing of the message yet.
_ASKS_TO_LEAVE_ONE: Final = re.compile(r"\b(leave|take|pass on|give \w+) a message\b")
_WORDS_OF_A_MESSAGE: Final = 4
_OPEN: Final = re.compile(r"\b(we are|and|but) open (from|around|until)\b|\bopen from\b")
_WORDS_OF_A_WISH: Final = 12

# How likely an act has to be that the usual words for it speak of, and how sure of it they make.
_NO_OBJECTION: Final = 0.2
_BY_RULE: Final = 0.9

_GOES_ON: Final = frozenset({Act.AFFIRM, Act.DENY, Act.NOT_FOR_US})
_IN_A_SENTENCE: Final = {
    Act.ARE_YOU_THERE: faq_replies.HEARS,
    Act.PERSONAL: faq_replies.NOT_PERSONAL,
    Act.OFF_TOPIC: faq_replies.NOT_PERSONAL,
    Act.LANGUAGE_WISH: faq_replies.ONLY_ENGLISH,
    Act.WAIT: faq_replies.TAKE_TIME,
    Act.THANKS: f"{faq_replies.WELCOME} {ANYTHING_ELSE}",
}
_COURTESIES: Final = frozenset({Act.THANKS, Act.GREETING, Act.ARE_YOU_THERE, Act.WAIT, Act.REPEAT})


@dataclass(frozen=True, slots=True)
class _Read:
    """An utterance, the entries that may answer it, and where the calendar stands among these."""

    utterance: Encoded
    candidates: Sequence[Candidate]
    calendar: int | None


class FaqModel:
    """Looks answers up; one object serves all calls."""

    def __init__(self, reader: UtteranceReader, thresholds: Thresholds = Thresholds()) -> None:  # noqa: B008 - frozen
        self._reader = reader
        self._thresholds = thresholds
        # A thread of its own: an owner with a long FAQ takes no other call's recognition or speech away.
        self._workers = Workers(threads=1)

    async def prepare(self, knowledge: Knowledge) -> None:
        """Compute the vectors of all that can be answered, or of as much as there is time for."""
        index = self._reader.index(_entries(knowledge))
        with suppress(TimeoutError):
            async with asyncio.timeout(_PREPARE_SECONDS):
                await self._learn(index.questions_missing, index.learn_questions)
                await self._learn(index.answers_missing, index.learn_answers)

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield the answer to the last message, or the tool that has to find it."""
        for delta in await self._deltas(messages, knowledge):
            yield delta

    async def _deltas(self, messages: Sequence[Message], knowledge: Knowledge) -> Sequence[ModelDelta]:
        step = message_taking.next_step(messages, knowledge)
        if step is not None:
            return [*step, AnswerOutcome(Outcome.MESSAGE)]
        if messages[-1].role is TurnRole.TOOL:
            return await self._after_tool(messages, knowledge)
        asked, before = messages[-1].text, words_before(messages)
        meant = self._to_asking_back(messages, before, knowledge)
        if meant is not None:
            return meant
        if ANYTHING_ELSE in before and says_no(asked) and "?" not in asked:
            return _goodbye(knowledge, 1.0)
        if message_taking.is_message_after_hours(messages, knowledge):
            return [*message_taking.begin(asked, knowledge), AnswerOutcome(Outcome.MESSAGE)]
        return await self._answer(asked, knowledge)

    async def _answer(self, asked: str, knowledge: Knowledge) -> Sequence[ModelDelta]:
        read = await self._read(asked, knowledge)
        decision = _by_rule(asked, read.utterance) or self._decided(read)
        if decision.tells:
            return await self._tell(asked, decision, read.calendar, knowledge)
        if decision.act is Act.QUESTION:
            return _not_told(asked, decision, knowledge)
        day = day_of_visit(asked, knowledge.today, knowledge.country) if decision.act is Act.BOOK else None
        if day is not None and _offers(knowledge, BUSINESS_HOURS):
            return [ToolCall(BUSINESS_HOURS, {"when": day})]  # nobody can come on a day on which we are closed
        return _to_act(asked, decision, knowledge)

    async def _tell(
        self, asked: str, decision: Decision, calendar: int | None, knowledge: Knowledge
    ) -> Sequence[ModelDelta]:
        """Return the answer that was found, and those to other questions of the same utterance."""
        entries = await self._entries_told(asked, decision, knowledge)
        entry = decision.entry if decision.entry in range(len(knowledge.questions)) else None
        outcome = AnswerOutcome(Outcome.ANSWERED, entry, decision.confidence)
        if calendar in entries:
            day = day_asked_for(asked, knowledge.today, knowledge.country)
            if decision.entry == calendar:
                outcome = AnswerOutcome(Outcome.HOURS, None, decision.confidence)
            if day is not None and _offers(knowledge, BUSINESS_HOURS):
                return [ToolCall(BUSINESS_HOURS, {"when": day}), outcome]
        return [TextDelta(_answers(entries, knowledge)), outcome]

    async def _entries_told(self, asked: str, decision: Decision, knowledge: Knowledge) -> list[int]:
        """Return the entry that was decided on, and those that answer other questions of an utterance, in order."""
        parts = _questions_in(asked)
        found: list[int] = []
        for part in parts[:_QUESTIONS_AT_ONCE_MAX] if len(parts) > 1 else ():
            other = self._decided(await self._read(part, knowledge))
            if other.tells and other.entry is not None and other.entry not in found:
                found.append(other.entry)
        return found if decision.entry is None or decision.entry in found else [decision.entry, *found]

    def _to_asking_back(
        self, messages: Sequence[Message], before: str, knowledge: Knowledge
    ) -> Sequence[ModelDelta] | None:
        """Return what follows the reply to a question of ours whether an entry is meant; None for other replies."""
        entry = faq_replies.asked_back_in(before, tuple(each.question for each in knowledge.questions))
        said = messages[-1].text
        if entry is None or not (says_yes(said) or says_no(said)):
            return None
        if says_yes(said):
            return [TextDelta(_answers([entry], knowledge)), AnswerOutcome(Outcome.ANSWERED, entry)]
        if len(words_of(said)) > _WORDS_OF_A_MESSAGE:
            return None  # "No, I mean the one for children": a question of its own
        return _not_told(question_before(messages), Decision(Act.QUESTION), knowledge)

    async def _after_tool(self, messages: Sequence[Message], knowledge: Knowledge) -> Sequence[ModelDelta]:
        """Return what is said once a tool has answered: what it says, and what else was asked for."""
        result = messages[-1].text
        name = next((call.name for each in reversed(messages) for call in each.tool_calls), "")
        if name != BUSINESS_HOURS:
            return [TextDelta(_with_offer(faq_replies.NOBODY, knowledge) if is_error(result) else result)]
        asked = next((message.text for message in reversed(messages) if message.role is TurnRole.USER), "")
        read = await self._read(asked, knowledge)
        decision = self._decided(read)
        if decision.act is Act.BOOK:
            return _to_booking(asked, result, decision, knowledge)
        calendar = len(knowledge.questions)
        others = await self._entries_told(asked, Decision(Act.HOURS, calendar), knowledge)
        others.remove(calendar)
        answer = (knowledge.hours or faq_replies.UNKNOWN) if is_error(result) else result
        return [TextDelta(" ".join([answer, _answers(others, knowledge)]).strip())]

    async def _read(self, text: str, knowledge: Knowledge) -> _Read:
        entries = _entries(knowledge)
        index = self._reader.index(entries)
        await self._learn(index.questions_missing, index.learn_questions)
        utterance = await self._workers.run(PROVIDER, self._reader.read, text)
        nearest = index.nearest(utterance.vector, CANDIDATES)
        await self._learn(lambda: index.answers_missing(nearest), index.learn_answers)
        candidates = await self._workers.run(PROVIDER, index.judge, text, utterance, nearest)
        return _Read(utterance, candidates, len(knowledge.questions) if knowledge.hours else None)

    def _decided(self, read: _Read) -> Decision:
        return decide(read.utterance, read.candidates, read.calendar, self._thresholds)

    async def _learn(self, missing: Callable[[], list[int]], learn: Callable[[list[int]], None]) -> None:
        """Compute what is missing, in jobs so small that others get their turn between them."""
        while some := missing()[:_TEXTS_A_JOB]:  # another call about the same FAQ may have been here
            await self._workers.run(PROVIDER, learn, some)


def _by_rule(asked: str, utterance: Encoded) -> Decision | None:
    """Return the decision for the usual words of leave-taking or for a person, where the classifier does not object.

    "That's all I know about parking, how much is a haircut" and "put me down for Thursday" hold such words, too.
    """
    for act, kindred, is_said in (
        (Act.GOODBYE, (Act.THANKS,), says_goodbye),
        (Act.PERSON, (), wants_person),
    ):
        probability = sum(utterance.acts[each] for each in (act, *kindred))
        if probability >= _NO_OBJECTION and is_said(asked):
            return Decision(act, confidence=max(probability, _BY_RULE))
    return None


def _entries(knowledge: Knowledge) -> list[Entry]:
    """Return what can be told: the owner's entries, then the opening hours and why we call, where there are any."""
    entries = [Entry(each.question, each.answer) for each in knowledge.questions]
    if knowledge.hours:
        entries.append(Entry(_CALENDAR_QUESTION, knowledge.hours))
    if knowledge.is_our_call:
        entries.append(Entry(_PURPOSE_QUESTION, calling_about(knowledge.purpose)))
    return entries


def _not_told(asked: str, decision: Decision, knowledge: Knowledge) -> Sequence[ModelDelta]:
    """Return a question back about the entry that may be meant, or the offer to pass the question on."""
    if decision.entry is not None:
        text = faq_replies.ask_back(_entries(knowledge)[decision.entry].question)
        return [TextDelta(text), AnswerOutcome(Outcome.ASKED_BACK, decision.entry, decision.confidence)]
    outcome = AnswerOutcome(Outcome.PASSED_ON, None, decision.confidence)
    if not words_of(asked):
        return [TextDelta(faq_replies.SAY_AGAIN), AnswerOutcome(Outcome.OTHER)]
    if can_take_messages(knowledge):
        return [TextDelta(f"{faq_replies.UNKNOWN} {PASS_ON}"), outcome]
    return [TextDelta(faq_replies.UNKNOWN), outcome]


def _to_act(asked: str, decision: Decision, knowledge: Knowledge) -> Sequence[ModelDelta]:
    """Return what answers an utterance that asks for no fact."""
    act, confidence = decision.act, decision.confidence
    if act is Act.GOODBYE:
        return _goodbye(knowledge, confidence)
    if act is Act.PERSON:
        outcome = AnswerOutcome(Outcome.PERSON, None, confidence)
        if _offers(knowledge, TRANSFER_CALL):
            return [ToolCall(TRANSFER_CALL), outcome]
        return [TextDelta(_with_offer(faq_replies.NOBODY, knowledge)), outcome]
    if act in faq_replies.WISHES:
        return [*_wish(asked, act, knowledge), AnswerOutcome(Outcome.MESSAGE, None, confidence)]
    kind = Outcome.COURTESY if act in _COURTESIES else Outcome.OTHER
    return [TextDelta(_in_a_sentence(act, knowledge)), AnswerOutcome(kind, None, confidence)]


def _to_booking(asked: str, hours: str, decision: Decision, knowledge: Knowledge) -> Sequence[ModelDelta]:
    """Return what answers the wish to come on a certain day, once the calendar has said whether we are open then."""
    is_closed = hours.startswith("No,") or ("closed" in hours and _OPEN.search(hours) is None)
    if not is_error(hours) and is_closed:
        return [TextDelta(_with_offer(hours, knowledge)), AnswerOutcome(Outcome.HOURS, None, decision.confidence)]
    return _to_act(asked, decision, knowledge)


def _wish(asked: str, act: Act, knowledge: Knowledge) -> Sequence[ModelDelta]:
    if not can_take_messages(knowledge):
        return [TextDelta(faq_replies.CANNOT)]
    is_only_asked_for = act is Act.MESSAGE and _ASKS_TO_LEAVE_ONE.search(asked.lower()) is not None
    if is_only_asked_for and len(words_of(asked)) <= _WORDS_OF_A_WISH:
        return [TextDelta(f"Of course. {ASK_MESSAGE}")]
    return [TextDelta(f"{faq_replies.WISHES[act]} "), *message_taking.begin(asked, knowledge)]


def _in_a_sentence(act: Act, knowledge: Knowledge) -> str:
    if act is Act.WHO_ARE_YOU:
        return f"{faq_replies.who_we_are(knowledge)} How can I help you?"
    if act is Act.GREETING:
        if knowledge.is_our_call:
            return f"Hello. {calling_about(knowledge.purpose)}"
        # Not by name: somebody else may call from the same number.
        return f"Hello{', and welcome back' if knowledge.caller_name else ''}. How can I help you?"
    if act in _GOES_ON:
        return "What would you like to know about it?" if knowledge.is_our_call else faq_replies.GO_ON
    return _IN_A_SENTENCE.get(act, faq_replies.SAY_AGAIN)


def _goodbye(knowledge: Knowledge, confidence: float) -> Sequence[ModelDelta]:
    return [TextDelta(farewell(knowledge)), AnswerOutcome(Outcome.GOODBYE, None, confidence), ToolCall(END_CALL)]


def _answers(entries: Sequence[int], knowledge: Knowledge) -> str:
    known = _entries(knowledge)
    sentences = [sentence for at in entries for sentence in sentences_of(known[at].answer)]
    return " ".join(sentences[: SENTENCES_MAX[knowledge.response_length]])


def _offers(knowledge: Knowledge, tool: str) -> bool:
    return any(spec.name == tool for spec in knowledge.tools)


def _with_offer(sentence: str, knowledge: Knowledge) -> str:
    return f"{sentence} {OFFER}" if can_take_messages(knowledge) else sentence


def _questions_in(text: str) -> list[str]:
    """Return the single questions of an utterance."""
    return [part for sentence in sentences_of(text) for part in _SECOND_QUESTION.split(sentence) if words_of(part)]
