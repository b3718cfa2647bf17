"""How long a call waits for what; every figure in one place."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Timings:
    """The patience of a call.

    Attributes:
        reply_after_ms: Quiet after words that read finished until we answer.
        reply_after_question_ms: The same after a question or a whole short answer, where nothing more can be meant.
        reply_after_unfinished_ms: The same after words that read cut off, such as "my number is 555".
        transcribe_after_ms: Quiet until we transcribe on speculation, so that the words are there when the turn ends.
        voiced_min_ms: Less voice than this is a click or a breath, and never an utterance.
        barge_in_min_ms: Voice over our speech before we ask what it says.
        barge_in_sure_ms: Voice over our speech that is an interruption whatever it says.
        resume_ms: Voice, after a turn ended and before we answer, that continues the turn.
        utterance_max_ms: An utterance is transcribed in parts of about this length.
        silence_ask_ms: Quiet until we ask whether anybody is there, and again until we say goodbye.
        stream_lost_ms: Without a frame or a mark for this long, the carrier is gone.
        lead_ms: How far ahead of the ear we send. More survives a longer hiccup; less makes interrupting quicker.
        mark_grace_ms: How long after its expected end we wait for the carrier to say that audio was played.
        goodbye_max_ms: The longest that saying goodbye may take, before we hang up all the same.
        last_words_ms: How long we work on the last words of a caller who hung up.
        save_max_ms: How long the listener may take over the turns that are left when the call is over.
        transcribe_max_ms: The longest that one transcription may take, per attempt.
        model_max_ms: The longest that the model may take to its first piece and between pieces, per attempt.
        speech_max_ms: The same for speech.
        tool_max_ms: The longest that a tool may take, a little more than the database is asked for.
    """

    reply_after_ms: int = 500
    reply_after_question_ms: int = 400
    reply_after_unfinished_ms: int = 1_000
    transcribe_after_ms: int = 200
    voiced_min_ms: int = 90
    barge_in_min_ms: int = 250
    barge_in_sure_ms: int = 700
    resume_ms: int = 120
    utterance_max_ms: int = 20_000
    silence_ask_ms: int = 8_000
    stream_lost_ms: int = 6_000
    lead_ms: int = 200
    mark_grace_ms: int = 1_500
    goodbye_max_ms: int = 12_000
    last_words_ms: int = 3_000
    save_max_ms: int = 60_000
    transcribe_max_ms: int = 6_000
    model_max_ms: int = 6_000
    speech_max_ms: int = 4_000
    tool_max_ms: int = 6_000

    def ahead(self, lead_ms: int | None) -> Self:
        """Return the same for a link that has to be sent to `lead_ms` ahead of the ear; None changes nothing."""
        return self if lead_ms is None else replace(self, lead_ms=lead_ms)
