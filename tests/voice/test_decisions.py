"""Decisions that are the caller's."""

from collections.abc import Sequence

import pytest
from tests.support.agreed import agreed

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.courtesies import ANYTHING_ELSE
from callgenie.voice.decisions import is_confirmed, may_end, may_transfer, takes_leave_now, was_told
from callgenie.voice.message_draft import IS_IT_RIGHT, OFFER, OTHER_WORDS
from callgenie.voice.ports import Message

CAKE = "Please tell the baker that the cake is for Friday at 3"


def talk(*lines: str) -> list[Message]:
    """Make a conversation; what begins with a dash is ours."""
    return [Message(TurnRole.ASSISTANT if line[0] == "-" else TurnRole.USER, line.lstrip("- ")) for line in lines]


@pytest.mark.parametrize(
    "lines",
    [
        ("Okay, goodbye.",),
        ("That was all, thank you.",),
        (f"- {ANYTHING_ELSE}", "no"),
        ("- Can I help you with something else today?", "No thank you."),
        (f"- I don't know. {OFFER}", "no"),
    ],
)
def test_who_takes_leave_may_be_hung_up_on(lines: Sequence[str]) -> None:
    assert takes_leave_now(talk(*lines))
    assert may_end(talk(*lines), is_our_call=False)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("How much is that?",),
        ("Thank you.",),
        ("- Is that right?", "no"),
        ("- Is that right?", "No, that's all wrong"),
        ("That's all I know about parking, how much is a haircut",),
        ("I said goodbye to my hairdresser and need a new one",),
        (f"- {ANYTHING_ELSE}", "no, but where are you?"),
        (f"- {OFFER}", "yes please"),
        ("Goodbye for now, but when do you open?",),
        ("bye", "- Goodbye.", "wait, one more thing"),
    ],
)
def test_nobody_else_is(lines: Sequence[str]) -> None:
    assert not may_end(talk(*lines), is_our_call=False)


def test_a_call_of_ours_ends_unless_something_is_asked() -> None:
    assert may_end(talk("- We are calling about your cake.", "Okay, I will fetch it."), is_our_call=True)
    assert not may_end(talk("- We are calling about your cake.", "Which cake?"), is_our_call=True)


@pytest.mark.parametrize(
    "lines",
    [
        ("can I talk to a person",),
        ("let me speak with Anna",),
        ("I want to speak to somebody", "- May I ask what it is about?", "about my cake"),
        ("- Shall I put you through?", "yes please"),
        ("(pressed 0)",),
    ],
)
def test_who_asks_for_a_person_or_agrees_may_be_put_through(lines: Sequence[str]) -> None:
    assert may_transfer(talk(*lines))


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("when are you open",),
        ("- Shall I put you through?", "no"),
        ("- Is that right?", "yes"),
        (
            "I want to speak to somebody",
            "- Nobody is there.",
            "okay",
            "- Hm.",
            "when are you open",
            "- At nine.",
            "thanks",
        ),
    ],
)
def test_nobody_else_is_put_through(lines: Sequence[str]) -> None:
    assert not may_transfer(talk(*lines))


def test_a_message_is_confirmed_by_a_yes_to_all_of_it() -> None:
    assert is_confirmed(agreed(CAKE, "Anna Smith", "415 555 0123"), text=CAKE, name="Anna Smith", number="+14155550123")
    own = talk(CAKE, "- So: the cake is for Friday at three. Correct?", "yeah", "- Anything else?", "no")
    assert is_confirmed(own, text="The cake is for Friday at 3")


@pytest.mark.parametrize(
    ("answer", "name", "number"),
    [
        ("no", "Anna", "4155550123"),
        ("no that is not right", "Anna", "4155550123"),
        ("when are you open", "Anna", "4155550123"),
        ("yes", "Bob", "4155550123"),
        ("yes", "Anna", "4155550129"),
    ],
)
def test_nothing_else_confirms_it(answer: str, name: str, number: str) -> None:
    messages = agreed(CAKE, "Anna", "415 555 0123", answer=answer)
    assert not is_confirmed(messages, text=CAKE, name=name, number=number)


def test_who_was_asked_once_more_for_a_yes_has_confirmed_what_was_read_back_before() -> None:
    again = OTHER_WORDS[IS_IT_RIGHT]
    assert is_confirmed([*agreed(CAKE, answer="hm"), *talk(f"- {again}", "yes")], text=CAKE)
    assert not is_confirmed([*agreed(CAKE, answer="hm"), *talk(f"- {again}", "no")], text=CAKE)
    assert not is_confirmed([*agreed(CAKE, answer="no"), *talk("- Anything else?", "yes")], text=CAKE)


def test_half_a_yes_confirms_nothing() -> None:
    assert not is_confirmed(agreed(CAKE, answer="Yes but the number is wrong"), text=CAKE)


def test_what_was_not_read_back_is_not_confirmed() -> None:
    assert not is_confirmed([], text=CAKE)
    assert not is_confirmed(talk(CAKE, "- Shall I pass that on?", "yes"), text=CAKE)
    assert not is_confirmed(agreed(CAKE), text=CAKE.replace("3", "4"))
    assert not is_confirmed(agreed("Please call me"), text="Cancel all orders of this week")


def test_a_no_to_the_last_read_back_wins_over_an_earlier_yes() -> None:
    assert not is_confirmed([*agreed(CAKE), *agreed(CAKE, answer="no, that is wrong")], text=CAKE)


def test_a_message_is_made_of_what_the_caller_has_said() -> None:
    said = talk("could you tell her I'll be late", "- Who are you?", "Anna", "until 4")
    assert was_told(said, "Anna will be late, until 4 o'clock")
    assert not was_told(said, "The delivery of flour has to be cancelled")
    assert not was_told(said, "Anna will be late until 6")
    assert not was_told([], "Hello")
