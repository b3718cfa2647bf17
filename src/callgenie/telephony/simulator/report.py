"""What became of a simulated call, as the carrier and the caller saw it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from callgenie.telephony.simulator.caller import Exchange
from callgenie.telephony.simulator.ear import Segment
from callgenie.telephony.simulator.playback import Gap
from callgenie.telephony.twilio.twiml import Say, Verb


class Ending(StrEnum):
    """Who ended the call."""

    CALLER = "caller"
    ASSISTANT = "assistant"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class StreamReport:
    """The part of a call that went over media sockets. Times are ms since its audio began.

    Attributes:
        heard: The assistant's speech as the caller heard it.
        exchanges: What the caller said, and when it was answered.
        streams: Over how many sockets it went, one after the other.
        gaps: Holes inside the assistant's speech: audio that came too late.
        clears_ms: When the other side emptied the carrier's buffer, as it does when it is interrupted.
        garbled: Messages from the other side that made no sense.
        lag_ms_max: How late the simulator itself was at worst; figures of a run that lagged are worth little.
        steps_ms: When each step of the caller's script began, as far as it came.
        close_code: With which code the other side closed the last socket; None when it did not.
    """

    ended_by: Ending
    duration_ms: int
    heard: tuple[Segment, ...]
    exchanges: tuple[Exchange, ...]
    streams: int
    gaps: tuple[Gap, ...]
    clears_ms: tuple[int, ...]
    marks_echoed: int
    garbled: int
    lag_ms_max: float
    close_code: int | None
    steps_ms: tuple[int, ...] = ()

    @property
    def latencies_ms(self) -> list[int]:
        """How long the caller waited for each answer that came."""
        return [exchange.latency_ms for exchange in self.exchanges if exchange.latency_ms is not None]


@dataclass(frozen=True, slots=True)
class DialReport:
    """Somebody else whom the carrier was told to put the caller through to, and what came of it."""

    number: str
    caller_id: str
    outcome: str
    seconds: int


@dataclass(frozen=True, slots=True)
class CallReport:
    """A whole call.

    Attributes:
        session_id: The carrier's id of the call (CallSid).
        webhook_statuses: What the voice webhook answered each time, as HTTP statuses.
        webhook_ms: How long one of those answers took.
        verbs: The TwiML that was followed, of all webhooks; empty when the first one refused.
        upgrade_status: The HTTP status with which the media socket was refused; None when it was not.
        stream: What happened on the media sockets; None when there were none.
        dials: Whom the caller was put through to.
        action_statuses: What the action URLs answered, as HTTP statuses; 0 is no answer.
        status_answers: What the status callbacks were answered with, as HTTP statuses; 0 is no answer.
    """

    session_id: str
    webhook_statuses: tuple[int, ...]
    webhook_ms: float
    ended_by: Ending
    verbs: tuple[Verb, ...] = ()
    upgrade_status: int | None = None
    stream: StreamReport | None = None
    recording: Path | None = None
    status_answers: tuple[int, ...] = ()
    dials: tuple[DialReport, ...] = ()
    action_statuses: tuple[int, ...] = ()

    @property
    def announcement(self) -> str:
        """What the carrier's own voice said."""
        return " ".join(verb.text for verb in self.verbs if isinstance(verb, Say))
