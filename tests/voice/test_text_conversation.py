"""A conversation by text: a call's rounds of model and tools, their result, and what is remembered of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from callgenie.kernel.vocabulary import EndedReason, Outcome, TurnRole
from callgenie.voice.guarded import ProviderFailedError
from callgenie.voice.message_draft import OFFER
from callgenie.voice.ports import (
    AnswerOutcome,
    Knowledge,
    Message,
    ModelDelta,
    ProviderError,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from callgenie.voice.text_conversation import Reply, TextConversation
from callgenie.voice.tools import NO_ARGUMENTS, Departure, EndCall, ToolResult

HOURS = ToolCall("business_hours", {"when": "now"}, "h1")


class Prepared:
    """Gives one prepared answer after the other, and notes what it saw; an error among them is raised."""

    def __init__(self, *answers: Sequence[ModelDelta | ProviderError]) -> None:
        self._answers = list(answers)
        self.saw: list[list[Message]] = []

    async def prepare(self, knowledge: Knowledge) -> None:
        pass

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        del knowledge
        self.saw.append(list(messages))
        for delta in self._answers.pop(0):
            if isinstance(delta, ProviderError):
                raise delta
            yield delta


class Hours:
    spec = ToolSpec("business_hours", "", NO_ARGUMENTS)
    has_effect = False

    def __init__(self, result: ToolResult = ToolResult("We are open.")) -> None:  # noqa: B008 - frozen
        self._result = result

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        del arguments, conversation
        return self._result


class Transfer:
    spec = ToolSpec("transfer_call", "", NO_ARGUMENTS)
    has_effect = True

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        del arguments, conversation
        return ToolResult("Connecting.", Departure(EndedReason.TRANSFERRED, "One moment, please."))


def talk(model: Prepared, *, hours: Hours | None = None, messages: Sequence[Message] = ()) -> TextConversation:
    tools = (EndCall("Goodbye."), hours or Hours(), Transfer())
    return TextConversation(model, Knowledge("SAATHI", "Bright Dental"), tools, messages=messages)


def said(text: str) -> TextDelta:
    return TextDelta(text)


@pytest.mark.parametrize("first", [True, False])
async def test_what_the_model_reports_is_the_result_before_or_after_its_words(*, first: bool) -> None:
    report, words = AnswerOutcome(Outcome.ANSWERED, 3, 0.9), [said("Yes, behind "), said("the house. It is free.")]
    model = Prepared([report, *words] if first else [*words, report])
    assert await talk(model).reply("Where can I park?") == Reply(
        "Yes, behind the house. It is free.", Outcome.ANSWERED, 3, 0.9
    )


async def test_a_tool_is_used_its_result_goes_back_to_the_model_and_shows_the_outcome() -> None:
    model = Prepared([said("One moment."), HOURS], [said("We are open now.")], [said("Hello.")])
    conversation = talk(model)
    assert await conversation.reply("Are you open?") == Reply("One moment. We are open now.", Outcome.HOURS, None, 1.0)
    assert model.saw[1] == [
        Message(TurnRole.USER, "Are you open?"),
        Message(TurnRole.ASSISTANT, "One moment.", tool_calls=(HOURS,)),
        Message(TurnRole.TOOL, "We are open.", tool_call_id="h1"),
    ]
    await conversation.reply("Hello?")
    assert model.saw[2] == [
        Message(TurnRole.USER, "Are you open?"),
        Message(TurnRole.ASSISTANT, "", tool_calls=(HOURS,)),
        Message(TurnRole.TOOL, "We are open.", tool_call_id="h1"),
        Message(TurnRole.ASSISTANT, "One moment. We are open now."),
        Message(TurnRole.USER, "Hello?"),
    ]


async def test_a_report_wins_over_the_tool_that_was_used_and_a_failed_tool_shows_nothing() -> None:
    reported = Prepared([HOURS], [AnswerOutcome(Outcome.PASSED_ON, confidence=0.7), said("I do not know.")])
    assert (await talk(reported).reply("Why?")).outcome is Outcome.PASSED_ON
    failed = Prepared([HOURS], [said("Hm.")])
    reply = await talk(failed, hours=Hours(ToolResult.error("Say when."))).reply("When?")
    assert (reply.outcome, reply.confidence) == (Outcome.OTHER, 0.0)


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ([said("Bye."), ToolCall("end_call")], Reply("Bye.", Outcome.GOODBYE, None, 1.0)),
        ([ToolCall("end_call")], Reply("Goodbye.", Outcome.GOODBYE, None, 1.0)),
        ([ToolCall("transfer_call")], Reply("One moment, please.", Outcome.PERSON, None, 1.0)),
        ([said(f"I don't know. {OFFER}")], Reply(f"I don't know. {OFFER}", Outcome.PASSED_ON, None, 1.0)),
        ([said("Indeed.")], Reply("Indeed.", Outcome.OTHER, None, 0.0)),
    ],
)
async def test_without_a_report_the_result_is_what_happened(deltas: list[ModelDelta], expected: Reply) -> None:
    assert await talk(Prepared(deltas)).reply("Bye.") == expected


async def test_an_answer_without_a_word_asks_to_say_it_again() -> None:
    assert "say it again" in (await talk(Prepared([])).reply("Mumble.")).text


async def test_a_model_that_goes_in_circles_has_to_answer_in_the_end() -> None:
    model = Prepared(*[[HOURS]] * 4, [said("Open."), HOURS])
    assert (await talk(model).reply("Are you open?")).text == "Open."
    assert len(model.saw) == 5


async def test_a_failed_answer_leaves_the_conversation_as_it_was() -> None:
    broken = ProviderError("vendor", "server_error", permanent=True)
    model = Prepared([said("Hello.")], [broken], [said("Fine.")])
    conversation = talk(model)
    await conversation.reply("Hello.")
    before = conversation.messages
    with pytest.raises(ProviderFailedError):
        await conversation.reply("How are you?")
    assert conversation.messages == before
    await conversation.reply("And now?")
    assert [message.text for message in model.saw[-1]] == ["Hello.", "Hello.", "And now?"]


async def test_as_much_is_remembered_as_in_a_call_and_never_a_result_without_its_request() -> None:
    exchanges = 14  # of four messages each
    model = Prepared(*[answer for _ in range(exchanges) for answer in ([HOURS], [said("Open.")])], [said("Yes.")])
    conversation = talk(model)
    for _ in range(exchanges):
        await conversation.reply("Are you open?")
    await conversation.reply("Really?")
    assert len(conversation.messages) <= 40
    assert conversation.messages[0].role is not TurnRole.TOOL
    assert conversation.messages[-1].text == "Yes."


async def test_a_conversation_goes_on_from_what_was_said_elsewhere() -> None:
    before = (Message(TurnRole.USER, "Hello."), Message(TurnRole.ASSISTANT, "Hello, how can I help you?"))
    model = Prepared([said("Yes.")])
    await talk(model, messages=before).reply("Is there parking?")
    assert model.saw[0] == [*before, Message(TurnRole.USER, "Is there parking?")]


async def test_a_tool_with_an_effect_that_runs_on_is_not_left_behind() -> None:
    reply = await talk(Prepared([ToolCall("transfer_call")])).reply("A person, please.")
    assert reply.outcome is Outcome.PERSON
    assert asyncio.all_tasks() == {asyncio.current_task()}
