"""Repair: pardon, hang on, never mind."""

import pytest

from callgenie.understanding.repair import asks_to_repeat, asks_to_wait, withdraws

REPEAT = (
    "once more please",
    "Tell me that again.",
    "what was the number again",
    "i missed the last bit",
    "Sorry, I didn't catch that",
    "Pardon?",
    "sorry?",
    "Sorry",
    "what?",
    "what was that",
    "Can you repeat that?",
    "say that again please",
    "could you say that again",
    "I didn't hear you",
    "come again",
    "I beg your pardon",
    "what did you say",
    "sorry what",
    "huh?",
    "I didn't quite get that, can you repeat it",
    "excuse me?",
    "Repeat that please",
    "I can't hear you",
    "sorry could you repeat the question",
    "one more time please",
    "say again?",
    "I didn't understand",
    "could you speak up please",
    "Sorry, I didn't catch that, what was the question",
)
NO_REPEAT = (
    "uh huh",
    "I said no",
    "I need a repeat prescription",
    "Sorry I am late",
    "what time do you open",
    "Anna",
    "I didn't get the parcel",
    "I didn't get my order",
    "sorry to hear that",
    "what's your address",
    "again on Friday",
    "tell him what I said",
    "Pardon my French the cake is wrong",
    "my name is Huh",
)
WAIT = (
    "Hang about.",
    "Stay on the line.",
    "Hang on",
    "hold on",
    "one moment",
    "one second please",
    "just a minute",
    "wait",
    "wait a minute",
    "hang on a second",
    "give me a second",
    "bear with me",
    "let me check",
    "let me find my diary",
    "hold on let me get a pen",
    "one moment please, I'll just check",
    "um hang on",
    "just a sec",
    "okay one moment",
    "can you hold on a minute",
    "wait I need to find it",
    "hang on, I'm just looking for it",
    "could you give me a moment",
)
NO_WAIT = (
    "Let me get a physical scheduled for the kids before school starts.",
    "wait times are too long",
    "I can't wait",
    "hold on tell her I'm late",
    "one moment of his time",
    "Anna",
    "let me speak to Anna",
    "let me know",
    "I'll be ten minutes late",
    "hold my order",
    "just a minute ago you said no",
    "wait how much is it",
    "let me leave a message",
)


@pytest.mark.parametrize("said", REPEAT)
def test_who_did_not_catch_it_wants_it_again(said: str) -> None:
    assert asks_to_repeat(said)


@pytest.mark.parametrize("said", NO_REPEAT)
def test_who_says_something_else_does_not(said: str) -> None:
    assert not asks_to_repeat(said)


@pytest.mark.parametrize("said", WAIT)
def test_who_asks_for_a_moment_is_waited_for(said: str) -> None:
    assert asks_to_wait(said)


@pytest.mark.parametrize("said", NO_WAIT)
def test_who_says_more_than_that_is_not(said: str) -> None:
    assert not asks_to_wait(said)


@pytest.mark.parametrize("said", ["oh never mind", "Please cancel that.", "forget it", "cancel", "cancel my message"])
def test_a_message_is_withdrawn(said: str) -> None:
    assert withdraws(said)


@pytest.mark.parametrize("said", ["I have to cancel my appointment", "I forgot it at home", "cancel my order please"])
def test_a_message_may_be_that_something_is_cancelled(said: str) -> None:
    assert not withdraws(said)
