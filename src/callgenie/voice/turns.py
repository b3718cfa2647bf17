"""Whose turn it is: a pure state machine. Events and the time go in, decisions come out; nothing is awaited or owned.

Quiet is counted in audio that arrived, not in time that passed: a network that stalls for half a second in the middle
of a word must not end the turn. Only when audio stays away for longer does time itself count as quiet.
"""

from enum import Enum
from typing import Final

from callgenie.understanding.end_of_turn import EndOfTurn, end_of_turn, is_backchannel, is_barge_in
from callgenie.voice.timings import Timings


class Phase(Enum):
    """What the call is doing."""

    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    INTERRUPTED = "interrupted"
    CLOSING = "closing"


class Decision(Enum):
    """What should be done now."""

    OPEN = "open"
    """An utterance begins: keep its audio, and what came just before it."""
    TRANSCRIBE = "transcribe"
    """Find out what was said so far; the turn may be over."""
    END_TURN = "end-turn"
    """The caller has finished: answer `TurnTaking.text`."""
    RESUME = "resume"
    """The caller goes on after all: drop the answer that nobody has heard, keep the utterance."""
    INTERRUPT = "interrupt"
    """The caller speaks over us and means it: stop the model, the speech, and what the carrier still holds."""
    DISCARD = "discard"
    """The utterance is dealt with, or was no words, or only "uh-huh": forget its audio."""
    ASK = "ask"
    """Nobody has said anything for long: ask whether the caller is there."""
    GIVE_UP = "give-up"
    """Still nothing: say goodbye."""


NOTHING: Final[tuple[Decision, ...]] = ()

# Silero's own figures: a higher bar to begin speech than to go on with it, so that a soft syllable does not end it.
SPEECH_BEGINS: Final = 0.5
SPEECH_GOES_ON: Final = 0.35

# Jitter buffers hold up to this much back; longer gaps in the audio are real.
_STALL_MS: Final = 400.0

_NOISE_QUIET_MS: Final = 300.0


class TurnTaking:
    """Decides when the caller's turn is over, when we are interrupted, and when silence has lasted too long.

    Attributes:
        phase: What the call is doing.
        text: What the utterance in progress says, as far as it is known.
        epoch: Changes with every sound of voice and every new utterance; a transcript belongs to the epoch in which
            it was asked for.
        opened_at: When the utterance in progress began, in seconds.
        stopped_at: When the caller was last heard, in seconds.
    """

    def __init__(self, timings: Timings, now: float) -> None:
        self._timings = timings
        self.phase = Phase.LISTENING
        self.epoch = 0
        self.text = ""
        self.opened_at = self.stopped_at = now
        self._utterance_began = 0
        self._open = False
        self._answering = False
        self._voiced_ms = 0.0
        self._quiet_ms = 0.0
        self._resumed_ms = 0.0
        self._asked_epoch = -1
        self._text_epoch = -1
        self._audio_at = now
        self._silent_since = now
        self._asked_if_there = False

    @property
    def hears_speech(self) -> bool:
        """Whether the caller is in the middle of an utterance, more than a click, that nobody answers yet."""
        return self._open and not self._answering and self._voiced_ms >= self._timings.voiced_min_ms

    # What the ear hears

    def voice(self, now: float, probability: float, span_ms: float) -> tuple[Decision, ...]:
        """Take the probability that the last `span_ms` of audio were speech."""
        self._audio_at = now
        in_speech = self._open and self._quiet_ms == 0.0
        if probability < (SPEECH_GOES_ON if in_speech else SPEECH_BEGINS):
            if not self._open:
                return NOTHING
            self._quiet_ms += span_ms
            return self._after_quiet(now, self._quiet_ms)
        return self._after_voice(now, span_ms)

    def transcribed(self, now: float, text: str, epoch: int) -> tuple[Decision, ...]:
        """Take what the utterance in progress says, as asked for in `epoch`."""
        if not self._open or epoch < self._utterance_began:
            return NOTHING
        self.text = text
        self._text_epoch = epoch
        if self.phase is Phase.SPEAKING and self._quiet_ms < self._timings.transcribe_after_ms:
            return self._interrupt() if is_barge_in(text) else NOTHING
        return self._after_quiet(now, self._quiet_ms)

    def tick(self, now: float) -> tuple[Decision, ...]:
        """Look at the time, also when no audio comes."""
        if self._open:
            stalled_ms = (now - self._audio_at) * 1000 - _STALL_MS
            return self._after_quiet(now, self._quiet_ms + stalled_ms) if stalled_ms > 0 else NOTHING
        if self.phase not in {Phase.LISTENING, Phase.INTERRUPTED}:
            return NOTHING
        if (now - self._silent_since) * 1000 < self._timings.silence_ask_ms:
            return NOTHING
        self._silent_since = now
        if self._asked_if_there:
            self.phase = Phase.CLOSING
            return (Decision.GIVE_UP,)
        self._asked_if_there = True
        return (Decision.ASK,)

    # What the call tells

    def key_pressed(self, now: float) -> None:
        """Note that the caller pressed a key: somebody is there."""
        self._silent_since = now
        self._asked_if_there = False

    def answering(self, now: float) -> None:
        """Note that an answer to something else than an utterance, such as keys, is being made."""
        self._silent_since = now
        if self.phase is not Phase.CLOSING:
            self.phase = Phase.THINKING

    def speaking(self, now: float) -> tuple[Decision, ...]:
        """Note that our speech can now be heard; the utterance that it answers is over."""
        self._silent_since = now
        if self.phase is not Phase.CLOSING:
            self.phase = Phase.SPEAKING
        return self._close_utterance() if self._answering else NOTHING

    def spoke(self, now: float) -> tuple[Decision, ...]:
        """Note that all we had to say was heard, or that there was nothing to say."""
        self._silent_since = now
        if self.phase in {Phase.SPEAKING, Phase.THINKING}:
            self.phase = Phase.LISTENING
        return self._close_utterance() if self._answering else NOTHING

    def cut_off(self) -> tuple[Decision, ...]:
        """Interrupt our speech for a better reason than voice, such as a key that was pressed."""
        if self.phase is not Phase.SPEAKING:
            return NOTHING
        decisions = self._interrupt()
        self.phase = Phase.INTERRUPTED if self._open else Phase.LISTENING
        return decisions

    def closing(self) -> None:
        """Note that we are saying goodbye: from now on nothing interrupts us, and no turn is answered."""
        self.phase = Phase.CLOSING

    # Rules

    def _after_voice(self, now: float, span_ms: float) -> tuple[Decision, ...]:
        opens = not self._open
        if opens:
            self._open_utterance(now)
        self.epoch += 1
        self._voiced_ms += span_ms
        self._quiet_ms = 0.0
        self.stopped_at = self._silent_since = now
        began = (Decision.OPEN,) if opens else NOTHING
        if self.phase is Phase.THINKING:
            return began + self._maybe_resume(span_ms)
        if self.phase is Phase.SPEAKING:
            return began + self._maybe_interrupt()
        return began

    def _maybe_resume(self, span_ms: float) -> tuple[Decision, ...]:
        self._resumed_ms += span_ms
        if self._resumed_ms < self._timings.resume_ms:
            return NOTHING
        self._resumed_ms = 0.0
        self._answering = False
        self.phase = Phase.LISTENING
        return (Decision.RESUME,)

    def _maybe_interrupt(self) -> tuple[Decision, ...]:
        if self._voiced_ms >= self._timings.barge_in_sure_ms:
            return self._interrupt()
        if self._voiced_ms >= self._timings.barge_in_min_ms and self._asked_epoch < self._utterance_began:
            self._asked_epoch = self.epoch
            return (Decision.TRANSCRIBE,)
        return NOTHING

    def _interrupt(self) -> tuple[Decision, ...]:
        self.phase = Phase.INTERRUPTED
        return (Decision.INTERRUPT,)

    def _after_quiet(self, now: float, quiet_ms: float) -> tuple[Decision, ...]:
        if self.phase in {Phase.THINKING, Phase.CLOSING}:
            return NOTHING
        if self._voiced_ms < self._timings.voiced_min_ms:
            return self._discard(now) if quiet_ms >= _NOISE_QUIET_MS else NOTHING
        if quiet_ms < self._timings.transcribe_after_ms:
            return NOTHING
        if self._text_epoch == self.epoch:
            return self._conclude(now, quiet_ms)
        if self._asked_epoch == self.epoch:
            return NOTHING
        self._asked_epoch = self.epoch
        return (Decision.TRANSCRIBE,)

    def _conclude(self, now: float, quiet_ms: float) -> tuple[Decision, ...]:
        if self.phase is Phase.SPEAKING:
            return self._discard(now) if is_backchannel(self.text) else self._interrupt()
        if not self.text:
            return self._discard(now)
        if quiet_ms < self._patience_ms():
            return NOTHING
        self._asked_if_there = False
        self._resumed_ms = 0.0
        self._answering = True
        self.phase = Phase.THINKING
        return (Decision.END_TURN,)

    def _patience_ms(self) -> int:
        match end_of_turn(self.text):
            case EndOfTurn.WHOLE:
                return min(self._timings.reply_after_question_ms, self._timings.reply_after_ms)
            case EndOfTurn.FINISHED:
                return self._timings.reply_after_ms
            case EndOfTurn.UNFINISHED:
                return max(self._timings.reply_after_unfinished_ms, self._timings.reply_after_ms)

    def _discard(self, now: float) -> tuple[Decision, ...]:
        if self.phase is Phase.INTERRUPTED:
            self.phase = Phase.LISTENING
            self._silent_since = now
        return self._close_utterance()

    def _open_utterance(self, now: float) -> None:
        self.epoch += 1
        self._utterance_began = self.epoch
        self._open = True
        self.opened_at = now
        self.text = ""
        self._voiced_ms = self._quiet_ms = self._resumed_ms = 0.0
        self._asked_epoch = self._text_epoch = -1

    def _close_utterance(self) -> tuple[Decision, ...]:
        self._open = self._answering = False
        self.text = ""
        self._text_epoch = -1
        self._voiced_ms = self._quiet_ms = 0.0
        return (Decision.DISCARD,)
