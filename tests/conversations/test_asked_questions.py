"""Which questions a conversation holds, and what came of each, by the outcomes of the assistant's turns."""

import pytest
from tests.support.reported_turns import turns_of

from callgenie.conversations.asked_questions import QuestionState, questions_in

ANSWERED, HOURS_TOLD, NOT_ANSWERED, ASKED_BACK = QuestionState


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["where can I park", "[answered] Behind the shop."], [("where can I park", ANSWERED)]),
        (["are you open", "* business_hours {}: Yes.", "[hours] Yes."], [("are you open", HOURS_TOLD)]),
        (
            ["do you do braces", "[passed_on] I don't know. Shall I pass it on?", "yes please", "[message] Your name?"],
            [("do you do braces", NOT_ANSWERED)],
        ),
        (["hello", "[courtesy] Hello.", "I'd like a table", "[message] Your name?", "bye", "[goodbye] Bye."], []),
        (["can I talk to a person", "[person] One moment."], []),
        (["is it free", "[asked_back] Do you mean parking?", "yes", "[answered] It is."], [("is it free", ANSWERED)]),
        (
            ["is it free", "[asked_back] Do you mean parking?", "no", "[passed_on] Shall I pass it on?"],
            [("is it free", NOT_ANSWERED)],
        ),
        (["is it free", "[asked_back] Parking?", "no", "[goodbye] Bye."], [("is it free", NOT_ANSWERED)]),
        (["is it free", "[asked_back] Parking?", "no"], [("is it free", NOT_ANSWERED)]),
        (["is it free", "[asked_back] Parking?"], [("is it free", ASKED_BACK)]),
        (["is it free", "[asked_back] Parking?", "thank you", "[courtesy] Sure."], [("is it free", ASKED_BACK)]),
        (
            ["is it free", "[asked_back] Parking?", "no, I mean the delivery", "[answered] It costs five pounds."],
            [("is it free", NOT_ANSWERED), ("no, I mean the delivery", ANSWERED)],
        ),
        (
            ["is it free", "[asked_back] Parking?", "no, how much is the whitening", "[passed_on] I don't know."],
            [("no, how much is the whitening", NOT_ANSWERED)],
        ),
        (
            ["is it free", "[asked_back] Parking?", "no", "[asked_back] Delivery?", "no", "[passed_on] I don't know."],
            [("is it free", NOT_ANSWERED)],
        ),
        (
            ["where are you", "[answered] Mill Lane.", "- Are you still there?", "yes", "- Good."],
            [("where are you", ANSWERED)],
        ),
    ],
)
def test_each_question_has_the_state_that_its_answers_report(
    lines: list[str], expected: list[tuple[str, QuestionState]]
) -> None:
    found = questions_in(turns_of(*lines))
    assert [(question.turn.text, question.state) for question in found] == expected
    assert all(question.is_reported for question in found)


def test_the_answer_is_the_turn_that_reports_an_outcome_and_not_a_word_before_it() -> None:
    found = questions_in(turns_of("what is it", "- One moment.", "[passed_on] I don't know.", "- Are you still there?"))
    assert [(question.turn.text, question.state) for question in found] == [("what is it", NOT_ANSWERED)]


def test_without_outcomes_the_words_tell_and_it_is_known_that_only_they_do() -> None:
    found = questions_in(
        turns_of("when are you open?", "- From nine.", "do you sell shoes", "- I don't know that.", "why?")
    )
    assert [(question.turn.text, question.state, question.is_reported) for question in found] == [
        ("when are you open?", ANSWERED, False),
        ("do you sell shoes", NOT_ANSWERED, False),
        ("why?", NOT_ANSWERED, False),
    ]
