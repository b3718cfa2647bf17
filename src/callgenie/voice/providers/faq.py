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
from callgenie.voice.endings import words_of
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.providers.faq_rows import FaqMemory, FaqRows
from callgenie.voice.providers.minilm import SentenceVectors
from callgenie.voice.providers.workers import Workers
from callgenie.voice.sentences import SENTENCES_MAX, sentences_of

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

_OFFER: Final = "Would you like to leave a message?"
_ASK_FOR_MESSAGE: Final = "Of course. Please tell me your message, with your name and your number."
_ANYTHING_ELSE: Final = "Is there anything else I can help you with?"
_UNKNOWN: Final = f"I'm sorry, I don't know that. {_OFFER}"
_NOTED: Final = f"Thank you, I will pass that on. {_ANYTHING_ELSE}"

_GOODBYE: Final = re.compile(
    r"\b(good ?bye|bye(-| )?bye|bye|that'?s (all|it|everything)|that is (all|everything)|nothing else"
    r"|have a (nice|good|great|lovely) (day|one|evening|weekend))\b"
)
_WANTS_PERSON: Final = re.compile(
    r"\b((leave|take|pass on|give \w+) a message|(speak|talk) (to|with) (a|an|the|some|your)\b.*"
    r"|real person|human being|call me back)"
)
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
_YES: Final = frozenset({"yes", "yeah", "yep", "sure", "okay", "ok", "please", "absolutely", "correct"})
_NO: Final = frozenset({"no", "nope", "nah"})
# "Yes, please do" accepts the offer to leave a message; "yes, please tell her that I will be late" is the message.
_WORDS_OF_A_MESSAGE: Final = 6
_TELLS: Final = frozenset({"tell", "say", "ask", "let"})
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
        """Yield the answer to the last message."""
        asked = messages[-1].text
        before = next((message.text for message in reversed(messages) if message.role is TurnRole.ASSISTANT), "")
        if _is_goodbye(asked, before):
            yield TextDelta(_farewell(knowledge))
            yield ToolCall("end_call")
            return
        courtesy = _courtesy(asked, before)
        if courtesy is None:
            courtesy = await self._answer(asked, before, knowledge)
        yield TextDelta(courtesy)

    async def _answer(self, asked: str, before: str, knowledge: Knowledge) -> str:
        known = _all_known(knowledge)
        found = await self._find(_questions_in(asked), known) or await self._find([asked], known)
        if found:
            answers = [answer for at in found for answer in sentences_of(known[at].answer)]
            return " ".join(answers[: SENTENCES_MAX[knowledge.response_length]])
        return _NOTED if _OFFER in before and "?" not in asked else _UNKNOWN

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
    return known


def _farewell(knowledge: Knowledge) -> str:
    return f"Thank you for calling{f' {knowledge.company}' if knowledge.company else ''}. Goodbye."


def _is_goodbye(asked: str, before: str) -> bool:
    if "?" in asked:
        return False
    if _GOODBYE.search(asked.lower()):
        return True
    words = words_of(asked)
    return _ANYTHING_ELSE in before and bool(words) and words[0] in _NO


def _courtesy(asked: str, before: str) -> str | None:
    """Return what is answered without looking anything up, or None."""
    words = words_of(asked)
    if _ASK_FOR_MESSAGE in before:
        return _NOTED
    if _WANTS_PERSON.search(asked.lower()):
        return _ASK_FOR_MESSAGE
    if _OFFER in before and words and words[0] in _YES | _NO and "?" not in asked:
        return _to_the_offer(words)
    return _to_pleasantries(words) if all(word in _PLEASANTRIES for word in words) else None


def _to_the_offer(words: Sequence[str]) -> str:
    if words[0] in _NO:
        return f"All right. {_ANYTHING_ELSE}"
    is_the_message = len(words) > _WORDS_OF_A_MESSAGE or not _TELLS.isdisjoint(words)
    return _NOTED if is_the_message else _ASK_FOR_MESSAGE


def _to_pleasantries(words: Sequence[str]) -> str:
    if any(word in _THANKS for word in words):
        return f"You're welcome. {_ANYTHING_ELSE}"
    if any(word in _GREETINGS for word in words):
        return "Hello. How can I help you?"
    return "Please go ahead."


def _questions_in(text: str) -> list[str]:
    """Return the single questions of an utterance, without its pleasantries."""
    parts = [part for sentence in sentences_of(text) for part in _SECOND_QUESTION.split(sentence)]
    return [part for part in parts if not all(word in _PLEASANTRIES for word in words_of(part))]
