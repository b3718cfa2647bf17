"""(g): what the assistant makes of callers it was never trained on, and what that costs.

Trades and phrasings of `training/data` that were held out. A reply counts as a wrong fact if it tells an entry or the
opening hours to somebody who asked for something else.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from training.trades import DATA, HELD_OUT, Trade, load

from callgenie.understanding.acts import Act
from callgenie.understanding.decision import Decision, Thresholds, decide
from callgenie.understanding.encoder import Encoded
from callgenie.understanding.faq_index import CANDIDATES, Candidate, Entry
from callgenie.understanding.reader import UtteranceReader
from callgenie.voice.providers.workers import compute_in_one_thread


@dataclass(frozen=True, slots=True)
class Case:
    """One caller's utterance as the models read it.

    Attributes:
        entry: Index of the entry that answers it, the calendar among them; None where none does.
    """

    trade: str
    said: str
    kind: str
    entry: int | None
    calendar: int
    encoded: Encoded
    candidates: Sequence[Candidate]
    cpu_ms: float

    def decision(self, thresholds: Thresholds) -> Decision:
        """Return what is decided about it."""
        return decide(self.encoded, self.candidates, self.calendar, thresholds)


@dataclass(slots=True)
class Scores:
    """Counts over cases; shares are properties.

    Attributes:
        unanswerable: Utterances that nothing answers; `wrong` of them were told a fact, `bothered` asked back.
        answerable: Utterances that an entry answers; `own` of them were told it at once, `asked` at once or asked
            back about it, `told` told any fact.
        hours: Questions about the opening hours, `hours_right` of them answered with these.
        courtesies: Thanks, greetings and the like, `courtesies_right` of them taken for one.
    """

    unanswerable: int = 0
    wrong: int = 0
    bothered: int = 0
    answerable: int = 0
    own: int = 0
    asked: int = 0
    told: int = 0
    hours: int = 0
    hours_right: int = 0
    courtesies: int = 0
    courtesies_right: int = 0
    mistakes: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return the shares in one line."""
        return (
            f"wrong facts {self.wrong / max(1, self.unanswerable):.1%} of {self.unanswerable}"
            f" (asked back {self.bothered / max(1, self.unanswerable):.1%}) |"
            f" recall {self.own / max(1, self.answerable):.1%}, with asking back"
            f" {self.asked / max(1, self.answerable):.1%} of {self.answerable} |"
            f" right of told {self.own / max(1, self.told):.1%} | hours {self.hours_right}/{self.hours} |"
            f" courtesies {self.courtesies_right}/{self.courtesies}"
        )


_COURTESIES: Final = {Act.THANKS, Act.GREETING, Act.ARE_YOU_THERE, Act.GOODBYE, Act.WAIT, Act.REPEAT}


def score(cases: Iterable[Case], thresholds: Thresholds) -> Scores:
    """Return the counts of what is decided about each case."""
    scores = Scores()
    for case in cases:
        decision = case.decision(thresholds)
        if case.kind == "answerable":
            _score_answerable(scores, case, decision)
        elif case.kind == "hours":
            scores.hours += 1
            scores.hours_right += decision.act is Act.HOURS
        elif case.kind.startswith("courtesy"):
            scores.courtesies += 1
            scores.courtesies_right += decision.act in _COURTESIES
        else:
            scores.unanswerable += 1
            scores.wrong += decision.tells
            scores.bothered += not decision.tells and decision.entry is not None
            if decision.tells:
                scores.mistakes.append(
                    f"{case.trade}: {case.said!r} -> entry {decision.entry} {decision.confidence:.2f}"
                )
    return scores


def _score_answerable(scores: Scores, case: Case, decision: Decision) -> None:
    scores.answerable += 1
    scores.told += decision.tells
    is_own = decision.entry == case.entry
    scores.own += is_own and decision.tells
    scores.asked += is_own


def read(trades: Sequence[Trade], reader: UtteranceReader) -> list[Case]:
    """Return the cases of trades; what is computed of a FAQ in advance is not in their CPU time."""
    cases = []
    for trade in trades:
        index = reader.index([Entry(each.question, each.answer) for each in trade.entries])
        index.learn_questions(index.questions_missing())
        index.learn_answers(index.answers_missing())
        for utterance in trade.utterances:
            began = time.thread_time()
            encoded = reader.read(utterance.said)
            candidates = index.judge(utterance.said, encoded, index.nearest(encoded.vector, CANDIDATES))
            spent = (time.thread_time() - began) * 1000
            kind, entry, calendar = utterance.kind, utterance.entry, trade.calendar
            cases.append(Case(trade.name, utterance.said, kind, entry, calendar, encoded, candidates, spent))
    return cases


@dataclass(frozen=True, slots=True)
class ActScores:
    """One act on held-out phrasings: how many there are, were found, and were found where they are not."""

    act: Act
    said: int
    found: int
    wrongly: int
    confused: str


def score_acts(reader: UtteranceReader, folder: Path = DATA / "acts") -> list[ActScores]:
    """Return the figures of each act on the phrasings that were held out."""
    said: Counter[Act] = Counter()
    pairs: Counter[tuple[Act, Act]] = Counter()
    for path in sorted(folder.glob("*.held.txt")):
        name = path.name.removesuffix(".held.txt")
        act = Act.QUESTION if name.startswith("question") else Act(name)
        for line in filter(None, path.read_text("utf-8").splitlines()):
            acts = reader.read(line).acts
            said[act] += 1
            pairs[act, max(acts, key=lambda each: acts[each])] += 1
    return [
        ActScores(
            act,
            said[act],
            pairs[act, act],
            sum(count for (right, taken), count in pairs.items() if taken is act and right is not act),
            ", ".join(
                f"{taken.value} {count}"
                for (right, taken), count in pairs.most_common()
                if right is act and taken is not act
            ),
        )
        for act in Act
        if said[act]
    ]


@dataclass(frozen=True, slots=True)
class Understood:
    """All figures of the section."""

    trades: int
    scores: Scores
    acts: Sequence[ActScores]
    cpu_ms: Sequence[float]


async def measure(paths: Sequence[Path] = ()) -> Understood:
    """Return the figures on the held-out trades, or on those of other files of their form."""
    compute_in_one_thread()
    reader = UtteranceReader()
    trades = load(paths or HELD_OUT.glob("*.json"))
    cases = read(trades, reader)
    return Understood(
        len(trades), score(cases, Thresholds()), score_acts(reader), sorted(case.cpu_ms for case in cases)
    )


def as_json(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return cases without their arrays, for a look at them."""
    return [
        {"trade": case.trade, "said": case.said, "kind": case.kind, "entry": case.entry}
        | {"candidates": [(each.entry, round(each.probability, 3)) for each in case.candidates]}
        | {"acts": {act.value: round(p, 3) for act, p in case.encoded.acts.items() if p > 0.05}}
        for case in cases
    ]


if __name__ == "__main__":
    print(json.dumps(as_json(read(load(HELD_OUT.glob("*.json")), UtteranceReader())), indent=1))
