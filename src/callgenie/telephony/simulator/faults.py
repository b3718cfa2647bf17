"""What can go wrong at a carrier, to be switched on one by one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """Everything is off by default.

    Attributes:
        abandons: The caller hangs up while it still rings: no socket is opened.
        dies_after_ms: The socket breaks then, without `stop` and without a closing handshake.
        deaths: So many sockets of the call die like that, each as long after its own beginning.
        line_dies: The caller's line breaks together with the socket, so that nobody is asked how to go on.
        reconnects_after_ms: So long after the end of a stream the action URL is asked how to go on.
        action_repeats: The action URL is asked again so often; the last answer is followed.
        goes_silent_after_ms: No frame and no mark comes from then on, and the socket stays open.
        never_starts: The socket opens, and `start` never comes.
        withholds_marks: Marks never come back.
        jitter_ms_max: Frames are held back up to this long, then come in a burst, in order.
        garbage_every_frames: A text that is no message comes every so many frames; 0 is never.
        webhook_repeats: The voice webhook is sent again so often before the socket opens.
        status_repeats: Each status callback is sent again so often.
        status_backwards: Status callbacks come in the wrong order, the last one first.
        seed: What the random faults are made from.
    """

    abandons: bool = False
    dies_after_ms: int | None = None
    deaths: int = 1
    line_dies: bool = False
    reconnects_after_ms: int = 0
    action_repeats: int = 0
    goes_silent_after_ms: int | None = None
    never_starts: bool = False
    withholds_marks: bool = False
    jitter_ms_max: int = 0
    garbage_every_frames: int = 0
    webhook_repeats: int = 0
    status_repeats: int = 0
    status_backwards: bool = False
    seed: int = 0


NO_FAULTS = Faults()
