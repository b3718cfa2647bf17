"""What the command shows: lines while calls last, and at the end a summary for people or one document for programs."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.markup import escape

from callgenie.cli.simulate.judge import SimulatedCallOutcome
from callgenie.cli.simulate.listener import Tell

_STYLES = {"caller": "cyan", "assistant": "green"}


def teller(console: Console, call: int, calls: int) -> Tell:
    """Return what prints the lines of one of several calls."""
    prefix = f"[dim]\\[{call}][/dim] " if calls > 1 else ""

    def tell(now_ms: int, who: str, text: str) -> None:
        console.print(f"{prefix}{now_ms / 1000:5.1f} s  [{_STYLES[who]}]{who:9}[/{_STYLES[who]}]  {escape(text)}")

    return tell


def show(console: Console, outcomes: Sequence[SimulatedCallOutcome]) -> None:
    """Print what was expected and found, how long answers took, and the verdict."""
    for number, outcome in enumerate(outcomes, 1):
        console.print(f"\n[bold]Call {number}[/bold]" if len(outcomes) > 1 else "")
        if outcome.problem:
            console.print(f"[red]FAILED[/red]  {escape(outcome.problem)}")
        for verdict in outcome.verdicts:
            word = "[green]ok[/green]    " if verdict.passed else "[red]FAILED[/red]"
            console.print(f"{word}  line {verdict.line}: {escape(verdict.expected)}")
            if not verdict.passed:
                console.print(f"        found: {escape(verdict.found)}")
        if (stream := outcome.report.stream) is not None:
            gaps = len(stream.gaps)
            console.print(
                f"[dim]{stream.duration_ms / 1000:.1f} s, ended by the {stream.ended_by}"
                f"{_latencies(stream.latencies_ms)}, {gaps or 'no'} gap{'' if gaps == 1 else 's'} in the speech[/dim]"
            )
    passed = sum(outcome.passed for outcome in outcomes)
    colour = "green" if passed == len(outcomes) else "red"
    calls = "The call" if len(outcomes) == 1 else f"{passed} of {len(outcomes)} calls"
    word = "went as expected." if passed else "did not go as expected."
    console.print(f"[{colour}]{calls} {word}[/{colour}]")


def document_of(outcomes: Sequence[SimulatedCallOutcome]) -> dict[str, Any]:
    """Return all of it as one JSON document."""
    return {"passed": all(outcome.passed for outcome in outcomes), "calls": [_call(outcome) for outcome in outcomes]}


def _call(outcome: SimulatedCallOutcome) -> dict[str, Any]:
    report, stream = outcome.report, outcome.report.stream
    return {
        "sessionId": report.session_id,
        "passed": outcome.passed,
        "problem": outcome.problem or None,
        "endedBy": report.ended_by.value,
        "seconds": None if stream is None else stream.duration_ms / 1000,
        "announcement": report.announcement or None,
        "said": [
            {"text": each.said, "startedMs": each.began_ms, "endedMs": each.ended_ms, "latencyMs": each.latency_ms}
            for each in (() if stream is None else stream.exchanges)
        ],
        "heard": [{"text": line.text, "startedMs": line.start_ms, "endedMs": line.end_ms} for line in outcome.lines],
        "gaps": 0 if stream is None else len(stream.gaps),
        "expectations": [
            {"line": each.line, "expected": each.expected, "passed": each.passed, "found": each.found}
            for each in outcome.verdicts
        ],
    }


def _latencies(found: Sequence[int]) -> str:
    if not found:
        return ""
    return f", answers after {min(found)} to {max(found)} ms (median {median(found):.0f})"
