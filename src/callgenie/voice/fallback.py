"""Providers that stand in for each other: when the one that was chosen fails, the next one takes over.

Each of these classes keeps the promises of the port that it implements. One hosted provider gets the guard's two
attempts, and `patience_ms` for both together until its first piece; then the next one is asked. The last one is
embedded, and fails as if it were alone. What was passed on is never passed on again.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from callgenie.audio.kept import KeptAudio
from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.breaker import Breaker
from callgenie.voice.guarded import ProviderFailedError, answered, closed_in_the_end, spoken, tell_failure, within
from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import (
    AnswerOutcome,
    Knowledge,
    LanguageModel,
    Message,
    ModelDelta,
    ProviderError,
    SpeechStream,
    SpeechToText,
    TextDelta,
    TextToSpeech,
    Transcript,
)
from callgenie.voice.tools import is_refusal

_log = structlog.get_logger(__name__)

FELL_BACK: Final = "voice.fell_back"

# The patience with one attempt ends a little after the patience with a provider, so that it is the latter that ends.
_LATER_MS: Final = 500

# What a recogniser would keep of an utterance, too: who talks on without a pause loses what they said first.
_KEPT_SECONDS: Final = 29

P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate(Generic[P]):
    """A hosted provider, its name for the log, and its health."""

    name: str
    provider: P
    breaker: Breaker


class _CutOffError(Exception):
    """A provider failed after a part of its answer was passed on."""


class _NobodyLeftError(Exception):
    """No candidate passed anything on."""


class FallbackModel:
    """A language model with others behind it."""

    def __init__(
        self, candidates: Sequence[Candidate[LanguageModel]], last: LanguageModel, *, patience_ms: int
    ) -> None:
        self._candidates = candidates
        self._last = last
        self._patience_ms = patience_ms

    async def prepare(self, knowledge: Knowledge) -> None:
        """Let the first one get ready that can; what cannot is left alone from the first answer on."""
        for candidate in self._candidates:
            if candidate.breaker.rests:
                continue

            async def get_ready(model: LanguageModel = candidate.provider) -> None:
                await model.prepare(knowledge)

            try:
                await within(self._patience_ms, get_ready, candidate.name)
            except ProviderError as error:
                _failed(candidate, error)
            else:
                return
        await self._last.prepare(knowledge)

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield the answer; one that breaks off in the middle ends with an apology for it."""

        def start(model: LanguageModel) -> AsyncGenerator[ModelDelta]:
            return answered(model, messages, knowledge, self._patience_ms + _LATER_MS)

        speaks = False
        try:
            async with aclosing(_from_the_first(self._candidates, start, self._patience_ms)) as deltas:
                async for delta in deltas:
                    if not isinstance(delta, AnswerOutcome):
                        speaks = isinstance(delta, TextDelta)
                    yield delta
        except _CutOffError:
            if speaks:
                yield TextDelta(f"... {phrases_for(knowledge).lost_thread}")
        except _NobodyLeftError:
            async with closed_in_the_end(self._last.stream(_asked(messages), knowledge)) as deltas_of_last:
                async for delta in deltas_of_last:
                    yield delta


def _asked(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the conversation up to the caller's last words, if nothing came of what another model wanted since then.

    The last model knows nothing of what that was, and would take its refusal for the answer to a wish of its own.
    """
    last = max((at for at, message in enumerate(messages) if message.role is TurnRole.USER), default=len(messages))
    results = [message.text for message in messages[last:] if message.role is TurnRole.TOOL]
    return messages[: last + 1] if all(map(is_refusal, results)) else messages


class FallbackSpeech:
    """A voice with others behind it."""

    def __init__(self, candidates: Sequence[Candidate[TextToSpeech]], last: TextToSpeech, *, patience_ms: int) -> None:
        self._candidates = candidates
        self._last = last
        self._patience_ms = patience_ms

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`; one that breaks off just ends, and the next sentence is spoken whole."""

        def start(tts: TextToSpeech) -> AsyncGenerator[bytes]:
            patience_ms = self._patience_ms + _LATER_MS
            return spoken(tts, text, sample_rate=sample_rate, language=language, voice=voice, timeout_ms=patience_ms)

        try:
            async with aclosing(_from_the_first(self._candidates, start, self._patience_ms)) as pieces:
                async for piece in pieces:
                    yield piece
        except _CutOffError:
            return
        except _NobodyLeftError:
            last = self._last.stream(text, sample_rate=sample_rate, language=language, voice=voice)
            async with closed_in_the_end(last) as pieces_of_last:
                async for piece in pieces_of_last:
                    yield piece


class FallbackSpeechToText:
    """A recogniser with others behind it."""

    def __init__(self, candidates: Sequence[Candidate[SpeechToText]], last: SpeechToText, *, patience_ms: int) -> None:
        self._candidates = candidates
        self._last = last
        self._patience_ms = patience_ms

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        """Start recognising one call's audio, by the first one that works."""
        return _FallbackStream(
            [*self._candidates, None],
            lambda candidate: (self._last if candidate is None else candidate.provider).open(
                sample_rate=sample_rate, language=language
            ),
            patience_ms=self._patience_ms,
            utterance=KeptAudio(_KEPT_SECONDS, sample_rate),
        )


class _FallbackStream:
    """Keeps the utterance in progress, so that whoever takes over hears it from its beginning."""

    def __init__(
        self,
        candidates: Sequence[Candidate[SpeechToText] | None],
        start: Callable[[Candidate[SpeechToText] | None], SpeechStream],
        *,
        patience_ms: int,
        utterance: KeptAudio,
    ) -> None:
        self._candidates = candidates
        self._start = start
        self._patience_ms = patience_ms
        self._utterance = utterance
        self._retired: list[SpeechStream] = []
        self._at = self._next_at(0)
        self._stream = start(candidates[self._at])

    def push(self, pcm: bytes) -> None:
        self._utterance.add(pcm)
        self._stream.push(pcm)

    async def transcribe(self) -> Transcript:
        await self._close_retired()
        while (candidate := self._candidates[self._at]) is not None:
            try:
                heard = await within(self._patience_ms, self._heard_or_heard_again, candidate.name)
            except ProviderError as error:
                _failed(candidate, error)
                self._take(self._next_at(self._at + 1))
            else:
                candidate.breaker.succeeded()
                return heard
        return await self._stream.transcribe()

    def reset(self) -> None:
        self._utterance.clear()
        at = self._next_at(0) if self._at > 0 else 0
        if at < self._at:
            self._take(at)
        else:
            self._stream.reset()

    async def close(self) -> None:
        self.reset()
        self._retired.append(self._stream)
        await self._close_retired()

    async def _heard_or_heard_again(self) -> Transcript:
        """Transcribe; a stream that fails is opened once more, since one that broke stays broken."""
        try:
            return await self._stream.transcribe()
        except ProviderError as error:
            if error.permanent or error.retry_after_seconds is not None:
                raise
            tell_failure(error)
            self._take(self._at)
            return await self._stream.transcribe()

    def _next_at(self, at: int) -> int:
        """Return the first place from `at` on whose provider may be asked; the last one always may."""
        while (candidate := self._candidates[at]) is not None and not candidate.breaker.lets_through():
            at += 1
        return at

    def _take(self, at: int) -> None:
        self._retired.append(self._stream)
        self._at = at
        self._stream = self._start(self._candidates[at])
        for piece in self._utterance:
            self._stream.push(piece)

    async def _close_retired(self) -> None:
        while self._retired:
            stream = self._retired.pop()
            with suppress(ProviderError):
                await stream.close()


async def _from_the_first(
    candidates: Sequence[Candidate[P]], start: Callable[[P], AsyncGenerator[T]], patience_ms: int
) -> AsyncGenerator[T]:
    """Yield what the first candidate gives that gives anything.

    Raises:
        _NobodyLeftError: None of them does.
        _CutOffError: It failed after a part was passed on.
    """
    for candidate in candidates:
        if not candidate.breaker.lets_through():
            continue
        passed_on = False
        try:
            async with aclosing(_given_by(candidate, start, patience_ms)) as pieces:
                async for piece in pieces:
                    passed_on = passed_on or not isinstance(piece, AnswerOutcome)
                    yield piece
        except (ProviderError, ProviderFailedError) as error:
            if passed_on:
                raise _CutOffError from error
        else:
            return
    raise _NobodyLeftError


async def _given_by(
    candidate: Candidate[P], start: Callable[[P], AsyncGenerator[T]], patience_ms: int
) -> AsyncGenerator[T]:
    """Yield what one candidate gives, and take note of how that went."""
    passed_on = False
    try:
        async with aclosing(start(candidate.provider)) as pieces:
            piece = await within(patience_ms, pieces.__anext__, candidate.name)
            passed_on = True
            yield piece
            async for each in pieces:
                yield each
    except StopAsyncIteration:
        pass  # there was nothing to give
    except ProviderError as error:
        _failed(candidate, error)
        raise
    except ProviderFailedError as failure:
        _failed(candidate, failure.cause, told=True)
        raise
    except (GeneratorExit, asyncio.CancelledError):
        # The caller interrupts, which says nothing against who was speaking.
        if passed_on:
            candidate.breaker.succeeded()
        raise
    candidate.breaker.succeeded()


def _failed(candidate: Candidate[P], error: ProviderError, *, told: bool = False) -> None:
    candidate.breaker.failed(error)
    if not told:
        tell_failure(error)
    _log.warning(FELL_BACK, provider=candidate.name, category=error.category)
