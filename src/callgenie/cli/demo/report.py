"""What the demo shows of its call."""

from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callgenie.telephony.simulator.report import CallReport

Json = dict[str, Any]

_SPEAKERS: Final = {"user": "caller", "assistant": "assistant"}
# Enough of an answer to know it again.
_BEGINNING_CHARS: Final = 32


def show_transcript(console: Console, conversation: Json) -> None:
    """Print who said what, when, and what was cut short."""
    console.print("\n[bold]What was said[/bold]  (as CallGenie heard and kept it)")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for turn in conversation["turns"]:
        text = escape(turn["text"])
        if turn["interrupted"]:
            meant = escape(turn["generatedText"] or "")
            text += f" [yellow]— interrupted; it meant to say:[/yellow] [dim]{meant}[/dim]"
        style = "cyan" if turn["role"] == "user" else "green"
        speaker = _SPEAKERS.get(turn["role"], turn["role"])
        table.add_row(f"{turn['startedMs'] / 1000:.1f} s", f"[{style}]{speaker}[/{style}]", text)
    console.print(table)
    if not any(turn["role"] == "user" for turn in conversation["turns"]):
        console.print(
            "[yellow]The caller was not understood: is there speech in the recording, and is it English?[/yellow]"
        )


def show_latency(console: Console, conversation: Json) -> None:
    """Print how long each step of each answer took."""
    console.print("\n[bold]How long each answer took[/bold]  (ms from the caller's last sound; goal: serverE2e 800)")
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    names = ("eouDelay", "sttFinal", "llmTtft", "ttsTtfb", "serverE2e")
    for name in ("answer", *names):
        table.add_column(name, justify="left" if name == "answer" else "right")
    for turn in conversation["turns"]:
        latency = turn.get("latency") or {}
        if turn["role"] == "assistant" and latency.get("serverE2e") is not None:
            figures = ["" if latency.get(name) is None else str(latency[name]) for name in names]
            table.add_row(escape(_beginning(turn["text"])), *figures)
    console.print(table)


def _beginning(text: str) -> str:
    return text if len(text) <= _BEGINNING_CHARS else text[: _BEGINNING_CHARS - 1] + "…"


def show_usage(console: Console, before: Json, after: Json) -> None:
    """Print calls and seconds before and after."""
    console.print("\n[bold]What it cost[/bold]  (plan: " + after["plan"] + ")")
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for name in ("", "before", "after", "limit"):
        table.add_column(name, justify="left" if name == "" else "right")
    for noun in ("calls", "seconds"):
        limit = after[noun]["limit"]
        table.add_row(
            noun, str(before[noun]["used"]), str(after[noun]["used"]), "unlimited" if limit is None else str(limit)
        )
    console.print(table)


def show_ending(console: Console, conversation: Json, call: CallReport) -> None:
    """Print how the call ended, and whether its audio was whole."""
    stream = call.stream
    gaps = 0 if stream is None else len(stream.gaps)
    console.print(
        f"\nIt ended as [bold]{conversation['endedReason']}[/bold] after {conversation['billableSeconds']} billable "
        f"seconds; the caller heard {gaps or 'no'} gap{'' if gaps == 1 else 's'} in the speech."
    )
