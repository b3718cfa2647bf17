"""What a finished turn is: who spoke, what was heard, and how long each step took."""

from dataclasses import dataclass

from callgenie.kernel.vocabulary import EndedReason, Fault, Outcome, TurnRole


@dataclass(frozen=True, slots=True)
class TurnLatency:
    """How long each step of one answer took, in milliseconds, from the moment the caller stopped speaking.

    Attributes:
        eou_delay_ms: Until we decided that the caller's turn was over.
        stt_final_ms: Until the final transcript; the guide's "transcription time".
        llm_ttft_ms: From the request to the model until its first text.
        first_sentence_ms: From the request to the model until a first speakable clause.
        tts_ttfb_ms: From that clause until its first audio.
        server_e2e_ms: Until the first audio byte was handed to the carrier; the guide's "response time".
    """

    eou_delay_ms: int | None = None
    stt_final_ms: int | None = None
    llm_ttft_ms: int | None = None
    first_sentence_ms: int | None = None
    tts_ttfb_ms: int | None = None
    server_e2e_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance. Times are milliseconds since the call was answered.

    When the caller cut it short, `interrupted` is true, `text` is what was really heard and `generated_text` what
    was meant.

    Attributes:
        outcome: Of an assistant's turn: the result of the answer, where the model reported one.
    """

    role: TurnRole
    text: str
    started_ms: int
    ended_ms: int
    interrupted: bool = False
    generated_text: str | None = None
    latency: TurnLatency | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How a call's session came to its end."""

    reason: EndedReason
    fault: Fault
