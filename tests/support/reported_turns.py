"""Turns of a conversation whose answers report an outcome, written as lines."""

from datetime import UTC, datetime
from typing import Final

from callgenie.conversations.models import RecordedTurn
from callgenie.kernel.vocabulary import Outcome, TurnRole

SAID_AT: Final = datetime(2026, 3, 16, 9, 30, tzinfo=UTC)


def turns_of(*lines: str) -> tuple[RecordedTurn, ...]:
    """Make turns; `[outcome] text` is ours, `- text` is ours without an outcome, `* text` is a tool's."""
    turns = []
    for number, line in enumerate(lines, 1):
        role, text, outcome = TurnRole.USER, line, None
        if line.startswith("["):
            reported, _, text = line[1:].partition("] ")
            role, outcome = TurnRole.ASSISTANT, Outcome(reported)
        elif line.startswith(("- ", "* ")):
            role, text = (TurnRole.ASSISTANT if line[0] == "-" else TurnRole.TOOL), line[2:]
        turns.append(RecordedTurn(number, role, text, SAID_AT, outcome=outcome))
    return tuple(turns)
