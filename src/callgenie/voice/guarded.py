"""One deadline and one second chance around each provider, so that no provider needs its own.

A second attempt is made once, never after a `permanent` failure, and never when a part of the answer was already
passed on: half an answer twice is worse than an apology.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol, TypeVar, cast

import structlog

from callgenie.kernel.vocabulary import EndedReason
from callgenie.voice.ports import (
    AnswerOutcome,
    Knowledge,
    LanguageModel,
    Message,
    ModelDelta,
    ProviderError,
    SpeechStream,
    TextToSpeech,
    Transcript,
)

_log = structlog.get_logger(__name__)

PROVIDER_FAILED = "voice.provider_failed"

T = TypeVar("T")

_ATTEMPTS: Final = 2

# Who is told of every failure, also of one that a second attempt makes good. Whoever runs a call sets it for the
# call's tasks: the four functions below are asked from many places, and none of those has anything to do with it.
on_provider_failure: Final[ContextVar[Callable[[str, str], None] | None]] = ContextVar(
    "on_provider_failure", default=None
)


class _Closable(Protocol):
    async def aclose(self) -> None: ...


class ProviderFailedError(Exception):
    """A provider failed for good; `reason` is what the call ends with."""

    def __init__(self, reason: EndedReason, cause: ProviderError) -> None:
        super().__init__(str(cause))
        self.reason = reason
        self.cause = cause


async def transcribed(stream: SpeechStream, timeout_ms: int) -> Transcript:
    """Return what the caller said, within `timeout_ms` an attempt.

    Raises:
        ProviderFailedError: Both attempts failed.
    """

    async def attempt() -> Transcript:
        return await within(timeout_ms, stream.transcribe, "speech recognition")

    for remaining in reversed(range(_ATTEMPTS)):
        try:
            return await attempt()
        except ProviderError as error:
            _judge(EndedReason.STT_ERROR, error, again=remaining > 0)
    raise AssertionError


async def prepared(model: LanguageModel, knowledge: Knowledge, timeout_ms: int) -> None:
    """Let the model get ready; that it could not is logged, and its first answer will tell."""

    async def attempt() -> None:
        await model.prepare(knowledge)

    try:
        await within(timeout_ms, attempt, "language model")
    except ProviderError as error:
        tell_failure(error)
        _log.warning(PROVIDER_FAILED, again=True, provider=error.provider, category=error.category)


async def answered(
    model: LanguageModel, messages: Sequence[Message], knowledge: Knowledge, timeout_ms: int
) -> AsyncGenerator[ModelDelta]:
    """Yield the model's answer; `timeout_ms` bounds the wait for the first piece and for each next one.

    Raises:
        ProviderFailedError: It failed twice, or after a part of the answer was passed on.
    """
    async with aclosing(
        _streamed(lambda: model.stream(messages, knowledge), timeout_ms, "language model", EndedReason.LLM_ERROR)
    ) as deltas:
        async for delta in deltas:
            yield delta


async def spoken(
    tts: TextToSpeech, text: str, *, sample_rate: int, language: str, voice: str, timeout_ms: int
) -> AsyncGenerator[bytes]:
    """Yield the speech for `text`; `timeout_ms` bounds the wait for the first audio and for each next piece.

    Raises:
        ProviderFailedError: It failed twice, or after a part of the speech was passed on.
    """

    def start() -> AsyncIterator[bytes]:
        return tts.stream(text, sample_rate=sample_rate, language=language, voice=voice)

    async with aclosing(_streamed(start, timeout_ms, "speech", EndedReason.TTS_ERROR)) as pieces:
        async for piece in pieces:
            yield piece


async def _streamed(
    start: Callable[[], AsyncIterator[T]], timeout_ms: int, what: str, reason: EndedReason
) -> AsyncGenerator[T]:
    for remaining in reversed(range(_ATTEMPTS)):
        passed_on = False
        try:
            async with closed_in_the_end(start()) as stream:
                while True:
                    try:
                        piece = await within(timeout_ms, stream.__anext__, what)
                    except StopAsyncIteration:
                        return
                    # An outcome is not spoken, so a second attempt after it repeats nothing.
                    passed_on = passed_on or not isinstance(piece, AnswerOutcome)
                    yield piece
        except ProviderError as error:
            _judge(reason, error, again=remaining > 0 and not passed_on)


@asynccontextmanager
async def closed_in_the_end(stream: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close a provider's stream after the block, if it can be closed: a port promises an iterator only."""
    try:
        yield stream
    finally:
        if hasattr(stream, "aclose"):
            await cast("_Closable", stream).aclose()


async def within(timeout_ms: int, work: Callable[[], Awaitable[T]], what: str) -> T:
    """Return what `work` does, of which nothing but `ProviderError` and these two may come out.

    Raises:
        ProviderError: It failed, or took longer than `timeout_ms`; `what` is named as who did.
        ProviderFailedError: It says so itself.
        StopAsyncIteration: It was the step of a stream that is at its end.
    """
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            return await work()
    except (ProviderError, ProviderFailedError, StopAsyncIteration):
        raise
    except TimeoutError as error:
        raise ProviderError(what, "timeout", permanent=False) from error
    except Exception as error:
        # A provider's mistake, whatever it is, must end in an apology and not in a dropped line.
        _log.exception(PROVIDER_FAILED, provider=what, category="unexpected")
        raise ProviderError(what, "unexpected", permanent=False) from error


def tell_failure(error: ProviderError) -> None:
    """Tell whoever keeps the figures of a failure."""
    tell = on_provider_failure.get()
    if tell is not None:
        tell(error.provider, error.category)


def _judge(reason: EndedReason, error: ProviderError, *, again: bool) -> None:
    tell_failure(error)
    details: dict[str, Any] = {"provider": error.provider, "category": error.category, "permanent": error.permanent}
    # Who says when to come back does not want to be asked again at once.
    if again and not error.permanent and error.retry_after_seconds is None:
        _log.warning(PROVIDER_FAILED, again=True, **details)
        return
    _log.error(PROVIDER_FAILED, again=False, **details)
    raise ProviderFailedError(reason, error) from error
