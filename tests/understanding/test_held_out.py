"""The models on callers of trades that they were never trained on: floors, just below what the report says."""

import pytest
from bench.understanding import Case, Scores, read, score, score_acts
from training.trades import HELD_OUT, load

from callgenie.understanding.acts import Act
from callgenie.understanding.decision import Thresholds
from callgenie.understanding.reader import UtteranceReader


@pytest.fixture(scope="module")
def reader() -> UtteranceReader:
    return UtteranceReader()


@pytest.fixture(scope="module")
def cases(reader: UtteranceReader) -> list[Case]:
    return read(load(HELD_OUT.glob("*.json")), reader)


@pytest.fixture(scope="module")
def scores(cases: list[Case]) -> Scores:
    return score(cases, Thresholds())


def test_hardly_any_question_that_nothing_answers_is_told_a_fact(scores: Scores) -> None:
    assert scores.wrong <= 0.035 * scores.unanswerable, scores.mistakes


def test_what_is_told_is_from_the_right_entry(scores: Scores) -> None:
    assert scores.own >= 0.94 * scores.told, scores.line()


def test_most_questions_are_answered_at_once_and_more_after_asking_back(scores: Scores) -> None:
    assert scores.own >= 0.31 * scores.answerable, scores.line()
    assert scores.asked >= 0.72 * scores.answerable, scores.line()


def test_opening_hours_and_courtesies_are_what_they_are(scores: Scores) -> None:
    assert scores.hours_right >= 0.95 * scores.hours, scores.line()
    assert scores.courtesies_right >= 0.93 * scores.courtesies, scores.line()


def test_a_judge_that_takes_the_nearest_entry_fails_here(cases: list[Case]) -> None:
    """Break what this file guards: similarity alone, without a judge, tells most near misses a wrong fact."""
    anything = Thresholds(tell=0.0, rival=2.0, ask_back=0.0, hours=0.0, act=2.0, person=2.0, goodbye=2.0)
    broken = score(cases, anything)
    assert broken.wrong > 0.4 * broken.unanswerable


def test_acts_are_known_in_words_that_were_not_trained_on(reader: UtteranceReader) -> None:
    figures = {each.act: each for each in score_acts(reader)}
    said = sum(each.said for each in figures.values())
    assert sum(each.found for each in figures.values()) >= 0.64 * said
    for act in (Act.PERSON, Act.GOODBYE):
        assert figures[act].wrongly <= 0.02 * said, figures[act]
