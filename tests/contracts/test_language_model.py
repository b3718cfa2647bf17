"""What every model promises."""

from collections.abc import AsyncIterator

import pytest
from tests.support.embedded import embedded
from tests.support.vendors.hosted import openai_chat
from tests.support.vendors.openai import OpenAi

from callgenie.kernel.clock import SystemClock
from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.breaker import Breaker
from callgenie.voice.fallback import Candidate, FallbackModel
from callgenie.voice.ports import (
    Knowledge,
    LanguageModel,
    Message,
    ModelDelta,
    Question,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from callgenie.voice.providers.scripted import ScriptedModel

KNOWLEDGE = Knowledge(
    "SAATHI",
    "Bright Dental",
    hours="We are open from nine to five.",
    questions=(Question("Is there parking?", "Yes, behind the house."),),
    tools=(
        ToolSpec("end_call", "Hang up.", {"type": "object", "properties": {}}),
        ToolSpec("take_message", "Keep a message.", {"type": "object", "properties": {"text": {"type": "string"}}}),
    ),
)


@pytest.fixture(params=["faq", "scripted", "openai", "fallback"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[LanguageModel]:
    match request.param:
        case "faq":
            yield embedded().model
        case "scripted":
            yield ScriptedModel({"parking": "Yes, behind the house.", "open": "We are open from nine to five."})
        case "openai":
            async with openai_chat() as (chat, _):
                yield chat
        case "fallback":
            async with openai_chat(OpenAi(key="another")) as (refused, _):
                candidate: Candidate[LanguageModel] = Candidate("openai", refused, Breaker(SystemClock()))
                yield FallbackModel([candidate], embedded().model, patience_ms=30_000)


async def answer(model: LanguageModel, *said: str, knowledge: Knowledge = KNOWLEDGE) -> list[ModelDelta]:
    """Return the answer to a conversation in which we spoke first and the two took turns."""
    roles = [TurnRole.ASSISTANT, TurnRole.USER]
    messages = [Message(roles[at % 2], text) for at, text in enumerate(("Hello, how can I help you?", *said))]
    return [delta async for delta in model.stream(messages, knowledge)]


def text_of(deltas: list[ModelDelta]) -> str:
    return " ".join("".join(delta.text for delta in deltas if isinstance(delta, TextDelta)).split())


async def test_what_is_known_is_answered(model: LanguageModel) -> None:
    await model.prepare(KNOWLEDGE)
    assert text_of(await answer(model, "Is there parking near you?")) == "Yes, behind the house."
    assert text_of(await answer(model, "When are you open?")) == "We are open from nine to five."


async def test_what_is_not_known_is_not_made_up(model: LanguageModel) -> None:
    deltas = await answer(model, "Who won the football game last night?")
    assert any(honest in text_of(deltas) for honest in ("message", "pass your question on", "only help you with"))
    assert not any(isinstance(delta, ToolCall) for delta in deltas)


async def test_a_goodbye_is_returned_and_then_the_call_may_end(model: LanguageModel) -> None:
    deltas = await answer(model, "Okay, thank you. Goodbye.")
    assert text_of(deltas).endswith("Goodbye.")
    assert isinstance(deltas[-1], ToolCall)
    assert (deltas[-1].name, deltas[-1].arguments) == ("end_call", {})


async def test_nothing_to_know_is_no_reason_to_fail(model: LanguageModel) -> None:
    nothing = Knowledge("SAATHI", "")
    await model.prepare(nothing)
    assert text_of(await answer(model, "Do you sell shoes?", knowledge=nothing))


@pytest.mark.parametrize("said", ["", "?!", "\N{PILE OF POO}", "a " * 2_000])
async def test_anything_that_may_be_heard_gets_some_answer(model: LanguageModel, said: str) -> None:
    assert text_of(await answer(model, said))
