"""A hosted model of which callers hear only what its facts support."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog

from callgenie.kernel.vocabulary import Outcome
from callgenie.voice.guarded import closed_in_the_end
from callgenie.voice.guardrails.facts import FactCheck, facts_of
from callgenie.voice.guardrails.manner import LOOP, Manner, is_cut_off
from callgenie.voice.message_draft import OFFER
from callgenie.voice.message_taking import can_take_messages
from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import (
    AnswerOutcome,
    Knowledge,
    LanguageModel,
    Message,
    ModelDelta,
    ProviderError,
    TextDelta,
)
from callgenie.voice.sentences import first_sentence_end

_log = structlog.get_logger(__name__)

UNSUPPORTED_FACT_BLOCKED: Final = "voice.unsupported_fact_blocked"
SENTENCE_DROPPED: Final = "voice.model_sentence_dropped"

# Nobody speaks so long without an end. Whatever goes on is judged in parts.
_SENTENCE_CHARACTERS_MAX: Final = 400


class GroundedModel:
    """Passes on the sentences of another model that may be spoken, each once it is whole.

    At the first one that says what the facts do not, the answer ends with the truth: we do not know that. Sentences
    that are not meant for a caller are left out. An answer of which nothing is left is a failure, so that the next
    provider answers.

    Args:
        model: The model.
        check: Decides whether the facts support a sentence.
        name: The provider, for figures and the log.
    """

    def __init__(self, model: LanguageModel, check: FactCheck, name: str) -> None:
        self._model = model
        self._check = check
        self._name = name

    async def prepare(self, knowledge: Knowledge) -> None:
        """Let the check and the model get ready.

        Raises:
            ProviderError: The model could not.
        """
        await self._check.prepare(facts_of((), knowledge))
        await self._model.prepare(knowledge)

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield the answer to the last message as far as it may be spoken, and what the model asks for.

        Raises:
            ProviderError: There is no answer, or nothing of it may be spoken.
        """
        review = _Review(self._check, self._name, messages, knowledge)
        try:
            async with closed_in_the_end(self._model.stream(messages, knowledge)) as deltas:
                async for delta in deltas:
                    if isinstance(delta, TextDelta):
                        for text in await review.take(delta.text):
                            yield TextDelta(text)
                        continue
                    for text in await review.finish():
                        yield TextDelta(text)
                    review.has_answered = True
                    yield delta
            for text in await review.finish():
                yield TextDelta(text)
        finally:
            review.log()
        if review.is_blocked:
            yield AnswerOutcome(Outcome.PASSED_ON)
        elif not review.has_answered and review.dropped:
            raise ProviderError(self._name, "unusable", permanent=False)


class _Review:
    """One answer, sentence by sentence.

    Attributes:
        has_answered: Something was passed on.
        is_blocked: A sentence said what the facts do not.
        dropped: Why sentences were left out, and how many.
    """

    def __init__(self, check: FactCheck, name: str, messages: Sequence[Message], knowledge: Knowledge) -> None:
        self.has_answered = self.is_blocked = False
        self.dropped: Counter[str] = Counter()
        self._unsupported: Counter[str] = Counter()
        self._check = check
        self._name = name
        self._facts = facts_of(messages, knowledge)
        self._manner = Manner(messages, knowledge)
        offer = f" {OFFER}" if can_take_messages(knowledge) else ""
        self._instead = f"{phrases_for(knowledge).not_known}{offer}"
        self._held = ""

    async def take(self, text: str) -> list[str]:
        """Take the next text; return the sentences that may be spoken by now."""
        self._held += text
        passed: list[str] = []
        while (end := self._end()) is not None:
            sentence, self._held = self._held[:end], self._held[end:]
            passed += await self._judge(sentence)
        return passed

    async def finish(self) -> list[str]:
        """Return what is left of the text, if it may be spoken; more text may follow."""
        sentence, self._held = self._held, ""
        if sentence.strip() and is_cut_off(sentence):
            self.dropped["cut_off"] += 1
            return []
        return await self._judge(sentence)

    def log(self) -> None:
        """Log how much was kept from the caller, without a word of it."""
        if self._unsupported:
            _log.warning(UNSUPPORTED_FACT_BLOCKED, provider=self._name, **dict(self._unsupported))
        if self.dropped:
            _log.warning(SENTENCE_DROPPED, provider=self._name, **dict(self.dropped))

    def _end(self) -> int | None:
        end = first_sentence_end(self._held)
        if end is None and len(self._held) > _SENTENCE_CHARACTERS_MAX:
            return self._held.rfind(" ") + 1 or _SENTENCE_CHARACTERS_MAX
        return end

    async def _judge(self, sentence: str) -> list[str]:
        if self.is_blocked or LOOP in self.dropped or not any(character.isalnum() for character in sentence):
            return []
        if objection := self._manner.objection(sentence):
            self.dropped[objection] += 1
            return []
        if unsupported := await self._check.unsupported(sentence, self._facts):
            self._unsupported.update(unsupported)
            self.is_blocked = True
            sentence = self._instead
        self.has_answered = True
        return [sentence.strip() + ("\n" if sentence.endswith("\n") else " ")]
