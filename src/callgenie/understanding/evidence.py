"""Evidence that an entry answers an utterance, and its weighing: one calibrated probability.

The judge alone is too trusting where another entry resembles the utterance as much, or where the question of an entry
resembles it and its answer does not. A logistic regression over its logit and three similarities corrects both;
`training/thresholds.py` fits it on the development trades.
"""

import math
from dataclasses import dataclass
from typing import Final

# Of the judge's logit, the margin, the question's and the answer's similarity; and the constant.
WEIGHTS: Final = (1.01, 3.84, -2.32, 2.48, -0.61)

_ODDS_MAX: Final = 1e4


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an entry.

    Attributes:
        judged: The judge's probability that it answers.
        margin: Its similarity with the utterance minus that of the most similar other entry, -1 to 1.
        question: Similarity of its question with the utterance, -1 to 1.
        answer: Similarity of question and answer together with the utterance, -1 to 1.
    """

    judged: float
    margin: float
    question: float
    answer: float

    def features(self) -> tuple[float, ...]:
        """Return the inputs of the regression; the last one is the constant."""
        odds = min(max(self.judged / max(1.0 - self.judged, 1e-9), 1 / _ODDS_MAX), _ODDS_MAX)
        return math.log(odds), self.margin, self.question, self.answer, 1.0

    def probability(self) -> float:
        """Return the probability that the entry answers, all evidence weighed."""
        return 1.0 / (1.0 + math.exp(-sum(a * b for a, b in zip(WEIGHTS, self.features(), strict=True))))
