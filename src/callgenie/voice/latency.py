"""Takes the time of every step between the caller's last sound and our first."""

from callgenie.voice.turn import TurnLatency


class AnswerTiming:
    """The moments of one answer, each noted once, in seconds of the call's monotonic clock."""

    def __init__(self, stopped_at: float) -> None:
        self._stopped_at = stopped_at
        self._ended_at: float | None = None
        self._transcribed_at: float | None = None
        self._asked_at: float | None = None
        self._first_text_at: float | None = None
        self._first_clause_at: float | None = None
        self._first_audio_at: float | None = None
        self._handed_over_at: float | None = None

    def turn_ended(self, now: float, transcribed_at: float) -> None:
        """Note that we decided that the turn is over, and when its transcript was there."""
        self._ended_at, self._transcribed_at = now, transcribed_at

    def asked(self, now: float) -> None:
        """Note the request to the model."""
        self._asked_at = now

    def first_text(self, now: float) -> None:
        """Note a piece of the model's text; later ones change nothing."""
        self._first_text_at = self._first_text_at or now

    def first_clause(self, now: float) -> None:
        """Note something that can be spoken; later ones change nothing."""
        self._first_clause_at = self._first_clause_at or now

    def first_audio(self, now: float) -> None:
        """Note audio from the speech provider; later ones change nothing."""
        self._first_audio_at = self._first_audio_at or now

    def handed_over(self, now: float) -> None:
        """Note audio given to the carrier; later ones change nothing."""
        self._handed_over_at = self._handed_over_at or now

    def result(self) -> TurnLatency:
        """Return how long each step took, as far as it was taken."""
        return TurnLatency(
            eou_delay_ms=_between(self._stopped_at, self._ended_at),
            stt_final_ms=_between(self._stopped_at, self._transcribed_at),
            llm_ttft_ms=_between(self._asked_at, self._first_text_at),
            first_sentence_ms=_between(self._asked_at, self._first_clause_at),
            tts_ttfb_ms=_between(self._first_clause_at, self._first_audio_at),
            server_e2e_ms=_between(self._stopped_at, self._handed_over_at),
        )


def _between(start: float | None, end: float | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start) * 1000))
