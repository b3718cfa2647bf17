"""Answers from what the owner has written down, and from nothing else: it cannot invent.

A question is looked up by meaning among the expected ones. What is not known is not guessed: the caller is offered to
leave a message. There is no state; where the talk stands is read from what we said last.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice import message_taking
from callgenie.voice.courtesies import ANYTHING_ELSE, calling_about, farewell, takes_leave, wants_person
from callgenie.voice.days import day_asked_for
from callgenie.voice.endings import words_of
from callgenie.voice.message_draft import ASK_MESSAGE, OFFER
from callgenie.voice.message_taking import can_take_messages, words_before
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.providers.faq_rows import FaqMemory, FaqRows
from callgenie.voice.providers.minilm import SentenceVectors
from callgenie.voice.providers.workers import Workers
from callgenie.voice.sentences import SENTENCES_MAX, sentences_of
from callgenie.voice.tools import BUSINESS_HOURS, END_CALL, TRANSFER_CALL, is_error

PROVIDER: Final = "faq"

# How close what was asked must be to a question together with its answer, or to the question alone. Lower ones find a
# few more paraphrases, and answer twice as many questions about other things as if they were known.
_CLOSE_TO_BOTH: Final = 0.33
_CLOSE_TO_QUESTION: Final = 0.5

_QUESTIONS_AT_ONCE_MAX: Final = 3

# A job of four texts takes a seventh of a second when they are long. More at once gain a few hundredths of the time,
# and whoever else waits for an answer waits for the job.
_TEXTS_A_JOB: Final = 4

# Shorter than the patience of a call: a FAQ that takes longer is no failure, the answers learn what they need of it.
_PREPARE_SECONDS: Final = 5.0

# What an answer looks at when there was no time to learn the whole FAQ, for each question that was asked.
_NEAR: Final = 16

_HOURS_QUESTIONS: Final = (
    "What are your opening hours?",
    "When are you open?",
    "What time do you open on Saturday?",
    "What time do you close today?",
    "Are you open on Sunday?",
)
_NAME_QUESTIONS: Final = (
    "Who am I speaking to?",
    "Who is this?",
    "What is the name of your company?",
    "Are you a robot or a human?",
)

_PURPOSE_QUESTIONS: Final = (
    "Why are you calling?",
    "What is this about?",
    "What is this call about?",
    "What do you want from me?",
)

_UNKNOWN: Final = "I'm sorry, I don't know that."
_NOBODY: Final = "I'm sorry, nobody can come to the telephone right now."

_WANTS_MESSAGE: Final = re.compile(r"\b((leave|take|pass on|give \w+) a message|call (me|us) back)\b")
_SECOND_QUESTION: Final = re.compile(
    r",?\s+(?:and|also)\s+(?=(?:also\s+)?(?:what|how|when|where|who|which|why|do|does|did|is|are|can|could|will|would|may)\b)"
)
_PLEASANTRIES: Final = frozenset(
    words_of(
        "hello hi hey there good morning afternoon evening okay ok so well um uh yes yeah thanks thank you very much"
        " great perfect alright sure please lot a"
    )
)
_GREETINGS: Final = frozenset({"hello", "hi", "hey", "morning", "afternoon", "evening"})
# In fewer words nobody says why they call.
_WORDS_OF_A_MESSAGE: Final = 4

_THANKS: Final = frozenset({"thanks", "thank"})


@dataclass(frozen=True, slots=True)
class _Known:
    """Something that can be answered, and the ways in which it may be asked."""

    questions: tuple[str, ...]
    answer: str


class FaqModel:
    """Looks answers up; one object serves all calls."""

    def __init__(self, vectors: SentenceVectors) -> None:
        self._vectors = vectors
        self._memory = FaqMemory(vectors)
        # A thread of its own: an owner with a long FAQ takes no other call's recognition or speech away.
        self._workers = Workers(threads=1)

    async def prepare(self, knowledge: Knowledge) -> None:
        """Compute the vectors of all that can be answered, or of as much as there is time for."""
        rows = self._rows(_all_known(knowledge))
        with suppress(TimeoutError):
            async with asyncio.timeout(_PREPARE_SECONDS):
                await self._learn(rows, rows.everything())

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield the answer to the last message, or the tool that has to find it."""
        for delta in await self._deltas(messages, knowledge):
            yield delta

    async def _deltas(self, messages: Sequence[Message], knowledge: Knowledge) -> Sequence[ModelDelta]:
        step = message_taking.next_step(messages, knowledge)
        if step is not None:
            return step
        if messages[-1].role is TurnRole.TOOL:
            return [TextDelta(await self._after_tool(messages, knowledge))]
        asked = messages[-1].text
        if takes_leave(asked, words_before(messages)):
            return [TextDelta(farewell(knowledge)), ToolCall(END_CALL)]
        return _courtesy(asked, knowledge) or await self._looked_up(messages, knowledge)

    async def _looked_up(self, messages: Sequence[Message], knowledge: Knowledge) -> Sequence[ModelDelta]:
        asked = messages[-1].text
        if _is_message_after_hours(messages, knowledge):
            return message_taking.begin(asked, knowledge)
        known = _all_known(knowledge)
        found = await self._found(asked, known)
        day = day_asked_for(asked)
        if day is not None and _offers(knowledge, BUSINESS_HOURS) and (not found or _hours_of(known) in found):
            return [ToolCall(BUSINESS_HOURS, {"when": day})]
        if found:
            return [TextDelta(_answers(found, known, knowledge))]
        return [TextDelta(_with_offer(_UNKNOWN, knowledge))]

    async def _after_tool(self, messages: Sequence[Message], knowledge: Knowledge) -> str:
        """Return what is said once a tool has answered: what it says, and what else was asked for."""
        result = messages[-1].text
        name = next((call.name for each in reversed(messages) for call in each.tool_calls), "")
        if name != BUSINESS_HOURS:
            return _with_offer(_NOBODY, knowledge) if is_error(result) else result
        asked = next((message.text for message in reversed(messages) if message.role is TurnRole.USER), "")
        known = _all_known(knowledge)
        hours = _hours_of(known)
        others = [at for at in await self._found(asked, known) if at != hours]
        answer = (knowledge.hours or _UNKNOWN) if is_error(result) else result
        return " ".join([answer, _answers(others, known, knowledge)]).strip()

    async def _found(self, asked: str, known: "Sequence[_Known]") -> list[int]:
        return await self._find(_questions_in(asked), known) or await self._find([asked], known)

    async def _find(self, questions: Sequence[str], known: Sequence[_Known]) -> list[int]:
        """Return which of the known things are asked for, in the order of the questions."""
        found: list[int] = []
        rows = self._rows(known)
        owners = [at for at, entry in enumerate(known) for _ in entry.questions]
        await self._learn(rows, rows.questions())
        for question in questions[:_QUESTIONS_AT_ONCE_MAX]:
            vector = await self._workers.run(PROVIDER, self._vectors.vector, question)
            await self._learn(rows, rows.near(vector, _NEAR))
            by_both, by_question = rows.joint @ vector, rows.alone @ vector
            best = int(np.argmax(np.maximum(by_both, by_question)))
            close = by_both[best] >= _CLOSE_TO_BOTH or by_question[best] >= _CLOSE_TO_QUESTION
            if close and owners[best] not in found:
                found.append(owners[best])
        return found

    async def _learn(self, rows: FaqRows, places: Iterable[int]) -> None:
        """Compute what is missing, in jobs so small that others get their turn between them."""
        missing = rows.missing(places)
        for at in range(0, len(missing), _TEXTS_A_JOB):
            few = rows.missing(missing[at : at + _TEXTS_A_JOB])  # another call about the same FAQ may have been here
            if few:
                await self._workers.run(PROVIDER, rows.learn, few)

    def _rows(self, known: Sequence[_Known]) -> FaqRows:
        return self._memory.rows([(question, entry.answer) for entry in known for question in entry.questions])


def _all_known(knowledge: Knowledge) -> list[_Known]:
    known = [_Known((entry.question,), entry.answer) for entry in knowledge.questions]
    if knowledge.hours:
        known.append(_Known(_HOURS_QUESTIONS, knowledge.hours))
    who = f"This is {knowledge.assistant_name}"
    known.append(
        _Known(_NAME_QUESTIONS, f"{who}, the assistant of {knowledge.company}." if knowledge.company else f"{who}.")
    )
    if knowledge.is_our_call:
        known.append(_Known(_PURPOSE_QUESTIONS, calling_about(knowledge.purpose)))
    return known


def _hours_of(known: Sequence[_Known]) -> int | None:
    """Return where the opening hours stand among what is known, or None."""
    return next((at for at, entry in enumerate(known) if entry.questions is _HOURS_QUESTIONS), None)


def _answers(found: Sequence[int], known: Sequence[_Known], knowledge: Knowledge) -> str:
    sentences = [sentence for at in found for sentence in sentences_of(known[at].answer)]
    return " ".join(sentences[: SENTENCES_MAX[knowledge.response_length]])


def _offers(knowledge: Knowledge, tool: str) -> bool:
    return any(spec.name == tool for spec in knowledge.tools)


def _with_offer(sentence: str, knowledge: Knowledge) -> str:
    return f"{sentence} {OFFER}" if can_take_messages(knowledge) else sentence


def _is_message_after_hours(messages: Sequence[Message], knowledge: Knowledge) -> bool:
    """Tell whether the last words are what a caller leaves who was told, in whatever words, that nobody is there."""
    if not knowledge.after_hours or not can_take_messages(knowledge):
        return False
    said = [message.text for message in messages if message.role is TurnRole.USER]
    return len(said) == 1 and "?" not in said[0] and len(words_of(said[0])) >= _WORDS_OF_A_MESSAGE


def _courtesy(asked: str, knowledge: Knowledge) -> Sequence[ModelDelta] | None:
    """Return what is answered without looking anything up, or None."""
    words = words_of(asked)
    if wants_person(asked):
        if _offers(knowledge, TRANSFER_CALL):
            return [ToolCall(TRANSFER_CALL)]
        return [TextDelta(_with_offer(_NOBODY, knowledge))]
    if _WANTS_MESSAGE.search(asked.lower()) and can_take_messages(knowledge):
        return [TextDelta(f"Of course. {ASK_MESSAGE}")]
    return [TextDelta(_to_pleasantries(words, knowledge))] if all(word in _PLEASANTRIES for word in words) else None


def _to_pleasantries(words: Sequence[str], knowledge: Knowledge) -> str:
    if any(word in _THANKS for word in words):
        return f"You're welcome. {ANYTHING_ELSE}"
    if any(word in _GREETINGS for word in words):
        if knowledge.is_our_call:
            return f"Hello. {calling_about(knowledge.purpose)}"
        # Not by name: somebody else may call from the same number.
        return f"Hello{', and welcome back' if knowledge.caller_name else ''}. How can I help you?"
    return "What would you like to know about it?" if knowledge.is_our_call else "Please go ahead."


def _questions_in(text: str) -> list[str]:
    """Return the single questions of an utterance, without its pleasantries."""
    parts = [part for sentence in sentences_of(text) for part in _SECOND_QUESTION.split(sentence)]
    return [part for part in parts if not all(word in _PLEASANTRIES for word in words_of(part))]
