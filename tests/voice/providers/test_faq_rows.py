"""What is remembered of FAQs, and how much at once is computed of them, with vectors that cost nothing."""

import asyncio
import threading
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.embedded import embedded, speech
from tests.support.processes import PATIENCE_SECONDS

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.endings import words_of
from callgenie.voice.ports import Knowledge, Message, Question, TextDelta
from callgenie.voice.providers import faq, faq_rows
from callgenie.voice.providers.faq import FaqModel
from callgenie.voice.providers.faq_rows import FaqMemory
from callgenie.voice.providers.minilm import SentenceVectors


class CountingVectors(SentenceVectors):
    """Texts that share words are close. Remembers what it was asked for, and waits at a gate before each job."""

    def __init__(self) -> None:
        self.jobs: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()

    @property
    def texts(self) -> int:
        return sum(len(job) for job in self.jobs)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.gate.wait(10)
        self.jobs.append(list(texts))
        rows = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words_of(text):
                row[zlib.crc32(word.encode()) % self.width] += 1
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows


def faq_of(owner: int, entries: int) -> Knowledge:
    questions = tuple(Question(f"item{owner} number{at}?", f"It is answer{owner} place{at}.") for at in range(entries))
    return Knowledge("SAATHI", "Bakery", questions=questions)


async def ask(model: FaqModel, said: str, knowledge: Knowledge) -> str:
    deltas = [delta async for delta in model.stream([Message(TurnRole.USER, said)], knowledge)]
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def test_the_faqs_of_many_owners_are_computed_once_and_not_in_every_round() -> None:
    vectors = CountingVectors()
    model = FaqModel(vectors)
    faqs = [faq_of(owner, 40) for owner in range(60)]
    for knowledge in faqs:
        await model.prepare(knowledge)
    vectors.jobs.clear()
    for knowledge in faqs:
        await model.prepare(knowledge)
    assert vectors.texts == 0


def test_when_memory_is_full_the_faq_that_waited_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faq_rows, "_BYTES_MAX", 3 * 2 * 10 * SentenceVectors.width * 4)  # three FAQs of ten questions
    memory = FaqMemory(CountingVectors())
    asked = {name: [(f"{name}{at}?", "Yes.") for at in range(10)] for name in "abcd"}
    kept = {name: memory.rows(asked[name]) for name in "abc"}
    assert memory.rows(asked["a"]) is kept["a"]
    memory.rows(asked["d"])
    assert memory.rows(asked["a"]) is kept["a"]
    assert memory.rows(asked["c"]) is kept["c"]
    assert memory.rows(asked["b"]) is not kept["b"]


def test_a_changed_answer_is_another_faq() -> None:
    memory = FaqMemory(CountingVectors())
    assert memory.rows([("Is there parking?", "Yes.")]) is not memory.rows([("Is there parking?", "No.")])


async def test_a_faq_is_computed_in_small_jobs_and_two_calls_at_once_share_the_work() -> None:
    vectors = CountingVectors()
    model = FaqModel(vectors)
    await asyncio.gather(*(model.prepare(faq_of(1, 50)) for _ in range(3)))
    assert max(len(job) for job in vectors.jobs) <= 4
    assert vectors.texts == 2 * (50 + 4)  # four ways to ask for our name


async def test_a_small_faq_is_answered_while_a_big_one_is_computed() -> None:
    vectors = CountingVectors()
    model = FaqModel(vectors)
    preparing = asyncio.create_task(model.prepare(faq_of(1, 500)))
    assert await ask(model, "item2 number1", faq_of(2, 3)) == "It is answer2 place1."
    assert not preparing.done()
    await preparing


async def test_the_first_answer_waits_for_the_questions_of_a_big_faq_and_not_for_all_its_answers() -> None:
    vectors = CountingVectors()
    assert await ask(FaqModel(vectors), "item1 number77", faq_of(1, 200)) == "It is answer1 place77."
    assert vectors.texts <= 204 + 1 + 16


async def test_a_faq_that_takes_longer_than_the_greeting_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faq, "_PREPARE_SECONDS", 0.05)
    vectors = CountingVectors()
    model = FaqModel(vectors)
    vectors.gate.clear()
    await model.prepare(faq_of(1, 20))
    vectors.gate.set()
    assert await ask(model, "item1 number7", faq_of(1, 20)) == "It is answer1 place7."


async def test_recognition_goes_on_while_the_faqs_of_several_owners_are_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pcm = await speech("What time do you open?")
    gate = threading.Event()

    def waits(*_: Any) -> NDArray[np.float32]:
        gate.wait(2 * PATIENCE_SECONDS)
        return np.zeros((0, SentenceVectors.width), np.float32)

    monkeypatch.setattr(SentenceVectors, "vectors", waits)
    stream = embedded().stt.open(sample_rate=8_000, language="en")
    stream.push(pcm)
    preparing = [asyncio.create_task(embedded().model.prepare(faq_of(owner, 4))) for owner in range(900, 904)]
    await asyncio.sleep(0.05)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert "open" in (await stream.transcribe()).text
    finally:
        gate.set()
        await asyncio.gather(*preparing, return_exceptions=True)
        await stream.close()
