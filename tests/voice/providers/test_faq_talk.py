"""What the embedded model makes of what callers say of the talk itself: no, pardon, never mind, goodbye."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from tests.support.embedded import embedded

from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.voice.courtesies import ALL_RIGHT, MAY_DIFFER
from callgenie.voice.message_draft import ASK_MESSAGE, OFFER, PASS_ON
from callgenie.voice.ports import AnswerOutcome, Knowledge, Message, ModelDelta, Question, TextDelta, ToolCall, ToolSpec

PARKING = "Yes, there is free parking behind the building."
UNKNOWN = f"I'm sorry, I don't know that. {PASS_ON}"
MESSAGES = ToolSpec("take_message", "", {})
CALENDAR = ToolSpec("business_hours", "", {})
KNOWLEDGE = Knowledge(
    "SAATHI",
    "Bright Dental",
    hours="We are open Monday to Friday from nine to five thirty, and closed at the weekend.",
    today=date(2026, 12, 2),
    questions=(
        Question("Is there parking?", PARKING),
        Question("Do you treat children?", "Yes, we treat children from the age of three."),
        Question("Do you offer teeth whitening?", "Whitening takes one hour."),
    ),
    tools=(MESSAGES,),
)


def text_of(deltas: Sequence[ModelDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def deltas_for(said: str, knowledge: Knowledge, results: dict[str, str] | None = None) -> list[ModelDelta]:
    """Return what is answered, but for the outcome; tools answer with their `results`."""
    messages = [Message(TurnRole.USER, said)]
    deltas = [delta async for delta in embedded().model.stream(messages, knowledge)]
    calls = tuple(delta for delta in deltas if isinstance(delta, ToolCall))
    if calls and results is not None:
        messages += [Message(TurnRole.ASSISTANT, "", tool_calls=calls), Message(TurnRole.TOOL, results[calls[0].name])]
        deltas = [delta async for delta in embedded().model.stream(messages, knowledge)]
    return [delta for delta in deltas if not isinstance(delta, AnswerOutcome)]


async def outcome_of(*said: str, first: str = "Hello.", knowledge: Knowledge = KNOWLEDGE) -> tuple[str, Outcome]:
    """Return the last of several answers, and its outcome."""
    messages = [Message(TurnRole.ASSISTANT, first)]
    deltas: list[ModelDelta] = []
    for text in said:
        messages.append(Message(TurnRole.USER, text))
        deltas = [delta async for delta in embedded().model.stream(messages, knowledge)]
        messages.append(Message(TurnRole.ASSISTANT, text_of(deltas)))
    (outcome,) = [delta.outcome for delta in deltas if isinstance(delta, AnswerOutcome)]
    return text_of(deltas), outcome


@pytest.mark.parametrize("said", ["No.", "No thanks.", "I'm good, thanks", "never mind"])
@pytest.mark.parametrize("offer", [OFFER, PASS_ON])
async def test_who_declines_an_offer_leaves_no_message(offer: str, said: str) -> None:
    assert await outcome_of(said, first=offer) == (ALL_RIGHT, Outcome.OTHER)


@pytest.mark.parametrize("said", ["No.", "No thanks."])
async def test_who_means_something_else_is_offered_to_have_it_passed_on(said: str) -> None:
    messages = [
        Message(TurnRole.USER, "what about whitening for smokers"),
        Message(TurnRole.ASSISTANT, "Do you mean: do you offer teeth whitening?"),
        Message(TurnRole.USER, said),
    ]
    deltas = [delta async for delta in embedded().model.stream(messages, KNOWLEDGE)]
    assert deltas == [TextDelta(UNKNOWN), AnswerOutcome(Outcome.PASSED_ON, None, 1.0)]
    messages += [Message(TurnRole.ASSISTANT, UNKNOWN), Message(TurnRole.USER, said)]
    deltas = [delta async for delta in embedded().model.stream(messages, KNOWLEDGE)]
    assert deltas == [TextDelta(ALL_RIGHT), AnswerOutcome(Outcome.OTHER)]


async def test_who_did_not_hear_our_offer_has_left_no_message_yet() -> None:
    assert await outcome_of("Sorry, I didn't catch that", first=PASS_ON) == (PASS_ON, Outcome.COURTESY)
    assert await outcome_of("Yes please", first=OFFER) == (f"Of course. {ASK_MESSAGE}", Outcome.MESSAGE)


async def test_what_we_do_not_understand_is_never_answered_twice_in_the_same_words() -> None:
    asked = ("Do you sell car tires?", "Do you sell motor oil?", "Do you sell brake pads?")
    answers = [(await outcome_of(*asked[: number + 1]))[0] for number in range(len(asked))]
    assert answers[0] == answers[2] == UNKNOWN
    sentences = [set(answer.split(". ")) for answer in answers]
    assert sentences[0].isdisjoint(sentences[1])


async def test_an_offer_in_other_words_is_accepted_as_well() -> None:
    said = ("Do you sell car tires?", "Do you sell motor oil?", "Yes, please.", "Anna Miller", "555 201 4433")
    answer, _ = await outcome_of(*said)
    assert answer.startswith("I will pass on: Do you sell motor oil. From Anna Miller."), answer


async def test_what_was_asked_back_about_is_not_asked_back_about_again() -> None:
    asked_back = "Do you mean: do you offer teeth whitening?"
    for said in ("what about whitening for smokers", "whitening if I smoke"):
        assert (await outcome_of(said, first=asked_back))[0] != asked_back


async def test_who_wants_our_words_again_hears_them_again() -> None:
    assert await outcome_of("Sorry, I didn't catch that", first=PARKING) == (PARKING, Outcome.COURTESY)


async def test_could_you_tell_her_is_a_message() -> None:
    answer, outcome = await outcome_of("Could you tell her I'll be ten minutes late?")
    assert answer.endswith("May I have your name, please?")
    assert outcome is Outcome.MESSAGE


async def test_words_of_a_goodbye_in_a_question_or_a_story_end_no_call() -> None:
    price = replace(KNOWLEDGE, questions=(*KNOWLEDGE.questions, Question("How much is a haircut?", "Forty dollars.")))
    asked = "That's all I know about parking, how much is a haircut"
    assert await outcome_of(asked, knowledge=price) == ("Forty dollars.", Outcome.ANSWERED)
    for said in ("I said goodbye to my hairdresser and need a new one", "No, that's all wrong"):
        assert (await outcome_of(said))[1] is not Outcome.GOODBYE


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("Is anyone there on Boxing Day", "Boxing Day"),
        ("do you work Easter Monday", "Easter Monday"),
        ("are you in on Good Friday", "Good Friday"),
        ("will someone be there New Year's Eve", "New Year's Eve"),
        ("anybody around this weekend", "this weekend"),
    ],
)
async def test_who_asks_if_anybody_is_there_on_a_day_is_answered_by_the_calendar(said: str, when: str) -> None:
    knowledge = replace(KNOWLEDGE, tools=(CALENDAR, MESSAGES))
    assert await deltas_for(said, knowledge) == [ToolCall("business_hours", {"when": when})]
    results = {"business_hours": "On that day we are closed."}
    assert text_of(await deltas_for(said, knowledge, results)) == "On that day we are closed."


async def test_hours_that_may_differ_come_with_the_offer_to_pass_the_question_on() -> None:
    knowledge = replace(KNOWLEDGE, tools=(CALENDAR, MESSAGES))
    results = {"business_hours": f"On Boxing Day, Saturday, December 26, we are usually open. {MAY_DIFFER}"}
    answer = text_of(await deltas_for("Are you open on Boxing Day?", knowledge, results))
    assert answer == f"{results['business_hours']} {PASS_ON}"
    without = replace(knowledge, tools=(CALENDAR,))
    answer = text_of(await deltas_for("Are you open on Boxing Day?", without, results))
    assert answer == results["business_hours"]
