"""What is remembered of FAQs, and how much at once is computed of them, with models that cost nothing."""

import asyncio
import threading
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.support.embedded import embedded, speech
from tests.support.processes import PATIENCE_SECONDS

from callgenie.kernel.vocabulary import TurnRole
from callgenie.understanding.acts import Act
from callgenie.understanding.encoder import Array, Encoded, Encoder
from callgenie.understanding.faq_index import CANDIDATES, Entry, FaqIndex, FaqMemory
from callgenie.understanding.judge import AnswerJudge, JudgedEntry
from callgenie.understanding.reader import UtteranceReader
from callgenie.understanding.text import bare, words_of
from callgenie.voice.ports import Knowledge, Message, Question, TextDelta
from callgenie.voice.providers import faq
from callgenie.voice.providers.faq import FaqModel


class WordEncoder(Encoder):
    """Texts that share words are close. Counts what it was asked for, and waits at a gate before each job."""

    def __init__(self) -> None:
        self.jobs: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    @property
    def texts(self) -> int:
        return sum(self.jobs)

    def tokens(self, text: str, then: str = "") -> tuple[list[int], int]:
        first = [zlib.crc32(word.encode()) % self.width for word in words_of(text)]
        return first + [zlib.crc32(word.encode()) % self.width for word in words_of(then)], len(first)

    def encode(self, texts: Sequence[Sequence[int]]) -> list[Encoded]:
        self.gate.wait(10)
        self.jobs.append(len(texts))
        acts = {act: float(act is Act.QUESTION) for act in Act}
        found = []
        for ids in texts:
            embedded = np.eye(self.width, dtype=np.float32)[list(ids)]
            total = embedded.sum(axis=0)
            found.append(Encoded(embedded, total / np.linalg.norm(total), acts))
        return found


class WordJudge(AnswerJudge):
    """Takes an entry for an answer that has most words of the utterance."""

    def __init__(self) -> None:
        pass

    def prepare(self, embedded: Array, question_tokens: int) -> JudgedEntry:
        return JudgedEntry(embedded[:question_tokens].astype(np.float16))

    def probabilities(self, embedded: Array, entries: Sequence[JudgedEntry]) -> list[float]:
        return [float((embedded @ entry.states.sum(axis=0) > 0).mean()) for entry in entries]


class WordReader(UtteranceReader):
    """Reads with these two; what they were asked for is in `encoder`."""

    def __init__(self, *, bytes_max: int = 40_000_000) -> None:
        self.encoder = WordEncoder()
        self.memory = FaqMemory(self.encoder, WordJudge(), bytes_max=bytes_max)

    def index(self, entries: Sequence[Entry]) -> FaqIndex:
        return self.memory.index(entries)

    def read(self, text: str) -> Encoded:
        return self.encoder.encode([self.encoder.tokens(bare(text))[0]])[0]


def faq_of(owner: int, entries: int) -> Knowledge:
    questions = tuple(Question(f"item{owner} number{at}?", f"It is answer{owner} place{at}.") for at in range(entries))
    return Knowledge("SAATHI", "Bakery", questions=questions)


async def ask(model: FaqModel, said: str, knowledge: Knowledge) -> str:
    deltas = [delta async for delta in model.stream([Message(TurnRole.USER, said)], knowledge)]
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def test_the_faqs_of_many_owners_are_computed_once_and_not_in_every_round() -> None:
    reader = WordReader()
    model = FaqModel(reader)
    faqs = [faq_of(owner, 40) for owner in range(60)]
    for knowledge in faqs:
        await model.prepare(knowledge)
    reader.encoder.jobs.clear()
    for knowledge in faqs:
        await model.prepare(knowledge)
    assert reader.encoder.texts == 0


def learnt(memory: FaqMemory, entries: Sequence[Entry]) -> FaqIndex:
    index = memory.index(entries)
    index.learn_questions(index.questions_missing())
    index.learn_answers(index.answers_missing())
    return index


def test_when_memory_is_full_the_faq_that_waited_longest_is_forgotten() -> None:
    faqs = {name: [Entry(f"{name}{at}?", "Yes.") for at in range(10)] for name in "abcd"}
    memory = WordReader(bytes_max=3 * learnt(WordReader().memory, faqs["a"]).nbytes).memory
    kept = {name: learnt(memory, faqs[name]) for name in "abc"}
    assert memory.index(faqs["a"]) is kept["a"]
    learnt(memory, faqs["d"])
    assert memory.index(faqs["a"]) is kept["a"]
    assert memory.index(faqs["c"]) is kept["c"]
    assert memory.index(faqs["b"]) is not kept["b"]


def test_a_changed_answer_is_another_faq() -> None:
    memory = WordReader().memory
    assert memory.index([Entry("Is there parking?", "Yes.")]) is not memory.index([Entry("Is there parking?", "No.")])


async def test_a_faq_is_computed_in_small_jobs_and_two_calls_at_once_share_the_work() -> None:
    reader = WordReader()
    model = FaqModel(reader)
    await asyncio.gather(*(model.prepare(faq_of(1, 50)) for _ in range(3)))
    assert max(reader.encoder.jobs) <= 4
    assert reader.encoder.texts == 2 * 50


async def test_a_small_faq_is_answered_while_a_big_one_is_computed() -> None:
    reader = WordReader()
    model = FaqModel(reader)
    preparing = asyncio.create_task(model.prepare(faq_of(1, 500)))
    assert await ask(model, "item2 number1", faq_of(2, 3)) == "It is answer2 place1."
    assert not preparing.done()
    await preparing


async def test_the_first_answer_waits_for_the_questions_of_a_big_faq_and_not_for_all_its_answers() -> None:
    reader = WordReader()
    assert await ask(FaqModel(reader), "item1 number77", faq_of(1, 200)) == "It is answer1 place77."
    assert reader.encoder.texts <= 200 + 1 + CANDIDATES


async def test_a_faq_that_takes_longer_than_the_greeting_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faq, "_PREPARE_SECONDS", 0.05)
    reader = WordReader()
    model = FaqModel(reader)
    reader.encoder.gate.clear()
    await model.prepare(faq_of(1, 20))
    reader.encoder.gate.set()
    assert await ask(model, "item1 number7", faq_of(1, 20)) == "It is answer1 place7."


async def test_recognition_goes_on_while_the_faqs_of_several_owners_are_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pcm = await speech("What time do you open?")
    gate = threading.Event()

    def waits(*_: Any) -> list[Encoded]:
        gate.wait(2 * PATIENCE_SECONDS)
        return []

    monkeypatch.setattr(Encoder, "encode", waits)
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
