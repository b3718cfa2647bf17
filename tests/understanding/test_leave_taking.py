"""Leave-taking."""

import pytest

from callgenie.understanding.leave_taking import has_nothing_to_add, names_goodbye, takes_leave, without_goodbye

LEAVES = (
    "Okay, goodbye.",
    "That was all, thank you.",
    "That was all",
    "goodbye",
    "Bye.",
    "bye bye",
    "Bye-bye.",
    "Okay, thank you, goodbye.",
    "No, thank you, that's all I wanted to know.",
    "Just tell him that I called, goodbye.",
    "Just tell him that I called goodbye",
    "have a nice day",
    "thanks, have a lovely day",
    "see you tomorrow",
    "see you on Friday then",
    "see you",
    "that's all thanks",
    "that's all for now",
    "nothing else thank you",
    "No that's everything, thank you",
    "goodbye Anna",
    "bye now",
    "thanks bye",
    "Will do, thanks, bye.",
    "talk to you later",
    "take care, bye",
    "okay that will be all",
    "great thanks so much bye have a good one",
    "that's it, thanks",
    "alright bye then",
    "thanks for your help, goodbye",
    "No, that's it, thank you",
    "I'll see you then, bye bye",
    "okay well bye",
)
STAYS = (
    "how much is a haircut, thanks, bye",
    "That's all I know about parking, how much is a haircut",
    "I said goodbye to my hairdresser and need a new one",
    "No, that's all wrong",
    "that's all wrong",
    "Goodbye for now, but when do you open?",
    "Goodbye for now but when do you open",
    "Before I say goodbye, is there parking?",
    "Thank you.",
    "no",
    "How much is that?",
    "I want a goodbye cake",
    "do you sell goodbye cards",
    "that's it",
    "Is that all",
    "I want to say goodbye to my mother with flowers",
    "that's everything I have, and I need a quote",
    "he said bye",
    "have a nice day cream in stock",
    "that's all right",
    "I think that's all right",
    "that's all very well but how much is it",
    "I never got to say goodbye",
    "we had to say goodbye to our dog",
    "the bye week schedule",
    "is that it",
    "I see you have nice cakes",
    "nothing else matters is my song",
    "That's all I need to know is how much it costs",
    "it's all wrong",
    "this is it",
    "I said that's all",
    "She told me that's all you have",
    "please say goodbye to her",
)


@pytest.mark.parametrize("said", LEAVES)
def test_who_says_goodbye_to_us_at_the_end_takes_leave(said: str) -> None:
    assert takes_leave(said)
    assert has_nothing_to_add(said)


@pytest.mark.parametrize("said", STAYS)
def test_who_speaks_of_a_goodbye_or_goes_on_does_not(said: str) -> None:
    assert not takes_leave(said)


def test_who_was_asked_for_more_may_just_say_no() -> None:
    assert has_nothing_to_add("no")
    assert not has_nothing_to_add("no, but where are you?")


def test_a_goodbye_of_whoever_is_found_and_taken_out() -> None:
    assert names_goodbye("Thank you for calling. Goodbye!")
    assert not names_goodbye("We are open until six.")
    assert without_goodbye("I am late, goodbye").split() == ["i", "am", "late"]
