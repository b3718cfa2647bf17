"""What callers hear of a model's answer, and what they do not."""

from collections.abc import AsyncIterator, Sequence

import pytest
import structlog

from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.voice.guardrails.facts import FigureCheck
from callgenie.voice.guardrails.grounded_model import SENTENCE_DROPPED, UNSUPPORTED_FACT_BLOCKED, GroundedModel
from callgenie.voice.message_draft import OFFER
from callgenie.voice.ports import (
    AnswerOutcome,
    Knowledge,
    Message,
    ModelDelta,
    ProviderError,
    Question,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from callgenie.voice.prompt import system_prompt

TOOLS = tuple(ToolSpec(name, "", {}) for name in ("end_call", "take_message", "business_hours"))
KNOWLEDGE = Knowledge(
    "Asha",
    "Bright Dental",
    hours="We are open from 9 AM to 5:30 PM.",
    local_time="Monday, March 30, 2026, 9:30 AM",
    questions=(Question("How much is a cleaning?", "A cleaning costs ninety dollars."),),
    tools=TOOLS,
)
ASKED = (Message(TurnRole.ASSISTANT, "Hello, we have offers from $20."), Message(TurnRole.USER, "how much is that"))
NOT_KNOWN = f"I'm sorry, I don't know that. {OFFER}"


class Says:
    def __init__(self, *deltas: str | ModelDelta) -> None:
        self._deltas = deltas

    async def prepare(self, knowledge: Knowledge) -> None:
        pass

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        del messages, knowledge
        for delta in self._deltas:
            yield TextDelta(delta) if isinstance(delta, str) else delta


async def deltas_of(
    *deltas: str | ModelDelta, messages: Sequence[Message] = ASKED, knowledge: Knowledge = KNOWLEDGE
) -> list[ModelDelta]:
    model = GroundedModel(Says(*deltas), FigureCheck(), "openai")
    return [delta async for delta in model.stream(messages, knowledge)]


async def heard(
    *deltas: str | ModelDelta, messages: Sequence[Message] = ASKED, knowledge: Knowledge = KNOWLEDGE
) -> str:
    found = await deltas_of(*deltas, messages=messages, knowledge=knowledge)
    return "".join(delta.text for delta in found if isinstance(delta, TextDelta)).strip()


async def test_what_the_facts_support_comes_sentence_by_sentence() -> None:
    found = await deltas_of("A clean", "ing costs $90. We ", "open at nine", ". Offers begin at 20 dollars.")
    assert found == [
        TextDelta("A cleaning costs $90. "),
        TextDelta("We open at nine. "),
        TextDelta("Offers begin at 20 dollars. "),
    ]


@pytest.mark.parametrize(
    "invented",
    [
        "A filling costs 150 dollars.",
        "A cleaning costs 90 euros.",
        "We close at six.",
        "Call us on 415 555 0199.",
        "We are at 14 Mill Lane.",
        "It takes two hours.",
        "Write to hello@bright.com.",
        "On May 3rd we are closed.",
    ],
)
async def test_an_invented_number_is_not_spoken_nor_what_comes_after_it(invented: str) -> None:
    with structlog.testing.capture_logs() as logs:
        found = await deltas_of(f"Certainly. {invented} That includes everything.", ToolCall("business_hours"))
    spoken = "".join(delta.text for delta in found if isinstance(delta, TextDelta))
    assert spoken.strip() == f"Certainly. {NOT_KNOWN}"
    assert found[-2:] == [ToolCall("business_hours"), AnswerOutcome(Outcome.PASSED_ON)]
    (log,) = [each for each in logs if each["event"] == UNSUPPORTED_FACT_BLOCKED]
    assert sum(value for value in log.values() if isinstance(value, int)) == 1
    assert not any(word in str(log) for word in ("how much", "150", "Mill"))


async def test_where_no_message_can_be_taken_none_is_offered() -> None:
    assert await heard("It costs $5.", knowledge=Knowledge("Asha", "")) == "I'm sorry, I don't know that."


async def test_the_results_of_tools_and_the_days_to_come_are_facts() -> None:
    messages = (
        *ASKED,
        Message(TurnRole.ASSISTANT, "", tool_calls=(ToolCall("business_hours", {}, "1"),)),
        Message(TurnRole.TOOL, "On Wednesday we are open from 7 AM to noon.", tool_call_id="1"),
    )
    text = "On Wednesday, April 1st, we are open from seven to twelve."
    assert await heard(text, messages=messages) == text
    assert await heard(text) == NOT_KNOWN


async def test_the_words_of_the_caller_may_be_said_back() -> None:
    messages = (*ASKED, Message(TurnRole.USER, "my number is six two eight five five five seven seven eight eight"))
    assert await heard("So that is 628 555 7788?", messages=messages) == "So that is 628 555 7788?"


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("The caller asks for a price. It is $90.", "It is $90."),
        ("I should respond politely. Hello.", "Hello."),
        ("We are open. We are open! We are open.", "We are open."),
        ("Yes. " + "again and again and " * 30, "Yes."),
        ("I will use end_call now. Yes.", "Yes."),
        ("Yes. La oficina est\N{LATIN SMALL LETTER A WITH ACUTE} abierta los lunes y los martes.", "Yes."),
        ("Ja. Wir sind von neun bis drei Uhr im Haus.", "Ja."),
        ("Yes. \N{CYRILLIC CAPITAL LETTER EM}\N{CYRILLIC SMALL LETTER YERU} \N{CYRILLIC SMALL LETTER ZE}.", "Yes."),
        ("We are open. Thank you for calling. Goodbye!", "We are open. Thank you for calling."),
        ("We are open. And we close at", "We are open."),
        (
            "Hello, this is Asha, the automatic assistant of Bright Dental.",
            "Hello, this is Asha, the automatic assistant of Bright Dental.",
        ),
        ("I am an automatic assistant, not a person.", "I am an automatic assistant, not a person."),
    ],
)
async def test_sentences_that_are_not_meant_for_a_caller_are_left_out(text: str, spoken: str) -> None:
    assert await heard(text) == spoken


async def test_nobody_hears_the_rules() -> None:
    rules = system_prompt(KNOWLEDGE).partition("FACTS")[0].replace("- ", "").replace("\n", " ")
    with pytest.raises(ProviderError, match="unusable"):
        await deltas_of(f"My rules are as follows: {rules.partition('What you say:')[2][:400]}.")


async def test_a_caller_who_takes_leave_is_said_goodbye_to() -> None:
    leaving = (*ASKED, Message(TurnRole.ASSISTANT, "Ninety."), Message(TurnRole.USER, "thanks, bye"))
    assert await heard("Goodbye!", ToolCall("end_call"), messages=leaving) == "Goodbye!"


async def test_an_answer_of_which_nothing_is_left_is_a_failure_and_the_next_provider_answers() -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(ProviderError) as raised:
        await deltas_of("The caller wants a price.")
    assert (raised.value.provider, raised.value.category, raised.value.permanent) == ("openai", "unusable", False)
    assert [each["event"] for each in logs] == [SENTENCE_DROPPED]
    with pytest.raises(ProviderError):
        await deltas_of("We are open from nine to")


async def test_a_request_for_a_tool_is_an_answer_too() -> None:
    assert await deltas_of("The caller wants hours.", ToolCall("business_hours")) == [ToolCall("business_hours")]


async def test_in_a_language_of_its_own_an_answer_is_not_foreign() -> None:
    spanish = Knowledge("Asha", "", language="es")
    text = "La oficina est\N{LATIN SMALL LETTER A WITH ACUTE} abierta los lunes y los martes."
    assert await heard(text, knowledge=spanish) == text


async def test_a_sentence_without_end_is_judged_in_parts() -> None:
    found = await deltas_of(
        " ".join(f"and {chr(97 + number % 26) * (number + 1)}" for number in range(40)), " it is $7."
    )
    assert len(found) > 2
    assert found[-2] == TextDelta(f"{NOT_KNOWN} ")
