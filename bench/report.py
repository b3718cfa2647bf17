"""Turns figures into the page that is kept."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from typing import Final

from bench.calls import APART_SECONDS, SPREADS_SECONDS, Load, Waiting, percentile
from bench.follow_ups import CLIENTS, OWNERS, Drain
from bench.follow_ups import SECONDS as FOLLOWED_SECONDS
from bench.full import APART_SECONDS as APART_SECONDS_FULL
from bench.full import Full
from bench.history import GOALS, Sized
from bench.recognition import Recognised
from bench.soak import GROWTH_MB_GOAL, Soak
from bench.soak import LINES as SOAK_LINES
from bench.stack import GOAL_RATIO, Request
from bench.understanding import Understood

CPU_PERCENT_GOAL = 1.5
MEMORY_MB_GOAL = 1.0
LAG_MS_GOAL = 20
ADDED_MS_GOAL = 30
E2E_MS_GOALS = (600, 1_200)
FULL_HEADING = "## More calls than a process can hold"


def page(sections: Sequence[Sequence[str]], *, kept: str = "") -> str:
    """Return docs/performance.md; a section of `kept`, an older page, stays unless it was measured anew."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    head = [
        "# Performance",
        "",
        "Written by `make bench WRITE=1`; every figure of a table comes from one run. Machines differ, and one differs",
        "from itself from day to day, so look at the ratios and at the goals. A section's yardstick is how long the",
        "machine took then for ten million additions in plain Python.",
        "",
    ]
    yardstick = f"Measured on {machine}; yardstick {_yardstick_seconds():.2f} s."
    _, *older = kept.split("\n## ")
    texts = {text.partition("\n")[0]: f"## {text.rstrip()}\n" for text in older}
    texts.update({lines[0].removeprefix("## "): "\n".join([*lines, yardstick, ""]) for lines in sections})
    return "\n".join([*head, *texts.values()])


def understanding_section(figures: Understood) -> list[str]:
    """Show what is made of callers of held-out trades, and what it costs."""
    scores, cpu = figures.scores, figures.cpu_ms
    rows = [
        ("near misses that were told a fact", scores.wrong, scores.unanswerable, "<= 3 %"),
        ("near misses that were asked back about", scores.bothered, scores.unanswerable, ""),
        ("questions told their own entry at once", scores.own, scores.answerable, ">= 65 %, goal 80 %"),
        ("the same, or asked back about it", scores.asked, scores.answerable, ">= 80 %, goal 90 %"),
        ("of what was told, from the right entry", scores.own, scores.told, ">= 95 %"),
        ("questions for opening hours taken for such", scores.hours_right, scores.hours, ">= 95 %"),
        ("courtesies taken for such", scores.courtesies_right, scores.courtesies, ""),
    ]
    return [
        f"## Callers of {figures.trades} trades that were held out",
        "The data is in `training/data`: no model and no threshold was chosen by it. Acts are of wordings that were",
        "held out; wrongly: utterances of other acts that were taken for this one.",
        "",
        "| | share | of | wanted |",
        "|---|---|---|---|",
        *(f"| {what} | {part / max(1, of):.1%} | {of} | {wanted} |" for what, part, of, wanted in rows),
        "",
        (
            f"CPU of acts, retrieval and judge, one thread: p50 {percentile(cpu, 50):.0f} ms,"
            f" p95 {percentile(cpu, 95):.0f} ms (wanted: p95 60, goal 40)."
        ),
        "",
        "| act | found | wrongly | taken for |",
        "|---|---|---|---|",
        *(
            f"| {each.act.value} | {each.found} of {each.said} | {each.wrongly} | {each.confused} |"
            for each in figures.acts
        ),
        "",
    ]


def _yardstick_seconds() -> float:
    began, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - began


def stack_section(stack: Sequence[Request]) -> list[str]:
    """Show what the stack costs beside the bare driver."""
    return [
        "## The whole stack against the bare driver",
        "CPU milliseconds of the serving process for each request. Beside it the bare driver, in a process of its own:",
        "with all database operations that the request needs, and with only the write or read that it is about.",
        "",
        "| request | CallGenie | same operations, bare driver | ratio | the one operation | ratio |",
        "|---|---|---|---|---|---|",
        *(_request_line(each) for each in stack),
        f"| goal | | | {GOAL_RATIO:.0f}x | | |",
        "",
        "A request is parsed, its session checked against the database, the body validated, the plan read, the",
        "document written or read, and the answer built.",
        "",
    ]


def history_section(sizes: Sequence[Sized]) -> list[str]:
    """Show what reads cost in a small collection and in a large one."""
    last = sizes[-1]
    heads = [f"{size.conversations:,} p50 | p95 | ratio" for size in sizes]
    return [
        "## With a long history",
        "Milliseconds of one read through the services, first in a small collection and then in the same one filled",
        f"up; a tenth of all conversations, {last.of_the_user:,} in the end, are those of the one user who reads. The",
        "ratio is to a bare `find_one` by `_id`, which took turns with them.",
        "",
        f"| read | {' | '.join(heads)} | goal |",
        f"|---|{'---|' * 3 * len(sizes)}---|",
        *(_read_line(sizes, name) for name in last.reads),
        "",
        f"Inserting the last {last.conversations - sizes[0].conversations:,} with all their indexes took",
        f"{last.filled_in_seconds:.0f} seconds. What a search costs grows with what it finds, not with the collection.",
        "",
    ]


def load_section(idle: Load, loads: Sequence[Load]) -> list[str]:
    """Show what calls at once cost."""
    first = loads[0]
    return [
        "## Calls at once in one process",
        "Real webhooks and media sockets, the real detector of speech; recognition, answers and voice are scripted.",
        f"CPU is the serving process's, without the {idle.cpu_percent:.1f} % of a core that it uses idle.",
        "",
        _row("calls", "CPU a call", "CPU an extra call", "memory an extra call", "loop lag p99", "gaps in the speech")
        + _row("answers", "added to an answer p50", "p99")[1:],
        "|---|---|---|---|---|---|---|---|---|",
        *(_load_line(idle, first, load) for load in loads),
        _row("goal", "", f"{CPU_PERCENT_GOAL} % of a core", f"{MEMORY_MB_GOAL:.0f} MB", f"{LAG_MS_GOAL} ms", 0)
        + _row("", "", f"{ADDED_MS_GOAL} ms")[1:],
        "",
        "Added is what CallGenie itself took: from when the caller's quiet had lasted as long as it should until the",
        "first byte of the answer was handed to the carrier.",
        "A gap is a hole that the carrier met inside the assistant's speech because a frame came late. The simulator",
        f"ran in a process of its own and was itself late by at most {max(load.late_ms_max for load in loads):.0f} ms.",
        "",
    ]


def waiting_section(waiting: Sequence[Waiting]) -> list[str]:
    """Show how long callers wait."""
    return [
        "## How long a caller waits, with the embedded providers",
        "The server and its database share one core. From the caller's last sound: `serverE2e` until the first audio",
        "byte is handed to the carrier, and what the caller hears, at the other end of the simulated line. Several",
        f"callers begin {_spreads()} seconds after each other, for as many answers each, and so speak now",
        f"alone and now into each other; or all of them at once, {APART_SECONDS} seconds apart.",
        "",
        "| calls | answers | serverE2e p50 | p95 | heard p50 | p95 |",
        "|---|---|---|---|---|---|",
        *(_waiting_line(each) for each in waiting),
        f"| goal | | {E2E_MS_GOALS[0]} ms | {E2E_MS_GOALS[1]:,} ms | | |",
        "",
    ]


def recognition_section(kinds: Sequence[Recognised]) -> list[str]:
    """Show how much is misunderstood."""
    lines = list(kinds[0].wrong)
    return [
        "## Words that the embedded recogniser gets wrong",
        "Whisper tiny.en, int8. Substituted, dropped and added words by the words that were said, as everywhere. Noise",
        "is so much weaker than the speech where somebody speaks, and goes through the telephone with it; the voices",
        "are two dozen at once.",
        "",
        f"| speech | words | {' | '.join(lines)} |",
        f"|---|---|{'---|' * len(lines)}",
        *(_recognition_line(kind) for kind in kinds),
        "",
    ]


def full_section(fulls: Sequence[Full], noise_dbfs: float | None) -> list[str]:
    """Show what a process does with more calls than it can hold."""
    line = "without noise" if noise_dbfs is None else f"with noise at {noise_dbfs:.0f} dBFS"
    return [
        FULL_HEADING,
        f"`make bench PART=calls CALLS=... NOISE=...`: callers on lines {line}, one more every",
        f"{APART_SECONDS_FULL} s, who stay; scripted providers, the real detector of speech. A program saves",
        "conversations beside them. Cut off are calls that the server ended; lost are callers who heard nothing at",
        "all. A hole is a gap in the speech that a caller heard because frames came late.",
        "",
        _row("callers", *(full.calls for full in fulls), "goal"),
        f"|{'---|' * (len(fulls) + 2)}",
        *(_row(name, *(show(full) for full in fulls), goal) for name, show, goal in _FULL_ROWS),
        "",
        *(f"Log at {full.calls}: {_logged(full)}." for full in fulls),
        "",
    ]


def follow_up_section(drain: Drain) -> list[str]:
    """Show how what follows calls keeps up with them."""
    ratio = drain.drained / drain.taken if drain.taken else 0.0
    return [
        "## What follows completed calls",
        f"{CLIENTS} programs report completed calls for {FOLLOWED_SECONDS:.0f} s, each one after the other, for",
        f"{OWNERS} owners, half of whom have a webhook for `call.ended`; each call is summed up by rules. Told is from",
        "the acknowledgement of a call to its webhook at a receiver on this machine. Then a backlog is worked off that",
        "was put into the database as a process leaves it that dies. CPU is the process's; a call taken includes all",
        "that follows it, a call drained its webhook.",
        "",
        _row("taken", "done meanwhile", "left then", "told p50", "p99", "missing", "backlog", "drained", "ratio")
        + _row("of these delivered", "CPU a call taken", "a call drained")[1:],
        f"|{'---|' * 12}",
        _row(f"{drain.taken:.0f}/s", f"{drain.followed:.0f}/s", drain.left, f"{drain.told_p50_ms:.0f} ms")
        + _row(f"{drain.told_p99_ms:.0f} ms", drain.missing, drain.backlog, f"{drain.drained:.0f}/s")[1:]
        + _row(f"{ratio:.1f}x", f"{drain.delivered:.0f}/s")[1:]
        + _row(f"{drain.taking_cpu_ms:.1f} ms", f"{drain.drained_cpu_ms:.1f} ms")[1:],
        _row("goal", "", "", "", "2,000 ms", 0, "", "", "3x", "", "", ""),
        "",
    ]


def soak_section(soak: Soak) -> list[str]:
    """Show what hours of calls leave behind."""
    verdict = "Memory grows." if soak.grows else "Memory does not grow."
    return [
        "## Calls for a long time",
        f"`make bench PART=soak WRITE=1`: {SOAK_LINES} lines, each calling again as soon as its call is over, scripted",
        f"providers. Memory is the serving process's own, after the first {soak.warm_up_minutes:.0f} minutes: the",
        "medians of the first and last third of the time that is left, and the slope of a line through all of it. It",
        "grows if the line is steeper than the goal by more than chance explains.",
        "",
        _row("minutes", "calls", "refused", "answers", "memory when warm", "at the end")
        + _row("growth an hour", "loop lag p99", "gaps in the speech")[1:],
        "|---|---|---|---|---|---|---|---|---|",
        _row(
            f"{soak.minutes:.0f}",
            soak.calls,
            soak.refused,
            soak.answers,
            f"{soak.warm_mb:.1f} MB",
            f"{soak.end_mb:.1f} MB",
        )
        + _row(
            f"{soak.growth_mb_an_hour:+.1f} MB (give or take {soak.give_or_take_mb:.1f})",
            f"{soak.lag_p99_ms:.1f} ms",
            soak.gaps,
        )[1:],
        _row("goal", "", 0, "", "", "", f"{GROWTH_MB_GOAL:.0f} MB", f"{LAG_MS_GOAL} ms", 0),
        "",
        f"**{verdict}**",
        "",
    ]


_FULL_ROWS: Final[Sequence[tuple[str, Callable[[Full], str], str]]] = (
    ("held", lambda full: f"{full.held}", ""),
    ("refused", lambda full: f"{full.refused}", ""),
    ("cut off", lambda full: f"{full.cut_off}", "0"),
    ("lost", lambda full: f"{full.failed}", "0"),
    ("holes, in so many calls", lambda full: f"{full.gaps} in {full.calls_with_gaps}", "0"),
    ("questions answered, not answered", lambda full: f"{full.answers}, {full.unanswered}", ""),
    ("answered after p50, p99", lambda full: f"{full.answer_p50_ms:.0f}, {full.answer_p99_ms:.0f} ms", ""),
    ("webhook of who is held, at most", lambda full: f"{full.held_webhook_ms:.0f} ms", ""),
    ("webhook of who is refused, at most", lambda full: f"{full.refused_webhook_ms:.0f} ms", "1,000 ms"),
    ("conversations saved, not saved", lambda full: f"{full.saves - full.saves_failed}, {full.saves_failed}", "0"),
    ("saved after p50, at most", lambda full: f"{full.save_p50_ms:.0f}, {full.save_max_ms:.0f} ms", ""),
    ("CPU of the process", lambda full: f"{full.cpu_percent:.0f} %", ""),
    ("loop lag p50, p99", lambda full: f"{full.lag_p50_ms:.0f}, {full.lag_p99_ms:.0f} ms", ""),
    ("the callers' own clock late by, at most", lambda full: f"{full.own_lag_ms:.0f} ms", ""),
)


def _logged(full: Full) -> str:
    return ", ".join(f"`{event}` {count}" for event, count in full.logged.items()) or "nothing"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _recognition_line(kind: Recognised) -> str:
    shares = " | ".join(f"{wrong / kind.words:.1%}" for wrong in kind.wrong.values())
    return f"| {kind.speech} | {kind.words} | {shares} |"


def _request_line(request: Request) -> str:
    same, alone = request.whole_ms / request.same_ms, request.whole_ms / request.alone_ms
    return (
        f"| {request.name} | {request.whole_ms:.2f} | {request.same_ms:.2f} | {same:.1f}x "
        f"| {request.alone_ms:.2f} | {alone:.1f}x |"
    )


def _read_line(sizes: Sequence[Sized], name: str) -> str:
    cells = [
        f"{size.reads[name].p50_ms:.2f} | {size.reads[name].p95_ms:.2f} | {size.ratio(name):.1f}x" for size in sizes
    ]
    goal = f"{GOALS[name]:.0f}x" if name in GOALS else ""
    return f"| {name} | {' | '.join(cells)} | {goal} |"


def _load_line(idle: Load, first: Load, load: Load) -> str:
    cpu = (load.cpu_percent - idle.cpu_percent) / load.calls
    more = load.calls - first.calls
    extra = (
        f"{(load.cpu_percent - first.cpu_percent) / more:.2f} % | {(load.memory_mb - first.memory_mb) / more:.2f} MB"
        if more
        else " | "
    )
    return (
        f"| {load.calls} | {cpu:.2f} % | {extra} | {load.lag_p99_ms:.1f} ms | {load.gaps} "
        f"| {len(load.added_ms)} | {percentile(load.added_ms, 50):.0f} ms | {percentile(load.added_ms, 99):.0f} ms |"
    )


def _spreads() -> str:
    *before, last = SPREADS_SECONDS
    return f"{', '.join(map(str, before))} and {last}"


def _waiting_line(waiting: Waiting) -> str:
    calls: object = waiting.calls
    if waiting.in_step:
        calls = f"{waiting.calls}, all speaking at once"
    elif waiting.calls > 1:
        calls = f"{waiting.calls}, {SPREADS_SECONDS[0]} to {SPREADS_SECONDS[-1]} s apart"
    latencies = (waiting.server_p50_ms, waiting.server_p95_ms, waiting.heard_p50_ms, waiting.heard_p95_ms)
    return _row(calls, waiting.answers, *(f"{latency:.0f} ms" for latency in latencies))
