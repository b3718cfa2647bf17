"""Answers from what the owner has written down, and from nothing else: it cannot invent.

An entry is told only where the judge is sure that it answers the question; where it is not quite sure, the model asks
back with the entry's question. What is not known is offered to be passed on in the caller's own words, and so is what
callers want done. There is no state; where the talk stands is read from what we said last.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.understanding.acts import Act
from callgenie.understanding.agreement import is_agreement, is_denial
from callgenie.understanding.decision import Decision, Thresholds, decide
from callgenie.understanding.encoder import Encoded
from callgenie.understanding.faq_index import CANDIDATES, Candidate, Entry
from callgenie.understanding.leave_taking import has_nothing_to_add
from callgenie.understanding.message_forms import WORDS_OF_A_MESSAGE, only_asks_to_leave_message
from callgenie.understanding.opening_questions import asks_whether_open, day_asked_for, day_of_visit
from callgenie.understanding.question_forms import asks_why_we_call, joined_questions
from callgenie.understanding.reader import UtteranceReader
from callgenie.understanding.repair import asks_to_repeat
from callgenie.understanding.text import words_of
from callgenie.understanding.utterance import Read, Utterance
from callgenie.voice import faq_replies, message_taking
from callgenie.voice.courtesies import ANYTHING_ELSE, MAY_DIFFER, TAKE_TIME, calling_about, farewell
from callgenie.voice.message_draft import ASK_MESSAGE, OFFER, PASS_ON, question_before
from callgenie.voice.message_taking import can_take_messages, words_before
from callgenie.voice.own_words import says_closed
from callgenie.voice.ports import AnswerOutcome, Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.providers.workers import Workers
from callgenie.voice.rewording import differently
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

_GOES_ON: Final = frozenset({Act.AFFIRM, Act.DENY, Act.NOT_FOR_US})
_IN_A_SENTENCE: Final = {
    Act.ARE_YOU_THERE: faq_replies.HEARS,
    Act.PERSONAL: faq_replies.NOT_PERSONAL,
    Act.OFF_TOPIC: faq_replies.NOT_PERSONAL,
    Act.LANGUAGE_WISH: faq_replies.ONLY_ENGLISH,
    Act.WAIT: TAKE_TIME,
    Act.THANKS: f"{faq_replies.WELCOME} {ANYTHING_ELSE}",
}
# Of so many utterances the acts are remembered, for calls in which a message is being taken.
_UTTERANCES_MAX: Final = 256

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
        self._acts: OrderedDict[str, Mapping[Act, float]] = OrderedDict()

    async def prepare(self, knowledge: Knowledge) -> None:
        """Compute the vectors of all that can be answered, or of as much as there is time for."""
        index = self._reader.index(_entries(knowledge))
        with suppress(TimeoutError):
            async with asyncio.timeout(_PREPARE_SECONDS):
                await self._learn(index.questions_missing, index.learn_questions)
                await self._learn(index.answers_missing, index.learn_answers)

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield the answer to the last message, or the tool that has to find it."""
        before = words_before(messages)
        wants_it_again = asks_to_repeat(messages[-1].text)
        for delta in await self._deltas(messages, before, knowledge):
            if isinstance(delta, TextDelta) and not wants_it_again:
                yield TextDelta(differently(delta.text, before))
            else:
                yield delta

    async def _deltas(self, messages: Sequence[Message], before: str, knowledge: Knowledge) -> Sequence[ModelDelta]:
        read = await self._utterances(messages, knowledge)
        step = message_taking.next_step(messages, knowledge, read)
        if step is not None:
            return [*step, AnswerOutcome(message_taking.outcome_of(step, before))]
        if messages[-1].role is TurnRole.TOOL:
            return await self._after_tool(messages, knowledge)
        asked = messages[-1].text
        meant = self._to_asking_back(messages, before, knowledge)
        if meant is not None:
            return meant
        if ANYTHING_ELSE in before and has_nothing_to_add(asked):
            return _goodbye(knowledge, 1.0)
        if message_taking.is_message_after_hours(messages, knowledge, read):
            return [*message_taking.begin(asked, knowledge), AnswerOutcome(Outcome.MESSAGE)]
        return await self._answer(asked, before, knowledge)

    async def _utterances(self, messages: Sequence[Message], knowledge: Knowledge) -> Read:
        """Return how the caller's utterances are read: with their acts, where what is taken of a message depends on it.

        Some 8 ms for each, and once for all answers to come.
        """
        if not message_taking.is_open(messages, knowledge):
            return Utterance
        acts: dict[str, Mapping[Act, float]] = {}
        for text in {message.text for message in messages if message.role is TurnRole.USER}:
            if text not in self._acts:
                self._acts[text] = (await self._workers.run(PROVIDER, self._reader.read, text)).acts
            self._acts.move_to_end(text)
            acts[text] = self._acts[text]
        while len(self._acts) > _UTTERANCES_MAX:
            self._acts.popitem(last=False)
        return lambda text: Utterance(text, acts.get(text), self._thresholds)

    async def _answer(self, asked: str, before: str, knowledge: Knowledge) -> Sequence[ModelDelta]:
        read = await self._read(asked, knowledge)
        decision = self._decision(asked, read, knowledge)
        if decision.act is Act.QUESTION and not decision.tells:
            decision = await self._of_its_questions(asked, read.calendar, knowledge) or decision
        if decision.tells:
            return await self._tell(asked, decision, read.calendar, knowledge)
        if decision.act is Act.QUESTION:
            return _not_told(asked, before, decision, knowledge)
        if decision.act is Act.REPEAT and before:
            return [TextDelta(before), AnswerOutcome(Outcome.COURTESY, None, decision.confidence)]
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

    async def _of_its_questions(self, asked: str, calendar: int | None, knowledge: Knowledge) -> Decision | None:
        """Return the decision to tell the answer to one of an utterance's several questions; None without any.

        The judge, who reads the whole, finds neither of two answers enough.
        """
        found = await self._entries_told(asked, Decision(Act.QUESTION), knowledge)
        if not found:
            return None
        act = Act.HOURS if found[0] == calendar else Act.QUESTION
        return Decision(act, found[0], tells=True, confidence=self._thresholds.tell)

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
        if entry is None or not (is_agreement(said) or is_denial(said)):
            return None
        if is_agreement(said):
            return [TextDelta(_answers([entry], knowledge)), AnswerOutcome(Outcome.ANSWERED, entry)]
        if len(words_of(said)) > WORDS_OF_A_MESSAGE:
            return None  # "No, I mean the one for children": a question of its own
        return _not_told(question_before(messages), before, Decision(Act.QUESTION), knowledge)

    async def _after_tool(self, messages: Sequence[Message], knowledge: Knowledge) -> Sequence[ModelDelta]:
        """Return what is said once a tool has answered: what it says, and what else was asked for."""
        result = messages[-1].text
        name = next((call.name for each in reversed(messages) for call in each.tool_calls), "")
        if name != BUSINESS_HOURS:
            return [TextDelta(_with_offer(faq_replies.NOBODY, knowledge) if is_error(result) else result)]
        asked = next((message.text for message in reversed(messages) if message.role is TurnRole.USER), "")
        read = await self._read(asked, knowledge)
        decision = self._decision(asked, read, knowledge)
        if decision.act is Act.BOOK:
            return _to_booking(asked, result, decision, knowledge)
        calendar = len(knowledge.questions)
        others = await self._entries_told(asked, Decision(Act.HOURS, calendar), knowledge)
        others.remove(calendar)
        answer = (knowledge.hours or faq_replies.UNKNOWN) if is_error(result) else result
        offer = PASS_ON if MAY_DIFFER in answer and can_take_messages(knowledge) else ""
        return [TextDelta(" ".join(part for part in (answer, _answers(others, knowledge), offer) if part))]

    async def _read(self, text: str, knowledge: Knowledge) -> _Read:
        entries = _entries(knowledge)
        index = self._reader.index(entries)
        await self._learn(index.questions_missing, index.learn_questions)
        utterance = await self._workers.run(PROVIDER, self._reader.read, text)
        nearest = index.nearest(utterance.vector, CANDIDATES)
        await self._learn(lambda: index.answers_missing(nearest), index.learn_answers)
        candidates = await self._workers.run(PROVIDER, index.judge, text, utterance, nearest)
        return _Read(utterance, candidates, len(knowledge.questions) if knowledge.hours else None)

    def _decision(self, asked: str, read: _Read, knowledge: Knowledge) -> Decision:
        """Return the decision of the rules, or else that of the models."""
        by_rule = Utterance(asked, read.utterance.acts, self._thresholds).by_rule()
        if by_rule is not None:
            return by_rule
        if knowledge.is_our_call and asks_why_we_call(asked):
            return Decision(Act.QUESTION, len(_entries(knowledge)) - 1, tells=True)  # the last entry says why
        if read.calendar is not None and asks_whether_open(asked, knowledge.today, knowledge.country):
            return Decision(Act.HOURS, read.calendar, tells=True)
        return self._decided(read)

    def _decided(self, read: _Read) -> Decision:
        return decide(read.utterance, read.candidates, read.calendar, self._thresholds)

    async def _learn(self, missing: Callable[[], list[int]], learn: Callable[[list[int]], None]) -> None:
        """Compute what is missing, in jobs so small that others get their turn between them."""
        while some := missing()[:_TEXTS_A_JOB]:  # another call about the same FAQ may have been here
            await self._workers.run(PROVIDER, learn, some)


def _entries(knowledge: Knowledge) -> list[Entry]:
    """Return what can be told: the owner's entries, then the opening hours and why we call, where there are any."""
    entries = [Entry(each.question, each.answer) for each in knowledge.questions]
    if knowledge.hours:
        entries.append(Entry(_CALENDAR_QUESTION, knowledge.hours))
    if knowledge.is_our_call:
        entries.append(Entry(_PURPOSE_QUESTION, calling_about(knowledge.purpose)))
    return entries


def _not_told(asked: str, before: str, decision: Decision, knowledge: Knowledge) -> Sequence[ModelDelta]:
    """Return a question back about the entry that may be meant, or the offer to pass the question on.

    Who was asked back about that entry just before, and did not say yes, means something else.
    """
    text = "" if decision.entry is None else faq_replies.ask_back(_entries(knowledge)[decision.entry].question)
    if text and text not in before:
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
    if not is_error(hours) and says_closed(hours):
        return [TextDelta(_with_offer(hours, knowledge)), AnswerOutcome(Outcome.HOURS, None, decision.confidence)]
    return _to_act(asked, decision, knowledge)


def _wish(asked: str, act: Act, knowledge: Knowledge) -> Sequence[ModelDelta]:
    if not can_take_messages(knowledge):
        return [TextDelta(faq_replies.CANNOT)]
    if act is Act.MESSAGE and only_asks_to_leave_message(asked):
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
    return [part for sentence in sentences_of(text) for part in joined_questions(sentence)]
