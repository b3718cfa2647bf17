"""What is left of a message when the call ends before it is taken."""

from collections.abc import Sequence

import pytest

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.message_draft import ASK_MESSAGE, ASK_NAME, ASK_OWN_NUMBER, IS_IT_RIGHT, OFFER, TRY_AGAIN
from callgenie.voice.message_left import LeftMessage, message_left_in
from callgenie.voice.message_taking import next_step
from callgenie.voice.ports import Knowledge, Message, TextDelta, ToolCall, ToolSpec
from callgenie.voice.tools import use_in_words

GREETING = "Hello, how can I help you?"
CLOSED = f"We are closed at the moment. {OFFER}"
CAKE = "Please tell the baker that the cake is for Friday"
KNOWN = Knowledge("SAATHI", "Bakery", caller_number="+14155550999", tools=(ToolSpec("take_message", "", {}),))
TAKEN = "Thank you, I will pass that on."


def talk(*lines: str) -> list[Message]:
    """Make the lines of a call; what begins with a dash is ours, with a gear a tool's."""
    roles = {"-": TurnRole.ASSISTANT, "*": TurnRole.TOOL}
    return [Message(roles.get(line[0], TurnRole.USER), line.lstrip("-* ")) for line in lines]


def used(text: str = CAKE, result: str = TAKEN) -> str:
    return f"* {use_in_words(ToolCall('take_message', {'text': text}), result)}"


def left(lines: Sequence[Message], *, is_asked_for: bool = False) -> str | None:
    found = message_left_in(lines, is_asked_for=is_asked_for)
    return None if found is None else found.text


def test_at_every_step_of_taking_it_the_caller_may_hang_up_and_the_message_is_left() -> None:
    lines = [Message(TurnRole.ASSISTANT, f"Of course. {ASK_MESSAGE}")]
    for said in (CAKE, "Anna Smith", "Rather on 415 555 0123", "yes that is right"):
        lines.append(Message(TurnRole.USER, said))
        assert left(lines) == CAKE
        answer = next_step(lines, KNOWN) or []
        lines.append(Message(TurnRole.ASSISTANT, "".join(each.text for each in answer if isinstance(each, TextDelta))))
        assert left(lines) == CAKE
    assert message_left_in(lines[:-4]) == LeftMessage(CAKE, "Anna Smith", "", is_confirmed=False)
    assert message_left_in(lines[:-2]) == LeftMessage(CAKE, "Anna Smith", "4155550123", is_confirmed=False)
    assert message_left_in(lines) == LeftMessage(CAKE, "Anna Smith", "4155550123", is_confirmed=True)


def test_what_was_added_when_it_was_read_back_is_in_it() -> None:
    lines = talk(f"- {ASK_MESSAGE}", CAKE, f"- I will pass on: {CAKE}. {IS_IT_RIGHT}", "and bring candles")
    assert message_left_in(lines) == LeftMessage(f"{CAKE} and bring candles", "", "", is_confirmed=False)


@pytest.mark.parametrize(
    "said", [CAKE, "the cake is wrong", "I need to cancel my appointment", "I broke a tooth today"]
)
def test_who_is_asked_by_the_greeting_may_say_it_and_hang_up_at_once(said: str) -> None:
    assert left(talk(f"- {CLOSED}", said)) == said
    assert left(talk("- The oven is cold.", said), is_asked_for=True) == said


def test_words_that_the_assistant_took_for_a_message_are_one_whatever_they_are() -> None:
    assert left(talk("- The oven is cold.", "bread", f"- {ASK_NAME}")) == "bread"
    assert left(talk("- The oven is cold.", "the cake is wrong")) is None


def test_a_model_with_words_of_its_own_may_ask_for_the_message_too() -> None:
    lines = talk(f"- {GREETING}", "is Bob there?", "- No. Would you like to leave him a message?", CAKE)
    assert left(lines) == CAKE
    assert left([*lines, *talk("- Sure. And what is your name?", "I am Anna Smith from the town hall")]) == CAKE


REFUSED = "Error: Refused. Not kept yet."


def test_what_a_model_wanted_to_take_before_the_caller_agreed_is_left() -> None:
    lines = talk("the cake is for Friday", used("cake for Friday", REFUSED), "- Cake for Friday. Right?")
    assert message_left_in(lines) == LeftMessage("cake for Friday", "", "", is_confirmed=False)
    assert message_left_in([*lines, *talk("no")]) == LeftMessage("cake for Friday", "", "", is_confirmed=False)
    assert message_left_in([*lines, *talk("yes")]) == LeftMessage("cake for Friday", "", "", is_confirmed=True)
    assert left([*lines, *talk("yes", used("cake for Friday"))]) is None
    assert left([*lines, *talk("never mind")]) is None


def test_of_what_a_model_made_up_nothing_is_left() -> None:
    assert left(talk("when are you open", used("The flour is cancelled", REFUSED), "- At nine.")) is None
    assert left(talk(f"- {ASK_MESSAGE}", CAKE, used("The flour is cancelled", REFUSED), "- Okay.")) == CAKE


@pytest.mark.parametrize("answer", ["Sure, I'll tell her.", "We will pass that on.", "I have noted that.", "At nine."])
def test_who_asks_us_to_tell_somebody_has_left_a_message_whatever_is_answered(answer: str) -> None:
    for said in ("could you tell Anna I am late?", "let the baker know the oven is on fire"):
        assert left(talk(f"- {GREETING}", said, f"- {answer}")) == said


def test_what_is_promised_to_be_passed_on_is_left() -> None:
    assert left(talk(f"- {GREETING}", "I am late today", "- I will let her know.")) == "I am late today"
    assert left(talk(f"- {GREETING}", "when are you open", "- I will tell you: at nine.")) is None


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (f"- {GREETING}",),
        (f"- {CLOSED}",),
        (f"- {GREETING}", "when are you open tomorrow morning", "- From nine to five."),
        (f"- {CLOSED}", "are you open on Sunday?"),
        (f"- {CLOSED}", "do you sell bread without nuts"),
        (f"- {CLOSED}", "can I talk to a person please"),
        (f"- {CLOSED}", "hello hello okay yes"),
        (f"- {CLOSED}", "no thanks I will try again tomorrow"),
        (f"- {CLOSED}", "yes please", f"- Of course. {ASK_MESSAGE}"),
        (f"- {ASK_MESSAGE}", "hello?"),
        (f"- {ASK_MESSAGE}", "um"),
        (f"- {ASK_MESSAGE}", "1234#"),
        (f"- {ASK_MESSAGE}", "pardon?", f"- {ASK_MESSAGE}"),
        (f"- {ASK_MESSAGE}", "goodbye"),
    ],
)
def test_where_nothing_of_a_message_was_said_none_is_left(lines: tuple[str, ...]) -> None:
    assert left(talk(*lines)) is None


@pytest.mark.parametrize("regret", ["oh never mind", "Please cancel that.", "forget it", "cancel"])
def test_who_wants_no_message_any_more_leaves_none(regret: str) -> None:
    assert left(talk(f"- {ASK_MESSAGE}", CAKE, f"- {ASK_NAME}", regret)) is None


def test_what_is_all_wrong_is_not_left_and_what_is_told_instead_is() -> None:
    lines = talk(f"- {ASK_MESSAGE}", CAKE, f"- I will pass on: {CAKE}. {IS_IT_RIGHT}", "no")
    assert left(lines) is None
    assert left([*lines, *talk(f"- I am sorry. {ASK_MESSAGE}", "I come on Monday")]) == "I come on Monday"


def test_what_is_talked_about_in_between_does_not_undo_a_message() -> None:
    lines = talk(f"- {ASK_MESSAGE}", CAKE, "- I'm sorry, I lost my thread. Could you say that again?", "hello?")
    assert left([*lines, *talk(f"- I'm sorry, I don't know that. {OFFER}")]) == CAKE


def test_a_message_that_is_taken_is_not_left_again() -> None:
    lines = talk(f"- {ASK_MESSAGE}", CAKE, f"- {ASK_NAME}", "Anna", f"- {IS_IT_RIGHT}", "yes")
    assert left([*lines, *talk(used())]) is None
    second = talk(used(), f"- {TAKEN} {OFFER}", "tell Bob that I am late", f"- {ASK_OWN_NUMBER}")
    assert left([*lines, *second]) == "tell Bob that I am late"


@pytest.mark.parametrize("regret", [None, "no leave it"])
def test_a_message_that_could_not_be_taken_is_left_unless_the_caller_wants_none_any_more(regret: str | None) -> None:
    failed = used(result="Error: It cannot be done right now.")
    lines = talk(f"- {ASK_MESSAGE}", CAKE, f"- {IS_IT_RIGHT}", "yes", failed, f"- {TRY_AGAIN}")
    if regret is None:
        assert message_left_in(lines) == LeftMessage(CAKE, "", "", is_confirmed=True)
    else:
        assert left([*lines, *talk(regret)]) is None


def test_who_asked_for_a_moment_has_answered_the_question_afterwards() -> None:
    lines = talk(f"- {ASK_MESSAGE}", CAKE, f"- {ASK_NAME}", "hang on", "- Of course, take your time.", "Anna Smith")
    assert message_left_in(lines) == LeftMessage(CAKE, "Anna Smith", "", is_confirmed=False)
