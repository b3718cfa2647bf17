"""Messages and questions by their usual words, and the acts where a model has read them."""

import pytest

from callgenie.understanding.acts import Act
from callgenie.understanding.message_forms import asks_us_to_tell, only_asks_to_leave_message
from callgenie.understanding.person_request import asks_for_person, may_ask_for_person
from callgenie.understanding.question_forms import asks, joined_questions
from callgenie.understanding.utterance import Utterance

TELLS = (
    "Could you tell her I'll be ten minutes late?",
    "could you tell Anna I am late?",
    "let the baker know the oven is on fire",
    "tell Bob that I am late",
    "ask the doctor to call me",
    "please tell my daughter I'm outside",
    "tell Mr Smith the car is ready",
    "let her know I'm running late",
    "remind him about Friday",
    "give her a message that I'm late",
)
TELLS_NOT = (
    "can you tell me if you're open",
    "let me know",
    "tell me the price",
    "could you tell us about it",
    "I asked about parking",
    "ask about the price",
    "do I tell you my name",
)
ASKS = (
    "How much is it",
    "are you open",
    "is there parking",
    "so what time",
    "hello can you help",
    "yes but how much is it",
    "have you got parking",
    "has anyone found my keys",
)
ASKS_NOT = (
    "Could you tell her I'll be ten minutes late?",
    "have a nice day",
    "will do",
    "I am late",
    "the cake is wrong",
    "Anna",
)


def read(text: str, **acts: float) -> Utterance:
    """Return an utterance with the probabilities of some acts, the others being 0."""
    return Utterance(text, {act: acts.get(act.value, 0.0) for act in Act})


@pytest.mark.parametrize("said", TELLS)
def test_who_wants_somebody_told_leaves_a_message_and_asks_nothing(said: str) -> None:
    assert asks_us_to_tell(said)
    assert Utterance(said).is_message()
    assert not asks(said)


@pytest.mark.parametrize("said", TELLS_NOT)
def test_who_wants_to_be_told_does_not(said: str) -> None:
    assert not asks_us_to_tell(said)


@pytest.mark.parametrize("said", ASKS)
def test_a_question_needs_no_mark(said: str) -> None:
    assert asks(said)


@pytest.mark.parametrize("said", ASKS_NOT)
def test_other_words_ask_nothing(said: str) -> None:
    assert not asks(said)


def test_two_questions_may_stand_in_one_sentence() -> None:
    assert joined_questions("is there parking, and how much is it") == ["is there parking", "how much is it"]
    assert joined_questions("salt and vinegar") == ["salt and vinegar"]


def test_the_wish_to_leave_a_message_is_none_yet() -> None:
    assert only_asks_to_leave_message("Can I leave a message?")
    assert only_asks_to_leave_message("yes please I would like to leave one")
    assert not only_asks_to_leave_message("Can you tell her that I left a message?")
    assert not Utterance("Can I leave a message?").is_message()


def test_a_person_is_asked_for_in_the_usual_words() -> None:
    assert asks_for_person("can you put me through to Anna")
    assert not asks_for_person("put me down for Thursday")
    assert may_ask_for_person("(pressed 0)")
    assert Utterance("can I talk to the manager").asks_for_person
    assert not Utterance("Tell the baker I must talk to the manager").asks_for_person


def test_where_a_model_has_read_it_what_is_likely_counts_as_well() -> None:
    assert not Utterance("is Bob about").asks_for_person
    assert read("is Bob about", person=0.9).asks_for_person
    assert not read("is Bob about", person=0.5).asks_for_person
    assert read("I am off then", goodbye=0.9).takes_leave
    assert not read("are you off then", goodbye=0.9).takes_leave
    assert read("opening times tomorrow", hours=0.9).asks
    assert read("Can you put me down for a table on Friday?", book=0.9).is_message()
    assert not read("Can you put me down for a table on Friday?", question=0.9).is_message()


def test_the_usual_words_decide_unless_the_classifier_objects() -> None:
    said = "okay thanks bye"
    assert Utterance(said).by_rule() is not None
    decided = read(said, goodbye=0.3).by_rule()
    assert decided is not None
    assert decided.act is Act.GOODBYE
    assert read(said, question=0.9).by_rule() is None
    wish = read("Could you ask the doctor to call me back?", callback=0.9).by_rule()
    assert wish is not None
    assert wish.act is Act.CALLBACK
    hold = read("hang on", goodbye=0.9).by_rule()
    assert hold is not None
    assert hold.act is Act.WAIT
    assert read("let me find a day for my appointment", book=0.9).by_rule() is None


def test_what_is_about_the_talk_is_no_answer() -> None:
    assert Utterance("Sorry, I didn't catch that").is_about_talk
    assert Utterance("hang on").is_about_talk
    assert not Utterance("tell him I didn't catch that").is_about_talk


@pytest.mark.parametrize("said", ["no", "No thanks", "that's not necessary", "I'm good thanks", "no I will call again"])
def test_an_offer_is_declined(said: str) -> None:
    assert Utterance(said).declines_offer


@pytest.mark.parametrize("said", ["the cake is wrong", "my order is not here", "yes", "tell her I will not come"])
def test_a_complaint_with_a_not_in_it_does_not_decline(said: str) -> None:
    assert not Utterance(said).declines_offer
