"""Fits the weights of `understanding/evidence.py` and chooses the thresholds of `understanding/decision.py`.

    python -m training.thresholds

Both on the development trades, the weights first.
The models run as in the product. Of all thresholds under which at most `--wrong` of the development trades' near misses
are told a fact, and at least `--right` of what is told is from the right entry, those are taken that tell the most
answers; then asking back begins as low as it can without meeting more than `--bothered` of what nothing answers.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from bench.understanding import Case, read, score

from callgenie.understanding import evidence
from callgenie.understanding.decision import Thresholds
from callgenie.understanding.reader import UtteranceReader
from callgenie.voice.providers.workers import compute_in_one_thread
from training.trades import training_and_development


def fit(cases: Sequence[Case], *, penalty: float = 0.3, rounds: int = 60) -> tuple[float, ...]:
    """Return the weights of the evidence, by ridge-penalised logistic regression on each utterance's best candidate."""
    rows, right = [], []
    for case in cases:
        best = max(case.candidates, key=lambda each: each.evidence.judged)
        if best.entry != case.calendar and case.kind != "hours" and not case.kind.startswith("courtesy"):
            rows.append(best.evidence.features())
            right.append(float(case.entry == best.entry))
    x, y = np.array(rows), np.array(right)
    weights = np.zeros(x.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-x @ weights))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + penalty * np.eye(len(weights))
        weights += np.linalg.solve(hessian, x.T @ (y - p) - penalty * weights)
    return tuple(round(float(each), 2) for each in weights)


def weighed(case: Case) -> Case:
    """Return the case with its candidates' probabilities by the weights that hold now."""
    found = [
        replace(each, probability=max(each.evidence.probability(), each.probability if each.probability > 0.96 else 0))
        for each in case.candidates
    ]
    return replace(case, candidates=sorted(found, key=lambda each: -each.probability))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", type=float, default=0.028)
    parser.add_argument("--right", type=float, default=0.955)
    parser.add_argument("--bothered", type=float, default=0.3)
    options = parser.parse_args()
    compute_in_one_thread()
    cases = read(training_and_development()[1], UtteranceReader())
    evidence.WEIGHTS = fit(cases)
    print("evidence.WEIGHTS =", evidence.WEIGHTS)
    cases = [weighed(case) for case in cases]
    best, found = Thresholds(), -1.0
    tells = [each / 100 for each in range(24, 100, 2)]
    for tell, act, rival, hours in product(tells, (0.5, 0.6), (0.5, 0.7, 0.85, 1.0), (0.7, 0.8, 0.9)):
        chosen = replace(best, tell=tell, rival=rival, act=act, hours=hours, ask_back=tell)
        scores = score(cases, chosen)
        is_safe = scores.wrong <= options.wrong * scores.unanswerable and scores.own >= options.right * scores.told
        if is_safe and scores.own / scores.answerable > found:
            best, found = chosen, scores.own / scores.answerable
    for ask_back in sorted((each / 100 for each in range(5, 80, 3)), reverse=True):
        chosen = replace(best, ask_back=min(ask_back, best.tell))
        scores = score(cases, chosen)
        if scores.bothered > options.bothered * scores.unanswerable:
            break
        best = chosen
    print(best)
    print("development:", score(cases, best).line())


if __name__ == "__main__":
    main()
