"""What a script says: who calls whom, what the caller does, and what is expected of the assistant."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callgenie.cli.simulate.words import Wanted
from callgenie.telephony.simulator.faults import NO_FAULTS, Faults
from callgenie.telephony.simulator.script import Action, AwaitHangUp, Hear, Pause


class CarrierKind(StrEnum):
    """Which carrier is played."""

    TWILIO = "twilio"
    EXOTEL = "exotel"


@dataclass(frozen=True, slots=True)
class Heard:
    """What the assistant says next holds all of this; it begins within so long."""

    wanted: tuple[Wanted, ...]
    within_ms: int

    def action(self) -> Action:
        """Return what the caller does meanwhile."""
        return Hear(self.within_ms)

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"heard {', '.join(str(each) for each in self.wanted)}"


@dataclass(frozen=True, slots=True)
class Silence:
    """The assistant says nothing for so long."""

    ms: int

    def action(self) -> Action:
        """Return what the caller does meanwhile."""
        return Pause(self.ms)

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"silence for {self.ms / 1000:g} s"


@dataclass(frozen=True, slots=True)
class HungUp:
    """The assistant hangs up within so long."""

    within_ms: int

    def action(self) -> Action:
        """Return what the caller does meanwhile."""
        return AwaitHangUp(self.within_ms)

    def __str__(self) -> str:
        """Return the expectation in words."""
        return "the assistant hangs up"


@dataclass(frozen=True, slots=True)
class Refused:
    """The call is not taken, and the caller is told so in these words, or in any."""

    wanted: tuple[Wanted, ...]
    within_ms: int

    def action(self) -> Action:
        """Return what the caller does meanwhile: Exotel speaks a refusal on the open line."""
        return AwaitHangUp(self.within_ms)

    def __str__(self) -> str:
        """Return the expectation in words."""
        return " ".join(["refused", *(str(each) for each in self.wanted)])


@dataclass(frozen=True, slots=True)
class Transferred:
    """The assistant hands the caller on to this number within so long; only Twilio can do so."""

    number: str
    within_ms: int

    def action(self) -> Action:
        """Return what the caller does meanwhile."""
        return AwaitHangUp(self.within_ms)

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"transferred to {self.number}"


Expectation = Heard | Silence | HungUp | Refused | Transferred


@dataclass(frozen=True, slots=True)
class Stage:
    """One line of the script's steps: what the caller does, and what is judged when it is over."""

    line: int
    actions: Sequence[Action]
    expectation: Expectation | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole script."""

    to_number: str
    from_number: str
    carrier: CarrierKind
    voice: str
    stages: tuple[Stage, ...]
    faults: Faults = NO_FAULTS

    @property
    def actions(self) -> list[Action]:
        """What the caller does, one action after another."""
        return [action for stage in self.stages for action in stage.actions]


_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)?")
_MS: Final = {"ms": 1, "s": 1_000, None: 1_000, "m": 60_000}

# Nobody waits longer for anything in a telephone call.
DURATION_MS_MAX: Final = 600_000


def duration_ms(text: str) -> int | None:
    """Return a length of time such as `1.5s`, `200ms` or `2` (seconds); None where it is none, or too long."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    ms = round(float(found[1]) * _MS[found[2]])
    return ms if ms <= DURATION_MS_MAX else None
