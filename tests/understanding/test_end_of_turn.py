import pytest

from callgenie.understanding.end_of_turn import EndOfTurn, end_of_turn, is_backchannel, is_barge_in


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I'd like to book a cleaning and",
        "I'd like to book a cleaning and.",
        "I'm calling for",
        "Can I speak to the",
        "My name is,",
        "My name is...",
        "So I was thinking, um",
        "My number is 415",
        "My number is 4 1 5, 5 5 5",
        "four one five five five five",
        "You can call me back at 415-555-01",
        "I'm calling because",
    ],
)
def test_words_that_want_to_go_on_read_unfinished(text: str) -> None:
    assert end_of_turn(text) is EndOfTurn.UNFINISHED


@pytest.mark.parametrize(
    "text",
    [
        "What time do you open?",
        "What is it for?",
        "Can I come at 9.30?",
        "Yes.",
        "No, thank you.",
        "Okay, thank you. Goodbye.",
        "Yes, please",
    ],
)
def test_questions_and_whole_answers_need_no_waiting(text: str) -> None:
    assert end_of_turn(text) is EndOfTurn.WHOLE


@pytest.mark.parametrize(
    "text",
    [
        "I'd like to book a cleaning.",
        "My tooth hurts",
        "I can come on Tuesday at 9:30.",
        "My number is 415 555 0123.",
        "It's 555-0123.",
        "The number is four one five, five five five, zero one two three",
        "There are two of us, and one is a child.",
        "It costs 20",
    ],
)
def test_statements_read_finished(text: str) -> None:
    assert end_of_turn(text) is EndOfTurn.FINISHED


@pytest.mark.parametrize("text", ["", "Uh-huh.", "Mm-hmm", "Okay. Right.", "Yeah, yeah, I see.", "Oh, okay."])
def test_a_listener_makes_noises(text: str) -> None:
    assert is_backchannel(text)
    assert not is_barge_in(text)


@pytest.mark.parametrize("text", ["Wait.", "No, that's not it", "Stop", "Hello?", "I meant Tuesday"])
def test_words_that_mean_something_interrupt(text: str) -> None:
    assert not is_backchannel(text)
    assert is_barge_in(text)


def test_one_stray_word_is_not_sure_to_interrupt() -> None:
    assert not is_barge_in("the")
    assert not is_backchannel("the")
