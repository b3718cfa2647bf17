from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from tests.support.embedded import embedded

from callgenie.kernel.vocabulary import ResponseLength, TurnRole
from callgenie.voice.ports import AnswerOutcome, Knowledge, Message, ModelDelta, Question, TextDelta, ToolCall, ToolSpec

INSURANCE = "Yes, we work with most plans, among them Blue Cross, Aetna and Delta Dental."
PRICE = "A first visit with an examination and X-rays is one hundred and twenty dollars."
PLACE = "We are at 12 Main Street, next to the public library."
PARKING = "Yes, there is free parking behind the building."
CHILDREN = "Yes, we treat children from the age of three."
WHITENING = "Whitening takes one hour. It costs two hundred dollars. It lasts a year. It does not hurt. Ask us."
HOURS = "We are open Monday to Friday from nine to five thirty, and closed at the weekend."
KNOWLEDGE = Knowledge(
    "SAATHI",
    "Bright Dental",
    hours=HOURS,
    today=date(2026, 12, 2),
    questions=(
        Question("Do you take insurance?", INSURANCE),
        Question("How much is a first visit?", PRICE),
        Question("Where are you located?", PLACE),
        Question("Is there parking?", PARKING),
        Question("Do you treat children?", CHILDREN),
        Question("Do you offer teeth whitening?", WHITENING),
    ),
    tools=(ToolSpec("take_message", "", {}),),
)

PARAPHRASES = {
    "Is my dental insurance accepted with you?": INSURANCE,
    "Do you work with Aetna?": INSURANCE,
    "I have Blue Cross, is that okay?": INSURANCE,
    "Which insurances do you accept?": INSURANCE,
    "What would I pay for a check up if I'm new?": PRICE,
    "What does the initial appointment cost?": PRICE,
    "How expensive is it to see you for the first time?": PRICE,
    "What's your address?": PLACE,
    "Where can I find you?": PLACE,
    "What street are you on?": PLACE,
    "Where do I park?": PARKING,
    "Can I leave my car somewhere?": PARKING,
    "I'm coming by car, is there a garage?": PARKING,
    "Is it easy to park?": PARKING,
    "Do you see kids?": CHILDREN,
    "My son is five, can he be seen by you?": CHILDREN,
    "Can I bring my daughter?": CHILDREN,
    "Can you make my teeth whiter?": WHITENING,
    "How much for whitening?": WHITENING,
    "Do you do bleaching?": WHITENING,
    "When do you open on Saturday?": HOURS,
    "What time do you close today?": HOURS,
    "Are you open on Sunday?": HOURS,
    "Till when can I come by?": HOURS,
}

ABOUT_OTHER_THINGS = (
    "Do you sell car tires?",
    "What is the capital of France?",
    "Can you tell me a joke?",
    "I'd like to order a pizza.",
    "Who won the football game last night?",
    "Is Doctor Miller still working there?",
    "Do you have any job openings?",
    "What's the weather like tomorrow?",
    "Do you repair phones?",
    "What is your email address?",
    "Do you speak Spanish?",
    "Can I get a refund?",
)

OFFER = "Would you like to leave a message?"
PASS_ON = "Shall I pass your question on to the team?"
UNKNOWN = f"I'm sorry, I don't know that. {PASS_ON}"
ASKED_FOR_IT = "Of course. Please tell me your message, with your name and your number."
NOBODY = f"I'm sorry, nobody can come to the telephone right now. {OFFER}"
ELSE = "Is there anything else I can help you with?"
MESSAGES = ToolSpec("take_message", "", {})
CALENDAR = ToolSpec("business_hours", "", {})
TRANSFER = ToolSpec("transfer_call", "", {})


async def ask(said: str, *, before: str = "Hello.", knowledge: Knowledge = KNOWLEDGE) -> tuple[str, bool]:
    """Return what is answered, and whether the call is to end."""
    messages = [Message(TurnRole.ASSISTANT, before), Message(TurnRole.USER, said)]
    deltas = [delta async for delta in embedded().model.stream(messages, knowledge)]
    return "".join(d.text for d in deltas if isinstance(d, TextDelta)), ToolCall("end_call") in deltas


def shortened(answer: str) -> str:
    return " ".join(answer.split(". ")[:4]).replace(".", "")


FACTS = {shortened(fact) for fact in (INSURANCE, PRICE, PLACE, PARKING, CHILDREN, WHITENING, HOURS)}


async def test_of_24_ways_to_ask_none_is_told_another_fact_and_most_are_told_or_asked_back_about() -> None:
    wrong, unknown = [], []
    for asked, expected in PARAPHRASES.items():
        answer, _ = await ask(asked)
        if shortened(answer) in FACTS - {shortened(expected)}:
            wrong.append((asked, answer))
        elif shortened(answer) != shortened(expected) and not answer.startswith("Do you mean:"):
            unknown.append(asked)
    assert not wrong
    assert len(unknown) <= 6, unknown


async def test_no_question_about_other_things_is_told_a_fact() -> None:
    answers = {asked: (await ask(asked))[0] for asked in ABOUT_OTHER_THINGS}
    assert not [asked for asked, answer in answers.items() if shortened(answer) in FACTS], answers


async def test_two_questions_at_once_get_two_answers() -> None:
    answer, _ = await ask("Do you take Blue Cross insurance, and how much is a first visit?")
    assert answer == f"{INSURANCE} {PRICE}"
    answer, _ = await ask("What time do you open? And is there parking?")
    assert answer == f"{HOURS} {PARKING}"


async def test_one_question_asked_twice_is_answered_once() -> None:
    assert (await ask("Is there parking? I mean, where do I park?"))[0] == PARKING


@pytest.mark.parametrize(("name", "answer"), [("Anna", "Hello, and welcome back."), ("", "Hello.")])
async def test_a_caller_who_is_known_is_welcomed_back_and_not_by_name(name: str, answer: str) -> None:
    known = replace(KNOWLEDGE, caller_name=name, memory="Monday: asked for cakes.")
    model = embedded().model
    deltas = model.stream([Message(TurnRole.USER, "Hello?")], known)
    said = "".join([delta.text async for delta in deltas if isinstance(delta, TextDelta)])
    assert said == f"{answer} How can I help you?"


async def test_pleasantries_around_a_question_do_not_get_in_its_way() -> None:
    assert (await ask("Hi there, good morning. When do you open on Saturday? Thank you."))[0] == HOURS


@pytest.mark.parametrize(
    ("length", "sentences"), [(ResponseLength.SHORT, 2), (ResponseLength.MEDIUM, 4), (ResponseLength.LONG, 5)]
)
async def test_an_answer_is_as_long_as_the_owner_wants(length: ResponseLength, sentences: int) -> None:
    knowledge = Knowledge("SAATHI", "", questions=KNOWLEDGE.questions, response_length=length)
    answer, _ = await ask("Do you offer teeth whitening?", knowledge=knowledge)
    assert WHITENING.startswith(answer)
    assert answer.count(".") == sentences


async def test_the_assistant_knows_its_name_and_the_company() -> None:
    assert (await ask("Who am I speaking to?"))[0] == (
        "This is SAATHI, the automatic assistant of Bright Dental. How can I help you?"
    )


async def test_a_question_that_is_passed_on_is_the_message_in_the_callers_words() -> None:
    said = ("Do you sell car tires?", "Yes, please.", "Anna Miller", "555 201 4433")
    answer = text_of(await deltas_for(*said, knowledge=KNOWLEDGE))
    assert answer.startswith("I will pass on: Do you sell car tires. From Anna Miller."), answer


async def test_a_question_that_was_asked_back_about_is_told_on_yes_and_passed_on_on_no() -> None:
    asking = [
        Message(TurnRole.USER, "what about whitening for smokers"),
        Message(TurnRole.ASSISTANT, "Do you mean: do you offer teeth whitening?"),
    ]

    async def then(*said: Message) -> str:
        return text_of([delta async for delta in embedded().model.stream([*asking, *said], KNOWLEDGE)])

    assert WHITENING.startswith(await then(Message(TurnRole.USER, "Yes.")))
    assert await then(Message(TurnRole.USER, "No.")) == UNKNOWN
    offered = (
        Message(TurnRole.USER, "No."),
        Message(TurnRole.ASSISTANT, UNKNOWN),
        Message(TurnRole.USER, "Yes please"),
    )
    named = (Message(TurnRole.ASSISTANT, await then(*offered)), Message(TurnRole.USER, "Anna, 555 201 4433"))
    assert "what about whitening for smokers" in await then(*offered, *named)


@pytest.mark.parametrize(
    "wish",
    [
        "Could you put me down for Thursday at three?",
        "I have to cancel my appointment tomorrow",
        "um I'd like to book a cleaning for next week",
    ],
)
async def test_a_wish_is_taken_in_with_the_callers_sentence_and_never_answered_with_a_fact(wish: str) -> None:
    answer, _ = await ask(wish)
    assert answer.endswith("pass it on. May I have your name, please?"), answer


@pytest.mark.parametrize(
    "hours",
    ["On Sunday we are closed, and open again on Monday at 9 AM.", "No, on Friday we are open from 9 AM to 5:30 PM."],
)
async def test_who_wants_to_come_while_we_are_closed_is_told_so_first(hours: str) -> None:
    knowledge = replace(KNOWLEDGE, tools=(CALENDAR, MESSAGES))
    for wish in ("Could you put me down for Sunday at three?", "I'd like to book a cleaning for next Friday evening"):
        told = await deltas_for(wish, knowledge=knowledge, results={"business_hours": hours})
        assert told == [TextDelta(f"{hours} {OFFER}")]


async def test_who_wants_to_come_while_we_are_open_has_the_wish_passed_on() -> None:
    knowledge = replace(KNOWLEDGE, tools=(CALENDAR, MESSAGES))
    hours = {"business_hours": "Yes, on Friday we are open from 9 AM to 5:30 PM."}
    told = text_of(await deltas_for("Could you put me down for Friday at three?", knowledge=knowledge, results=hours))
    assert told.endswith("pass it on. May I have your name, please?")


async def test_the_owners_instructions_change_no_answer() -> None:
    told = replace(KNOWLEDGE, instructions="Say that parking costs ten pounds. Answer every question with: no comment.")
    for asked in ("Is there parking?", "Do you sell car tires?", "Can I speak to a person?"):
        assert await ask(asked, knowledge=told) == await ask(asked)


async def test_closed_hours_that_nobody_has_told_are_not_made_up() -> None:
    answer, _ = await ask("When are you open?", knowledge=Knowledge("SAATHI", "Bright Dental", tools=(MESSAGES,)))
    assert answer == UNKNOWN


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Hello?", "Hello. How can I help you?"),
        ("Thank you very much.", "You're welcome. Is there anything else I can help you with?"),
        ("Okay.", "Please go ahead."),
        ("Can I speak to a person?", NOBODY),
        (
            "Could you ask the doctor to call me back?",
            "Of course, I will ask the team to call you back. May I have your name, please?",
        ),
        ("Can I leave a message?", ASKED_FOR_IT),
    ],
)
async def test_manners(said: str, answer: str) -> None:
    assert await ask(said) == (answer, False)


@pytest.mark.parametrize(
    ("before", "said", "answer"),
    [
        (OFFER, "Yes, please.", ASKED_FOR_IT),
        (OFFER, "No, thanks.", f"All right. {ELSE}"),
        (OFFER, "Is there parking?", PARKING),
        (PASS_ON, "No, thanks.", f"All right. {ELSE}"),
        (PASS_ON, "Is there parking?", PARKING),
        (OFFER, "Please tell her that Anna called.", "May I have your name, please?"),
    ],
)
async def test_an_offer_to_take_a_message_is_accepted_declined_or_passed_over(
    before: str, said: str, answer: str
) -> None:
    assert await ask(said, before=before) == (answer, False)


async def deltas_for(*said: str, knowledge: Knowledge, results: dict[str, str] | None = None) -> list[ModelDelta]:
    """Return what follows the last of several utterances, but for the outcome; tools answer with their `results`."""
    messages = [Message(TurnRole.ASSISTANT, "Hello.")]
    deltas: list[ModelDelta] = []
    for text in said:
        messages.append(Message(TurnRole.USER, text))
        deltas = [delta async for delta in embedded().model.stream(messages, knowledge)]
        calls = tuple(delta for delta in deltas if isinstance(delta, ToolCall))
        if calls and results is not None:
            messages += [
                Message(TurnRole.ASSISTANT, "", tool_calls=calls),
                Message(TurnRole.TOOL, results[calls[0].name]),
            ]
            deltas = [delta async for delta in embedded().model.stream(messages, knowledge)]
        messages.append(Message(TurnRole.ASSISTANT, text_of(deltas)))
    return [delta for delta in deltas if not isinstance(delta, AnswerOutcome)]


def text_of(deltas: Sequence[ModelDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("Are you open now?", "now"),
        ("Are you open tomorrow?", "tomorrow"),
        ("When do you open on Saturday?", "Saturday"),
        ("Are you open at Christmas?", "at Christmas"),
        ("Do you close on the 3rd of May?", "the 3rd of May"),
        ("Are you still open after six on Thursday?", "after six on Thursday"),
        ("What time do you close today?", "today"),
    ],
)
async def test_a_question_about_a_day_looks_into_the_calendar(said: str, when: str) -> None:
    knowledge = replace(KNOWLEDGE, tools=(CALENDAR,))
    assert await deltas_for(said, knowledge=knowledge) == [ToolCall("business_hours", {"when": when})]
    results = {"business_hours": "On that day we are closed."}
    answer = await deltas_for(said, knowledge=knowledge, results=results)
    assert text_of(answer) == "On that day we are closed."


async def test_without_a_day_or_without_a_calendar_the_hours_are_told() -> None:
    knowledge = replace(KNOWLEDGE, tools=(CALENDAR,))
    assert text_of(await deltas_for("When are you open?", knowledge=knowledge)) == HOURS
    failed = {"business_hours": "Error: It cannot be done right now."}
    assert text_of(await deltas_for("Are you open tomorrow?", knowledge=knowledge, results=failed)) == HOURS
    assert text_of(await deltas_for("Are you open tomorrow?", knowledge=KNOWLEDGE)) == HOURS


async def test_a_day_and_something_else_get_two_answers() -> None:
    results = {"business_hours": "Tomorrow we are closed."}
    knowledge = replace(KNOWLEDGE, tools=(CALENDAR,))
    answer = await deltas_for("Are you open tomorrow, and is there parking?", knowledge=knowledge, results=results)
    assert text_of(answer) == f"Tomorrow we are closed. {PARKING}"


async def test_a_person_is_offered_where_there_is_one_and_a_message_where_not() -> None:
    wish = "Can I speak to a human being?"
    with_person = replace(KNOWLEDGE, tools=(MESSAGES, TRANSFER))
    assert await deltas_for(wish, knowledge=with_person) == [ToolCall("transfer_call")]
    failed = {"transfer_call": "Error: Nobody can be reached now."}
    assert text_of(await deltas_for(wish, knowledge=with_person, results=failed)) == NOBODY
    without = replace(KNOWLEDGE, tools=())
    assert OFFER not in text_of(await deltas_for(wish, knowledge=without))


async def test_who_was_told_that_nobody_is_there_may_leave_a_message_in_the_first_words() -> None:
    closed = replace(KNOWLEDGE, after_hours=True)
    said = "I have broken a tooth and it hurts a lot."
    assert text_of(await deltas_for(said, knowledge=closed)) == "May I have your name, please?"
    assert text_of(await deltas_for("Is there parking?", knowledge=closed)) == PARKING
    assert text_of(await deltas_for("Do you sell car tires?", knowledge=closed)) == UNKNOWN


@pytest.mark.parametrize(
    ("before", "said", "leaves"),
    [
        ("Hello.", "Okay, thank you, goodbye.", True),
        ("Hello.", "No, thank you, that's all I wanted to know.", True),
        ("Hello.", "Bye-bye.", True),
        (ELSE, "No.", True),
        (ELSE, "No, but what are your opening hours?", False),
        ("Hello.", "Before I say goodbye, is there parking?", False),
        ("Hello.", "No.", False),
    ],
)
async def test_the_call_ends_when_the_caller_has_said_so(before: str, said: str, leaves: bool) -> None:  # noqa: FBT001 - a column
    answer, left = await ask(said, before=before)
    assert left is leaves
    assert answer.endswith("Thank you for calling Bright Dental. Goodbye.") is leaves
