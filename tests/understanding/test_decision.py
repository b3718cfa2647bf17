"""What is decided from acts and candidates: facts need the judge, costly acts need more confidence than cheap ones."""

import numpy as np
import pytest

from callgenie.understanding.acts import Act
from callgenie.understanding.decision import WISHES, Decision, Thresholds, decide
from callgenie.understanding.encoder import Encoded
from callgenie.understanding.faq_index import Candidate

CALENDAR = 9
SURE = Thresholds(tell=0.8, rival=0.5, ask_back=0.4, hours=0.8, act=0.5, person=0.7, goodbye=0.8)


def said(**acts: float) -> Encoded:
    found = dict.fromkeys(Act, 0.0) | {Act(name): probability for name, probability in acts.items()}
    return Encoded(np.zeros((1, 1), np.float32), np.zeros(1, np.float32), found)


def decided(encoded: Encoded, *candidates: tuple[int, float], calendar: int | None = CALENDAR) -> Decision:
    return decide(encoded, [Candidate(*each) for each in candidates], calendar, SURE)


@pytest.mark.parametrize(
    ("probability", "entry", "tells"),
    [(0.95, 2, True), (0.8, 2, True), (0.79, 2, False), (0.4, 2, False), (0.39, None, False)],
)
def test_an_entry_is_told_when_the_judge_is_sure_and_asked_back_about_when_nearly_so(
    probability: float, entry: int | None, *, tells: bool
) -> None:
    decision = decided(said(question=1.0), (2, probability), (3, 0.1))
    assert (decision.act, decision.entry, decision.tells) == (Act.QUESTION, entry, tells)


def test_of_two_entries_that_are_nearly_as_likely_none_is_told() -> None:
    assert not decided(said(question=1.0), (2, 0.95), (3, 0.48)).tells
    assert decided(said(question=1.0), (2, 0.95), (3, 0.47)).tells


@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_is_no_question_however_sure_the_judge_is_of_an_entry_about_it(wish: Act) -> None:
    decision = decided(said(**{wish.value: 0.95, "question": 0.05}), (2, 0.99))
    assert (decision.act, decision.tells) == (wish, False)


def test_several_half_likely_wishes_are_one_wish_and_the_likeliest_of_them() -> None:
    decision = decided(said(book=0.3, order=0.35, question=0.3), (2, 0.2))
    assert decision.act is Act.ORDER
    assert decision.confidence == pytest.approx(0.65)


def test_a_story_that_an_entry_answers_is_answered() -> None:
    decision = decided(said(question=0.45, message=0.4), (2, 0.97))
    assert (decision.entry, decision.tells) == (2, True)


@pytest.mark.parametrize(("acts", "act"), [({"person": 0.71}, Act.PERSON), ({"goodbye": 0.81}, Act.GOODBYE)])
def test_a_sure_wish_for_a_person_or_to_leave_comes_before_all_facts(acts: dict[str, float], act: Act) -> None:
    assert decided(said(**acts), (2, 0.99)).act is act


@pytest.mark.parametrize("acts", [{"person": 0.69, "question": 0.31}, {"goodbye": 0.79, "thanks": 0.21}])
def test_nobody_is_put_through_or_hung_up_on_by_a_guess(acts: dict[str, float]) -> None:
    assert decided(said(**acts), (2, 0.1)).act not in {Act.PERSON, Act.GOODBYE}


def test_opening_hours_are_told_when_act_or_judge_is_sure() -> None:
    for encoded, candidate in (
        (said(hours=0.9), (CALENDAR, 0.2)),
        (said(hours=0.9), (2, 0.3)),
        (said(question=1.0), (CALENDAR, 0.9)),
    ):
        decision = decided(encoded, candidate)
        assert (decision.act, decision.entry, decision.tells) == (Act.HOURS, CALENDAR, True)


def test_the_calendar_is_not_asked_back_about() -> None:
    decision = decided(said(question=1.0), (CALENDAR, 0.6))
    assert decision.entry is None


def test_without_opening_hours_a_question_for_them_is_one_that_nothing_answers() -> None:
    decision = decided(said(hours=0.9), (2, 0.2), calendar=None)
    assert (decision.entry, decision.tells) == (None, False)


@pytest.mark.parametrize(
    ("acts", "act"),
    [
        ({"thanks": 0.6}, Act.THANKS),
        ({"thanks": 0.35, "greeting": 0.3}, Act.THANKS),
        ({"personal": 0.4, "off_topic": 0.3}, Act.PERSONAL),
        ({"affirm": 0.9}, Act.AFFIRM),
        ({"wait": 0.9}, Act.WAIT),
    ],
)
def test_small_words_between_people_are_what_they_are(acts: dict[str, float], act: Act) -> None:
    assert decided(said(**acts), (2, 0.05)).act is act


def test_nothing_is_known_without_entries() -> None:
    decision = decided(said(question=1.0), calendar=None)
    assert (decision.act, decision.entry, decision.tells) == (Act.QUESTION, None, False)
