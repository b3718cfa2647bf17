"""The weighing of what speaks for an entry."""

import math
from dataclasses import replace

import pytest

from callgenie.understanding.evidence import Evidence

USUAL = Evidence(judged=0.9, margin=0.1, question=0.5, answer=0.5)


@pytest.mark.parametrize(
    "stronger",
    [
        pytest.param(replace(USUAL, judged=0.95), id="the judge is surer"),
        pytest.param(replace(USUAL, margin=0.2), id="no other entry is as similar"),
        pytest.param(replace(USUAL, answer=0.6), id="the answer resembles the question asked"),
        pytest.param(replace(USUAL, question=0.4), id="less of the likeness is the entry's question alone"),
    ],
)
def test_more_evidence_makes_an_entry_likelier(stronger: Evidence) -> None:
    assert stronger.probability() > USUAL.probability()


@pytest.mark.parametrize("judged", [0.0, 1.0, 1e-30, 1 - 1e-16])
def test_a_judge_that_is_certain_is_not_believed_without_limit(judged: float) -> None:
    probability = replace(USUAL, judged=judged).probability()
    assert 0 < probability < 1
    assert math.isfinite(sum(replace(USUAL, judged=judged).features()))


def test_a_doubtful_entry_with_a_rival_as_similar_stays_doubtful() -> None:
    assert Evidence(judged=0.5, margin=-0.1, question=0.6, answer=0.4).probability() < 0.5
