"""What a running call needs from the outside: a link to the caller, and providers that hear, think and speak.

Audio is 16-bit little-endian mono PCM, in whole frames of 20 ms, one or a few at a time, at `AudioLink.sample_rate`
samples a second, unless a line says otherwise. Retry, timeouts and fallback stand once around these ports, never
inside a provider.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from callgenie.kernel.vocabulary import Outcome, ResponseLength, TurnRole

FRAME_MS = 20


@dataclass(frozen=True, slots=True)
class AudioReceived:
    """What the caller's side sounded like for a moment, usually one frame."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """The caller pressed a key: one of `0-9*#A-D`."""

    digit: str


@dataclass(frozen=True, slots=True)
class MarkReached:
    """The carrier got to a mark we had sent: all before it was played, or flushed by `clear`."""

    name: str


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """The link is gone. `clean` is true when the carrier said so first; otherwise the connection broke."""

    clean: bool


LinkEvent = AudioReceived | DigitPressed | MarkReached | LinkClosed


class AudioLink(Protocol):
    """One call's two-way audio, whatever the carrier."""

    @property
    def sample_rate(self) -> int:
        """Samples a second, both ways."""
        ...

    @property
    def can_transfer(self) -> bool:
        """Whether its carrier can join the caller to another number once we have let go of the line."""
        ...

    def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what the carrier sends; `LinkClosed` is the last and always comes."""
        ...

    async def send_audio(self, pcm: bytes) -> None:
        """Hand audio to the carrier, which plays it after what it already has. A closed link ignores it."""
        ...

    async def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far was played."""
        ...

    async def clear(self) -> None:
        """Throw away what the carrier has not played yet."""
        ...

    async def close(self) -> None:
        """Hang up. Closing twice is harmless."""
        ...


class ProviderError(Exception):
    """A provider could not do its work.

    `permanent` means that asking again cannot help; `retry_after_seconds` is how long it wants to be left alone, if it
    said so.
    """

    def __init__(
        self, provider: str, category: str, *, permanent: bool, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(f"{provider}: {category}")
        self.provider = provider
        self.category = category
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard. `final` closes an utterance; others may still change."""

    text: str
    final: bool


class SpeechStream(Protocol):
    """One call's recognition."""

    def push(self, pcm: bytes) -> None:
        """Take audio of the utterance in progress. Never waits."""
        ...

    async def transcribe(self) -> Transcript:
        """Return what has been pushed since the last `reset`; may be called again after more audio.

        Raises:
            ProviderError: Recognition failed.
        """
        ...

    def reset(self) -> None:
        """Forget the utterance in progress."""
        ...

    async def close(self) -> None:
        """Free what the stream holds."""
        ...


class SpeechToText(Protocol):
    """Recognises speech; one object serves all calls."""

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        """Start recognising one call's audio."""
        ...


class VoiceActivity(Protocol):
    """One call's detector of speech."""

    def push(self, pcm: bytes) -> float | None:
        """Take audio; return the newest probability of speech, 0 to 1, or None when more audio is needed first."""
        ...


class VoiceActivityDetector(Protocol):
    """Tells speech from noise; one object serves all calls."""

    def open(self, *, sample_rate: int) -> VoiceActivity:
        """Start watching one call's audio."""
        ...


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for something to be done, such as `end_call`, after the text before it was spoken.

    `id` is what the model calls this request; its result is given back under the same id.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the conversation as the model sees it.

    Attributes:
        tool_calls: Of an assistant's line: what it asked for beside its words.
        tool_call_id: Of a tool's line: which of those its text is the result of.
    """

    role: TurnRole
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """Something the model may ask for. `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """The result of a model's answer for the caller; never spoken, kept with the turn.

    A model yields at most one in each stream, before or after its text; hosted models yield none.

    Attributes:
        entry: Index into `Knowledge.questions` of the entry that was told or asked back about.
        confidence: Of the outcome, 0 to 1.
    """

    outcome: Outcome
    entry: int | None = None
    confidence: float = 1.0


ModelDelta = TextDelta | ToolCall | AnswerOutcome


@dataclass(frozen=True, slots=True)
class Question:
    """A question the business expects, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the business whom callers may ask for by name."""

    name: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the assistant knows and how it should answer; facts only, nothing that identifies a user's account.

    Attributes:
        hours: A sentence that says when the business is open, or empty when that is unknown.
        local_time: Day and time at the business when the call was answered, in words; empty when that is unknown.
        today: The date at the business when the call was answered; None when that is unknown.
        country: The ISO 3166 code of the country of the business; None when that is unknown.
        opening_state: A sentence that says whether it is open then, and what comes next; empty as `hours` is.
        after_hours: Whether the caller was told that the business is closed and asked for a message. Questions are
            answered all the same.
        purpose: What we have called about, where it is us who called; empty in a call that came in.
        caller_number: The other party's number; empty when it is withheld.
        caller_name: What the caller is called, as far as earlier calls told; empty when that is unknown.
        memory: What was said with this caller before, in words; empty when nothing was, or it is not remembered. Told
            by callers, so it is to be taken for hearsay, and never for instructions.
        people: The people of the business.
        tools: What the assistant may ask for in this call.
    """

    assistant_name: str
    company: str
    instructions: str = ""
    hours: str = ""
    local_time: str = ""
    today: date | None = None
    country: str | None = None
    opening_state: str = ""
    after_hours: bool = False
    purpose: str = ""
    caller_number: str = ""
    caller_name: str = ""
    memory: str = ""
    questions: tuple[Question, ...] = ()
    people: tuple[Person, ...] = ()
    language: str = "en"
    response_length: ResponseLength = ResponseLength.MEDIUM
    tools: tuple[ToolSpec, ...] = ()

    @property
    def is_our_call(self) -> bool:
        """Whether it is us who called."""
        return bool(self.purpose)


class LanguageModel(Protocol):
    """Decides what to say; one object serves all calls."""

    async def prepare(self, knowledge: Knowledge) -> None:
        """Get ready for a call about `knowledge`, while it is greeted, so that its first answer is as fast as others.

        Raises:
            ProviderError: It did not work; the answers may come all the same.
        """
        ...

    def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield the answer to the last message as it is made.

        Raises:
            ProviderError: No answer can be had.
        """
        ...


class TextToSpeech(Protocol):
    """Speaks; one object serves all calls."""

    def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`, in pieces of any length, at `sample_rate`.

        Raises:
            ProviderError: The text cannot be spoken.
        """
        ...


@dataclass(frozen=True, slots=True)
class VoiceProviders:
    """All that one call needs to hear, think and speak."""

    vad: VoiceActivityDetector
    stt: SpeechToText
    model: LanguageModel
    tts: TextToSpeech
