"""A message taken step by step, as a caller hears it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.courtesies import TAKE_TIME
from callgenie.voice.message_draft import (
    ASK_MESSAGE,
    ASK_NAME,
    ASK_NUMBER,
    ASK_OWN_NUMBER,
    IS_IT_RIGHT,
    OFFER,
    OTHER_WORDS,
    PASS_ON,
    TRY_AGAIN,
    Draft,
    exchanges_of,
    told_by,
)
from callgenie.voice.message_taking import begin, next_step
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, ToolCall, ToolSpec
from callgenie.voice.spoken_numbers import spelled

KNOWN = Knowledge("SAATHI", "Bakery", caller_number="+14155550999", tools=(ToolSpec("take_message", "", {}),))
WITHHELD = replace(KNOWN, caller_number="")
ELSE = "Is there anything else I can help you with?"
TAKEN = "Thank you, I will pass that on."


def follow(*said: str, first: str = ASK_MESSAGE, knowledge: Knowledge = KNOWN) -> list[ModelDelta] | None:
    """Return what follows the last of several utterances, each said to what followed the one before."""
    messages = [Message(TurnRole.ASSISTANT, first)]
    step: list[ModelDelta] | None = None
    for text in said:
        messages.append(Message(TurnRole.USER, text))
        step = next_step(messages, knowledge)
        messages.append(Message(TurnRole.ASSISTANT, words(step)))
    return step


def words(step: Sequence[ModelDelta] | None) -> str:
    return "".join(delta.text for delta in step or () if isinstance(delta, TextDelta))


def given(step: list[ModelDelta] | None) -> list[ModelDelta]:
    assert step is not None
    return step


def test_message_name_and_number_are_asked_for_read_back_and_kept() -> None:
    talk = ["Tell the baker that I am late.", "Anna Smith.", "Yes, please."]
    assert words(follow(*talk[:1])) == ASK_NAME
    assert words(follow(*talk[:2])) == ASK_OWN_NUMBER
    assert words(follow(*talk)) == f"I will pass on: Tell the baker that I am late. From Anna Smith. {IS_IT_RIGHT}"
    kept = ToolCall("take_message", {"text": talk[0], "name": "Anna Smith"})
    assert follow(*talk, "That's right.") == [kept]


def test_who_tells_everything_at_once_is_asked_for_nothing() -> None:
    all_of_it = "This is Anna Smith, I am late, my number is 415 555 0123."
    step = words(follow(all_of_it))
    assert step.endswith(f"From Anna Smith. Number 4 1 5, 5 5 5, 0 1 2 3. {IS_IT_RIGHT}")
    kept = {"text": all_of_it, "name": "Anna Smith", "number": "4155550123"}
    assert follow(all_of_it, "Yes.") == [ToolCall("take_message", kept)]


def test_who_wants_to_be_called_elsewhere_is_asked_where() -> None:
    talk = ["I am late today.", "Anna.", "No."]
    assert words(follow(*talk)) == ASK_NUMBER
    assert "Number 4 1 5, 5 5 5, 0 1 2 3." in words(follow(*talk, "four one five, double five five, oh one two three"))
    assert "Number 4 1 5, 5 5 5, 0 1 2 3." in words(follow(*talk[:2], "Rather on 415-555-0123."))


def test_a_withheld_number_is_asked_for_once_and_may_be_kept_back() -> None:
    assert words(follow("I am late today.", "Anna.", knowledge=WITHHELD)) == ASK_NUMBER
    last = follow("I am late today.", "Anna.", "I would rather not say.", "Yes.", knowledge=WITHHELD)
    assert last == [ToolCall("take_message", {"text": "I am late today.", "name": "Anna"})]


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("No, my name is Hanna.", {"name": "Hanna"}),
        ("No, the number is 415 555 0177.", {"number": "4155550177"}),
        ("And please bring candles.", {"text": "I am late today. And please bring candles."}),
    ],
)
def test_what_is_not_right_is_put_right_and_read_back_again(correction: str, expected: dict[str, str]) -> None:
    talk = ["I am late today.", "Anna.", "Yes."]
    assert words(follow(*talk, correction)).startswith("I will pass on:")
    kept = {"text": "I am late today.", "name": "Anna"} | expected
    assert follow(*talk, correction, "Yes, thank you.") == [ToolCall("take_message", kept)]


def test_what_is_all_wrong_is_told_again() -> None:
    talk = ["I am late today.", "Anna.", "Yes.", "No."]
    assert words(follow(*talk)) == f"I am sorry. {ASK_MESSAGE}"
    again = follow(*talk, "I will not come at all.", "Anna.", "Yes.", "Correct.")
    assert again == [ToolCall("take_message", {"text": "I will not come at all.", "name": "Anna"})]


@pytest.mark.parametrize(
    "heard", [ASK_NAME, "May I have your name", "May I have y", f"{ASK_NAME} Are you still there?"]
)
def test_a_question_that_was_talked_into_is_still_the_question(heard: str) -> None:
    messages = [
        Message(TurnRole.ASSISTANT, ASK_MESSAGE),
        Message(TurnRole.USER, "I am late today."),
        Message(TurnRole.ASSISTANT, heard),
        Message(TurnRole.USER, "It's Anna."),
    ]
    assert words(next_step(messages, KNOWN)) == ASK_OWN_NUMBER


def test_a_yes_into_the_reading_back_is_a_yes() -> None:
    messages = [
        Message(TurnRole.ASSISTANT, ASK_MESSAGE),
        Message(TurnRole.USER, "This is Anna Smith, 415 555 0123, I am late."),
        Message(TurnRole.ASSISTANT, "I will pass on: This is"),
        Message(TurnRole.USER, "Yes, exactly."),
    ]
    (step,) = given(next_step(messages, KNOWN))
    assert isinstance(step, ToolCall)


def test_what_was_not_heard_is_said_again() -> None:
    assert words(follow("I am late today.", "Pardon?")) == ASK_NAME
    assert words(follow("I am late today.", "Anna.", "Yes.", "Can you repeat that?")).startswith("I will pass on:")


@pytest.mark.parametrize("said", ["Sorry, I didn't catch that", "Hang on", "One moment, please", "Pardon?"])
def test_who_did_not_hear_or_needs_a_moment_has_not_said_their_name(said: str) -> None:
    assert words(follow("I am late today.", said)) in {ASK_NAME, TAKE_TIME}
    step = words(follow("I am late today.", said, "Anna.", "Yes."))
    assert step == f"I will pass on: I am late today. From Anna. {IS_IT_RIGHT}"


def test_who_needs_a_moment_has_not_agreed_to_be_called_back_on_their_own_number() -> None:
    assert words(follow("I am late today.", "Anna.", "Hang on", "No.")) == ASK_NUMBER
    messages = [Message(TurnRole.ASSISTANT, ASK_OWN_NUMBER), Message(TurnRole.USER, "Hang on")]
    assert told_by(Draft("late"), exchanges_of(messages)[-1]) == Draft("late")


def test_after_a_moment_the_question_that_was_passed_on_is_still_the_question() -> None:
    messages = [
        Message(TurnRole.USER, "Do you sell tyres?"),
        Message(TurnRole.ASSISTANT, f"I'm sorry, I don't know that. {PASS_ON}"),
        Message(TurnRole.USER, "Hang on."),
    ]
    assert words(next_step(messages, KNOWN)) == TAKE_TIME
    messages += [Message(TurnRole.ASSISTANT, TAKE_TIME), Message(TurnRole.USER, "Yes.")]
    assert words(next_step(messages, KNOWN)) == ASK_NAME
    messages += [Message(TurnRole.ASSISTANT, ASK_NAME), Message(TurnRole.USER, "Anna")]
    messages += [Message(TurnRole.ASSISTANT, ASK_OWN_NUMBER), Message(TurnRole.USER, "Yes.")]
    assert words(next_step(messages, KNOWN)).startswith("I will pass on: Do you sell tyres. From Anna.")


@pytest.mark.parametrize("said", ["Uh yes", "Sounds good", "Great, thank you", "That's what I said", "That's it."])
def test_agreement_has_many_forms(said: str) -> None:
    (step,) = given(follow("I am late today.", "Anna.", "Yes.", said))
    assert isinstance(step, ToolCall)


def test_all_wrong_starts_over_and_never_ends_the_call() -> None:
    assert words(follow("I am late today.", "Anna.", "Yes.", "No, that's all wrong")) == f"I am sorry. {ASK_MESSAGE}"


def test_a_number_that_is_wrong_is_asked_for_and_the_rest_is_kept() -> None:
    told = "This is Anna Smith, I am late, my number is 415 555 0123."
    for said in ("Yes but the number is wrong", "No, the number is wrong"):
        assert words(follow(told, said)) == ASK_NUMBER
        assert words(follow(told, said, "415 555 0177")).endswith(f"Number 4 1 5, 5 5 5, 0 1 7 7. {IS_IT_RIGHT}")
        assert words(follow("I am late today.", "Anna.", "Yes.", said)) == ASK_NUMBER
    assert words(follow(told, "yes but the name is wrong")) == ASK_NAME


def test_somebody_who_answers_neither_yes_nor_no_is_asked_in_other_words_and_then_hears_it_again() -> None:
    talk = ["I am late today.", "Anna.", "Yes.", "Hmm"]
    assert words(follow(*talk)) == OTHER_WORDS[IS_IT_RIGHT]
    assert words(follow(*talk, "Hmm")).startswith("I will pass on: I am late today.")
    (step,) = given(follow(*talk, "Yes"))
    assert isinstance(step, ToolCall)


def test_a_message_that_was_not_understood_is_asked_for_in_other_words() -> None:
    asked = [words(follow(*["um"] * times)) for times in range(1, 4)]
    assert asked == [OTHER_WORDS[ASK_MESSAGE], ASK_MESSAGE, OTHER_WORDS[ASK_MESSAGE]]
    assert words(follow("um", "Tell the baker that I am late.")) == ASK_NAME


def test_could_you_tell_her_is_a_message_and_no_question() -> None:
    assert words(follow("Could you tell her I'll be ten minutes late?", first=OFFER)) == ASK_NAME


def test_a_complaint_after_our_offer_does_not_decline_it() -> None:
    assert follow("The cake is wrong.", first=OFFER) is None


@pytest.mark.parametrize(
    "said",
    ["Can I talk to a real person please", "No no I really want to speak to the manager", "Put me through to Anna."],
)
def test_who_asks_for_a_person_leaves_no_message(said: str) -> None:
    assert follow(said, first=OFFER) is None


def test_a_message_may_be_about_talking_to_a_person() -> None:
    assert words(follow("Please tell the baker I want to talk to the manager.", first=OFFER)) == ASK_NAME


def test_a_caller_may_change_their_mind() -> None:
    assert words(follow("I am late today.", "Oh, never mind.")) == f"All right. {ELSE}"
    assert words(follow("No, thank you.", first=OFFER)) == f"All right. {ELSE}"


def test_a_message_may_be_that_something_is_cancelled() -> None:
    said = "I have to cancel my appointment on Friday."
    assert words(follow(said)) == ASK_NAME
    assert words(follow(said, "Please cancel.")) == f"All right. {ELSE}"


def test_who_leaves_in_the_middle_of_it_has_left_a_message() -> None:
    said = "Just tell him that I called, goodbye."
    assert follow(said) == [ToolCall("take_message", {"text": said})]
    assert follow("Goodbye.") is None
    messages = [
        Message(TurnRole.ASSISTANT, ASK_MESSAGE),
        Message(TurnRole.USER, said),
        Message(TurnRole.ASSISTANT, "", tool_calls=(ToolCall("take_message", {"text": said}, "c1"),)),
        Message(TurnRole.TOOL, TAKEN, tool_call_id="c1"),
    ]
    farewell, leaves = given(next_step(messages, KNOWN))
    assert farewell == TextDelta(f"{TAKEN} Thank you for calling Bakery. Goodbye.")
    assert leaves == ToolCall("end_call")


def after_keeping(result: str, *said: str) -> list[ModelDelta] | None:
    messages = [
        Message(TurnRole.ASSISTANT, ASK_MESSAGE),
        Message(TurnRole.USER, "This is Anna Smith, 415 555 0123, I am late."),
        Message(TurnRole.ASSISTANT, f"I will pass on: all that. {IS_IT_RIGHT}"),
        Message(TurnRole.USER, "Yes."),
        Message(TurnRole.ASSISTANT, "", tool_calls=(ToolCall("take_message", {}, "c1"),)),
        Message(TurnRole.TOOL, result, tool_call_id="c1"),
    ]
    step = next_step(messages, KNOWN)
    for text in said:
        messages += [Message(TurnRole.ASSISTANT, words(step)), Message(TurnRole.USER, text)]
        step = next_step(messages, KNOWN)
    return step


def test_a_message_that_could_not_be_kept_is_never_said_to_be() -> None:
    failed = "Error: It cannot be done right now."
    assert words(after_keeping(failed)) == TRY_AGAIN
    (again,) = given(after_keeping(failed, "Yes, please."))
    assert isinstance(again, ToolCall)
    assert again.arguments["name"] == "Anna Smith"
    assert words(after_keeping(failed, "No, leave it.")) == f"All right. {ELSE}"


def test_a_message_that_is_kept_is_over() -> None:
    assert words(after_keeping(TAKEN)) == f"{TAKEN} {ELSE}"
    assert after_keeping(TAKEN, "Is there parking?") is None


def test_a_message_that_was_told_without_being_asked_for_is_the_message() -> None:
    said = "I have broken a tooth."
    messages = [Message(TurnRole.ASSISTANT, "We are closed. Tell us what you need."), Message(TurnRole.USER, said)]
    assert words(begin(said, KNOWN)) == ASK_NAME
    messages += [Message(TurnRole.ASSISTANT, ASK_NAME), Message(TurnRole.USER, "Anna.")]
    messages += [Message(TurnRole.ASSISTANT, words(next_step(messages, KNOWN))), Message(TurnRole.USER, "Yes.")]
    assert words(next_step(messages, KNOWN)) == f"I will pass on: I have broken a tooth. From Anna. {IS_IT_RIGHT}"


def test_a_long_message_is_read_back_in_part_and_kept_whole() -> None:
    long = "please remember " * 40
    step = words(follow(f"I am Anna Smith, 415 555 0123, {long}"))
    assert ", and so on. From Anna Smith." in step
    assert len(step) < 400


def test_where_no_messages_are_taken_nothing_is_asked() -> None:
    assert follow("I am late today.", knowledge=replace(KNOWN, tools=())) is None


def test_a_number_is_spelled_in_groups() -> None:
    assert spelled("+14155550123") == "plus 1, 4 1 5, 5 5 5, 0 1 2 3"
    assert spelled("112") == "1 1 2"
