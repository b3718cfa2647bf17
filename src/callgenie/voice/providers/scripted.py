"""Providers that follow a script: deterministic, with no work worth measuring, for benchmarks and tests.

They keep every promise of the ports, and the ports' contract suites are run on them like on any other.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields
from typing import Final

import numpy as np

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.ports import (
    Knowledge,
    Message,
    ModelDelta,
    SpeechStream,
    TextDelta,
    ToolCall,
    Transcript,
    VoiceActivity,
    VoiceProviders,
)

# Of 32,768. Line noise stays below it, any voice goes above it.
_LOUD: Final = 500

Answer = str | ToolCall

_MS_A_CHARACTER: Final = 60
_TONE_HERTZ: Final = 400  # divides every usual sample rate, so that pieces join without a click
_PIECE_MS: Final = 200


def is_loud(pcm: bytes) -> bool:
    """Tell whether a piece of audio holds anything but quiet."""
    samples = np.frombuffer(pcm, "<i2", count=len(pcm) // 2)
    return bool(samples.size) and (int(samples.max()) > _LOUD or int(samples.min()) < -_LOUD)


class _LoudnessWatch:
    def push(self, pcm: bytes) -> float | None:
        return 1.0 if is_loud(pcm) else 0.0


class LoudnessDetector:
    """Takes whatever is loud for speech; good enough where nothing but speech or silence is played."""

    def open(self, *, sample_rate: int) -> VoiceActivity:
        """Start watching one call's audio."""
        del sample_rate
        return _LoudnessWatch()


class _ScriptedStream:
    """Gives the next text of the script for each utterance that had a sound in it."""

    def __init__(self, texts: Sequence[str], *, again: bool) -> None:
        self._texts = texts
        self._again = again
        self._next = 0
        self._sound = False
        self._told = False

    def push(self, pcm: bytes) -> None:
        self._sound = self._sound or is_loud(pcm)

    async def transcribe(self) -> Transcript:
        if not self._sound or not self._texts:
            return Transcript("", final=True)
        if self._next >= len(self._texts) and not self._again:
            return Transcript("", final=True)
        self._told = True
        return Transcript(self._texts[self._next % len(self._texts)], final=True)

    def reset(self) -> None:
        self._next += self._told
        self._sound = self._told = False

    async def close(self) -> None:
        self.reset()


class ScriptedSpeechToText:
    """Hears what the script says, utterance by utterance, in every call from its start."""

    def __init__(self, texts: Sequence[str], *, again: bool = False) -> None:
        self._texts = texts
        self._again = again

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        """Start recognising one call's audio."""
        del sample_rate, language
        return _ScriptedStream(self._texts, again=self._again)


class ScriptedModel:
    """Answers by a table of phrases that a question may hold; a goodbye ends the call.

    An answer is a text, or a tool to be used, whose result is then said. Where a text holds the name of a fact in
    braces, as in `{memory}`, it says what is known of that.
    """

    def __init__(self, answers: Mapping[str, Answer], *, otherwise: str = "I can take a message.") -> None:
        self._answers = {phrase.lower(): answer for phrase, answer in answers.items()}
        self._otherwise = otherwise

    async def prepare(self, knowledge: Knowledge) -> None:
        """Do nothing: a table is always ready."""

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield the answer to the last message, word by word."""
        last = messages[-1] if messages else Message(TurnRole.USER, "")
        asked = last.text.lower() if last.role is TurnRole.USER else ""
        leaves = "goodbye" in asked
        answer: Answer = "Thank you for calling. Goodbye." if leaves else self._otherwise
        if last.role is TurnRole.TOOL:
            answer = last.text
        answer = next((known for phrase, known in self._answers.items() if phrase in asked), answer)
        if isinstance(answer, ToolCall):
            yield answer
            return
        for word in _filled(answer, knowledge).split():
            yield TextDelta(word + " ")
        if leaves:
            yield ToolCall("end_call")


def _filled(answer: str, knowledge: Knowledge) -> str:
    for fact in fields(knowledge):
        answer = answer.replace(f"{{{fact.name}}}", str(getattr(knowledge, fact.name)))
    return answer


class ToneTextToSpeech:
    """Hums as long as it would take to say the text."""

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield a tone of 60 ms a character."""
        del language, voice
        at = np.arange(sample_rate * _PIECE_MS // 1000)
        piece = (np.sin(2 * np.pi * _TONE_HERTZ * at / sample_rate) * 8_000).astype("<i2").tobytes()
        remaining = len(text) * _MS_A_CHARACTER * sample_rate // 1000 * 2
        while remaining > 0:
            yield piece[:remaining]
            remaining -= len(piece)


def scripted_providers(texts: Sequence[str], answers: Mapping[str, Answer], *, again: bool = False) -> VoiceProviders:
    """Return providers for calls in which the caller says `texts` and gets `answers`.

    Args:
        texts: What is heard, in order; each stands for one utterance, whatever it sounds like.
        answers: For a phrase that a text may hold, in lower case or not, what is answered.
        again: Start over at the end of `texts`, for calls that never end.
    """
    return VoiceProviders(
        vad=LoudnessDetector(),
        stt=ScriptedSpeechToText(texts, again=again),
        model=ScriptedModel(answers),
        tts=ToneTextToSpeech(),
    )
