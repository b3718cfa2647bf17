"""What a migration says of itself."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

# The first faults show what is wrong with a database; a thousand more of the same do not.
LINES_MAX: Final = 20


@dataclass(slots=True)
class Tally:
    """What became of the documents of one kind."""

    read: int = 0
    taken: int = 0
    already_here: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Remarks:
    """Reasons with how often each was met, and the first places where. Ids only: what is in a document is private."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def add(self, where: str, why: str, *, times: int = 1) -> None:
        """Note a reason, and where it was met."""
        self.counts[why] += times
        if len(self.lines) < LINES_MAX:
            self.lines.append(f"{where}: {why}")

    @property
    def total(self) -> int:
        """How often anything was noted."""
        return self.counts.total()


@dataclass(slots=True)
class MigrationReport:
    """What was taken, what was not and why, and what was taken with a change.

    `exchanges` counts the documents of the source's `conversations`; several may make one of our conversations. What
    lies `beyond` the plans is kept with the conversations and not counted.
    """

    users: Tally = field(default_factory=Tally)
    profiles: Tally = field(default_factory=Tally)
    numbers: Tally = field(default_factory=Tally)
    exchanges: Tally = field(default_factory=Tally)
    conversations: int = 0
    calls: int = 0
    calls_beyond: int = 0
    seconds: int = 0
    seconds_beyond: int = 0
    skipped: Remarks = field(default_factory=Remarks)
    changed: Remarks = field(default_factory=Remarks)
