"""Chooses the thresholds of `understanding/decision.py` on the development trades.

    python -m training.thresholds

The models run as in the product. Of all thresholds under which at most `--wrong` of the development trades' near misses
are told a fact, and at least `--right` of what is told is from the right entry, those are taken that tell the most
answers; then asking back begins as low as it can without meeting more than `--bothered` of what nothing answers.
"""

import argparse
from dataclasses import replace
from itertools import product

from bench.understanding import read, score

from callgenie.understanding.decision import Thresholds
from callgenie.understanding.reader import UtteranceReader
from callgenie.voice.providers.workers import compute_in_one_thread
from training.trades import training_and_development


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", type=float, default=0.028)
    parser.add_argument("--right", type=float, default=0.955)
    parser.add_argument("--bothered", type=float, default=0.3)
    options = parser.parse_args()
    compute_in_one_thread()
    cases = read(training_and_development()[1], UtteranceReader())
    best, found = Thresholds(), -1.0
    tells = [each / 100 for each in range(30, 100, 2)]
    for tell, act, rival in product(tells, (0.4, 0.5, 0.6), (0.3, 0.5, 0.7, 1.0)):
        chosen = replace(best, tell=tell, rival=rival, act=act, ask_back=tell)
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
