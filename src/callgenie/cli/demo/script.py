"""What the demo's caller does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from callgenie.telephony.simulator.script import Action, AwaitHangUp, LetSpeak, Listen, Play, Say

FIRST_QUESTION: Final = "Good morning. Do you deliver cakes?"
SECOND_QUESTION: Final = "That is good. And where can I park the car?"
FAREWELL: Final = "Thank you very much. Goodbye."
# The caller has heard enough after this much of the second answer, and says so.
INTERRUPT_AFTER_MS: Final = 4_000
# A recording may end with a question; its answer is worth hearing before the caller hangs up.
LISTEN_AFTER_RECORDING_MS: Final = 15_000


def demo_call() -> Sequence[Action]:
    """Ask two questions, interrupt the second answer with a farewell, and let the assistant hang up."""
    return [
        Listen(),
        Say(FIRST_QUESTION),
        Listen(),
        Say(SECOND_QUESTION),
        LetSpeak(INTERRUPT_AFTER_MS),
        Say(FAREWELL),
        AwaitHangUp(),
    ]


def call_of(recording: Path) -> Sequence[Action]:
    """Play a recording after the greeting, hear the answer, and hang up."""
    return [
        Listen(),
        Play(recording, label=recording.name),
        Listen(quiet_ms=2_500, timeout_ms=LISTEN_AFTER_RECORDING_MS),
    ]
