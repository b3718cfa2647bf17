"""The hand-written trades: what businesses wrote down, and what their callers say.

A file a trade, in the form that `training/README.md` describes. An utterance is paired with every entry of its
business; the calendar counts as one, since the assistant tells its facts too.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callgenie.understanding.text import bare

DATA = Path(__file__).parent / "data"
TRADES = DATA / "trades"
DEVELOPMENT = DATA / "development"
HELD_OUT = DATA / "held_out"

_DAYS = {"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday"}
_DAYS["sun"] = "Sunday"

HOURS_QUESTION = "What are your opening hours?"
NAME_QUESTION = "Who am I speaking to?"


@dataclass(frozen=True, slots=True)
class Entry:
    """A question that a business expects, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words of a caller.

    Attributes:
        entry: Index of the entry that answers it; None where none does.
        kind: `answerable`, `hours`, `courtesy:<kind>`, or the kind of near miss.
        near: Index of the entry that tempts most, if the file names one.
    """

    said: str
    entry: int | None
    kind: str
    near: int | None = None
    heard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trade:
    """One business and its callers. The last entry is the calendar."""

    name: str
    company: str
    entries: tuple[Entry, ...]
    utterances: tuple[Utterance, ...]
    people: tuple[str, ...] = ()

    @property
    def calendar(self) -> int:
        """Index of the entry that stands for the opening hours."""
        return len(self.entries) - 1


def load(paths: Iterable[Path], heard: dict[str, list[str]] | None = None) -> list[Trade]:
    """Return the trades of the files; of files with `businesses`, all of them."""
    trades = []
    for path in sorted(paths):
        data = json.loads(path.read_text("utf-8"))
        trades += [_trade(each, heard or {}) for each in data.get("businesses", [data])]
    return trades


def training_and_development() -> tuple[list[Trade], list[Trade]]:
    """Return the trades to train on, and those that decide about training steps and thresholds."""
    heard = heard_as()
    return load(TRADES.glob("*.json"), heard), load(DEVELOPMENT.glob("*.json"), heard)


def heard_as() -> dict[str, list[str]]:
    """Return what the recogniser made of utterances that the embedded voice spoke, by utterance."""
    path = DATA / "heard.jsonl"
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {row["said"]: row["heard"] for row in rows}


def _trade(data: dict[str, Any], heard: dict[str, list[str]]) -> Trade:
    entries = [Entry(each["question"], each["answer"]) for each in data["faq"]]
    entries.append(Entry(HOURS_QUESTION, hours_sentence(data["hours"])))
    calendar = len(entries) - 1

    def rows() -> Iterator[tuple[str, int | None, str, int | None]]:
        for row in data["answerable"]:
            yield row["said"], row["entry"], "answerable", None
        for row in data["unanswerable"]:
            yield row["said"], None, row["kind"], row.get("near")
        for row in data["hours_questions"]:
            yield row["said"], calendar, "hours", None
        for row in data["courtesies"]:
            yield row["said"], None, f"courtesy:{row['kind']}", None

    utterances = tuple(
        Utterance(said, entry, kind, near, tuple(heard.get(said, ()))) for said, entry, kind, near in rows()
    )
    return Trade(data["trade"], data["company"], tuple(entries), utterances, tuple(data.get("people", ())))


def hours_sentence(hours: dict[str, list[dict[str, str]]]) -> str:
    """Return the opening hours as one spoken sentence."""
    groups: dict[str, list[str]] = {}
    for day, name in _DAYS.items():
        spans = " and ".join(f"from {span['open']} to {span['close']}" for span in hours.get(day, []))
        groups.setdefault(spans, []).append(name)
    closed = groups.pop("", [])
    parts = [f"{_listed(days)} {spans}" for spans, days in groups.items()]
    if closed:
        parts.append(f"closed on {_listed(closed)}")
    return f"We are open {', '.join(parts)}."


def _listed(days: list[str]) -> str:
    if len(days) > 2:
        return f"{days[0]} to {days[-1]}"
    return " and ".join(days)


_FILLERS = ("um", "uh", "hi", "hello", "yeah so", "hi um", "okay", "so", "well", "hi there", "yes hello", "right so")


def variants(utterance: Utterance) -> list[str]:
    """Return ways in which a recogniser may have written an utterance: bare, with a filler, as heard."""
    plain = bare(utterance.said)
    filler = _FILLERS[sum(map(ord, plain)) % len(_FILLERS)]
    return list(dict.fromkeys([plain, f"{filler} {plain}", *map(bare, utterance.heard)]))
