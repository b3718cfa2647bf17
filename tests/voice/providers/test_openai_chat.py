"""The chat completions interface: what we ask, what we understand, and how each failure is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.support.serving import serving
from tests.support.vendors.faults import Fault
from tests.support.vendors.hosted import hosted_api, openai_chat
from tests.support.vendors.openai import OpenAi, Reply, refused

from callgenie.kernel.vocabulary import ResponseLength, TurnRole
from callgenie.voice.ports import Knowledge, Message, ModelDelta, ProviderError, TextDelta, ToolCall, ToolSpec
from callgenie.voice.providers.openai_chat import OpenAiChat

KNOWLEDGE = Knowledge("SAATHI", "Bright Dental", hours="We are open from nine to five.")
TAKE_MESSAGE = ToolSpec(
    "take_message",
    "Take a message.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)
TAKES_MESSAGES = Knowledge("SAATHI", "", tools=(TAKE_MESSAGE,))
QUESTION = (Message(TurnRole.USER, "When are you open?"),)


async def answer(
    chat: OpenAiChat, messages: Sequence[Message] = QUESTION, knowledge: Knowledge = KNOWLEDGE
) -> list[ModelDelta]:
    return [delta async for delta in chat.stream(messages, knowledge)]


def text_of(deltas: Sequence[ModelDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def says(text: str, *calls: tuple[str, str]) -> OpenAi:
    return OpenAi(lambda _messages, _tools: Reply(text, calls))


async def failure(chat: OpenAiChat) -> tuple[ProviderError, str]:
    """Return how asking failed, and what had been said until then."""
    said: list[ModelDelta] = []
    with pytest.raises(ProviderError) as raised:
        await _collect(chat, said)
    return raised.value, text_of(said)


async def _collect(chat: OpenAiChat, said: list[ModelDelta]) -> None:
    async for delta in chat.stream(QUESTION, KNOWLEDGE):
        said += [delta]


# What we ask


async def test_the_request_carries_the_prompt_the_talk_and_the_tools() -> None:
    async with openai_chat() as (chat, server):
        messages = (Message(TurnRole.ASSISTANT, "Hello."), Message(TurnRole.USER, "When do you open?"))
        await answer(chat, messages, Knowledge("SAATHI", "Bright Dental", hours="Nine to five.", tools=(TAKE_MESSAGE,)))
    (body,) = server.bodies
    system, *talk = body["messages"]
    assert system["role"] == "system"
    assert "Bright Dental" in system["content"]
    assert talk == [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "When do you open?"}]
    assert [tool["function"]["name"] for tool in body["tools"]] == ["take_message"]
    assert body["tools"][0]["function"]["parameters"]["required"] == ["text"]


async def test_a_shorter_answer_may_cost_fewer_tokens() -> None:
    async with openai_chat() as (chat, server):
        for length in ResponseLength:
            await answer(chat, knowledge=Knowledge("SAATHI", "", response_length=length))
    short, medium, long = [body["max_tokens"] for body in server.bodies]
    assert 0 < short < medium < long < 1_000


async def test_results_of_tools_go_back_under_the_id_of_their_request() -> None:
    call = ToolCall("take_message", {"text": "Grüße"}, "call_7")
    async with openai_chat() as (chat, server):
        await answer(
            chat,
            (
                Message(TurnRole.USER, "Tell her I am late."),
                Message(TurnRole.ASSISTANT, "One moment.", tool_calls=(call,)),
                Message(TurnRole.TOOL, "noted", tool_call_id="call_7"),
            ),
        )
    _, _, asked, told = server.bodies[0]["messages"]
    function = {"name": "take_message", "arguments": '{"text": "Grüße"}'}
    assert asked["tool_calls"] == [{"id": "call_7", "type": "function", "function": function}]
    assert told == {"role": "tool", "content": "noted", "tool_call_id": "call_7"}


async def test_a_request_or_a_result_that_lost_its_other_half_is_left_out() -> None:
    """The vendor refuses such a conversation for good, and each later answer with it."""
    lost = ToolCall("take_message", {}, "call_lost")
    async with openai_chat() as (chat, server):
        await answer(
            chat,
            (
                Message(TurnRole.TOOL, "noted", tool_call_id="call_forgotten"),
                Message(TurnRole.ASSISTANT, "One moment.", tool_calls=(lost,)),
                Message(TurnRole.ASSISTANT, "", tool_calls=(lost,)),
                Message(TurnRole.USER, "When are you open?"),
            ),
        )
    assert server.bodies[0]["messages"][1:] == [
        {"role": "assistant", "content": "One moment."},
        {"role": "user", "content": "When are you open?"},
    ]


# What we understand


async def test_the_answer_comes_sentence_by_sentence() -> None:
    async with openai_chat(says("We open at nine. We close at five. Is that fine?")) as (chat, _):
        deltas = await answer(chat)
    assert deltas == [TextDelta("We open at nine. "), TextDelta("We close at five. "), TextDelta("Is that fine?")]


async def test_what_is_not_meant_for_the_ear_is_removed_before_sentences_are_counted() -> None:
    text = "<think>One. Two. Three.</think>**Sure!** We have *three* options:\n\n- Cut\n- Color"
    async with openai_chat(says(text)) as (chat, _):
        deltas = await answer(chat, knowledge=Knowledge("SAATHI", "", response_length=ResponseLength.SHORT))
    assert text_of(deltas) == "Sure! We have three options: Cut, Color."


async def test_a_call_that_is_written_out_is_made_once_if_its_tool_is_offered() -> None:
    written = '<tool_call>{"name": "take_message", "arguments": {"text": "Late."}}</tool_call> end_call()'
    tools = Knowledge("SAATHI", "", tools=(TAKE_MESSAGE,))
    async with openai_chat(says(f"One moment. {written}", ("take_message", '{"text": "Late."}'))) as (chat, _):
        deltas = await answer(chat, knowledge=tools)
    assert text_of(deltas).strip() == "One moment."
    assert deltas[1:] == [ToolCall("take_message", {"text": "Late."}, "call_0abc")]


async def test_a_model_whose_reasoning_has_only_an_end_is_not_heard_before_it_from_the_next_answer_on() -> None:
    async with openai_chat(says("I have to look. It says nine.</think>At nine.")) as (chat, _):
        await answer(chat)
        assert text_of(await answer(chat)) == "At nine."


async def test_a_model_that_reasoned_once_and_then_answers_plainly_loses_nothing() -> None:
    replies = iter(["Hm.</think>At nine.", "At five. Anything else?"])
    async with openai_chat(OpenAi(lambda _messages, _tools: Reply(next(replies)))) as (chat, _):
        await answer(chat)
        assert text_of(await answer(chat)) == "At five. Anything else?"


async def test_requests_for_tools_come_after_the_text_with_their_arguments_whole() -> None:
    server = says("One moment.", ("take_message", '{"text": "I am late, \\u00fcber"}'), ("end_call", ""))
    async with openai_chat(server) as (chat, _):
        deltas = await answer(chat)
    assert text_of(deltas) == "One moment."
    assert deltas[-2:] == [
        ToolCall("take_message", {"text": "I am late, über"}, "call_0abc"),
        ToolCall("end_call", {}, "call_1abc"),
    ]


@pytest.mark.parametrize("arguments", ["", "null", " null ", "{}", "[]", '{"text": null}'])
async def test_arguments_that_are_nothing_are_none(arguments: str) -> None:
    async with openai_chat(says("", ("take_message", arguments))) as (chat, server):
        assert await answer(chat, knowledge=TAKES_MESSAGES) == [ToolCall("take_message", {}, "call_0abc")]
    assert len(server.bodies) == 1


@pytest.mark.parametrize("arguments", ['{"text": "cut', '["text"]', '"text"', "nonsense"])
async def test_arguments_that_are_no_object_are_asked_for_once_more(arguments: str) -> None:
    replies = iter(
        [Reply("One moment.", (("take_message", arguments),)), Reply("", (("take_message", '{"text": "x"}'),))]
    )
    async with openai_chat(OpenAi(lambda _messages, _tools: next(replies))) as (chat, server):
        deltas = await answer(chat, knowledge=TAKES_MESSAGES)
    assert deltas == [TextDelta("One moment."), ToolCall("take_message", {"text": "x"}, "call_0abc")]
    *_, asked, told = server.bodies[1]["messages"]
    assert (asked["content"], asked["tool_calls"][0]["function"]["arguments"]) == ("One moment.", "{}")
    assert "valid JSON" in told["content"]


async def test_arguments_that_are_no_object_twice_are_garbage_and_no_request() -> None:
    async with openai_chat(says("One moment.", ("take_message", "nonsense"))) as (chat, server):
        error, said = await failure(chat)
    assert (error.category, error.permanent) == ("garbage", False)
    assert said.startswith("One moment.")
    assert len(server.bodies) == 2


async def test_of_fifty_requests_for_tools_the_first_few_are_taken() -> None:
    async with openai_chat(says("One moment.", *[("take_message", "{}")] * 50)) as (chat, _):
        deltas = await answer(chat, knowledge=TAKES_MESSAGES)
    assert 0 < len(deltas[1:]) < 10


async def test_an_answer_that_runs_out_of_tokens_ends_with_its_last_whole_sentence() -> None:
    server = OpenAi(lambda _messages, _tools: Reply("At nine. We close at", finish_reason="length"))
    async with openai_chat(server) as (chat, _):
        assert text_of(await answer(chat)).strip() == "At nine."


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    async with openai_chat(says("very " * 100_000)) as (chat, _):
        assert len(text_of(await answer(chat))) < 30_000


async def test_tools_that_are_not_offered_any_more_are_no_answer() -> None:
    async with openai_chat(says("", ("take_message", "{}"))) as (chat, _):
        assert (await failure(chat))[0].category == "empty"


@pytest.mark.parametrize(("length", "sentences"), [(ResponseLength.SHORT, 2), (ResponseLength.MEDIUM, 4)])
async def test_a_talkative_model_is_cut_at_the_sentences_that_the_owner_wants(
    length: ResponseLength, sentences: int
) -> None:
    async with openai_chat(says("This is one more sentence. " * 30, ("end_call", "{}"))) as (chat, _):
        deltas = await answer(chat, knowledge=Knowledge("SAATHI", "", response_length=length))
    assert text_of(deltas).split() == ("This is one more sentence. " * sentences).split()
    assert isinstance(deltas[-1], ToolCall)


@asynccontextmanager
async def raw(*events: str) -> AsyncIterator[OpenAiChat]:
    """Give a model on a server that sends exactly these events."""

    async def complete(request: Request) -> Response:
        await request.body()
        return Response("".join(events), media_type="text/event-stream")

    app = Starlette(routes=[Route("/chat/completions", complete, methods=["POST"])])
    async with serving(app) as url, hosted_api("chat", url, {}) as api:
        yield OpenAiChat(api, "llama3.2")


def event(choice: dict[str, Any] | None, end: str = "\n\n", **more: Any) -> str:
    chunk = httpx.Response(200, json={"choices": [] if choice is None else [choice], **more})
    return f"data: {chunk.text}{end}"


async def test_other_servers_dialects_are_understood() -> None:
    """CRLF, comments, a count of tokens, line separators in the text, no role, no [DONE], no last empty line."""
    events = (
        ": ready\r\n\r\n",
        event(None, "\r\n\r\n", usage={"total_tokens": 3}),
        event({"index": 0, "delta": {"content": "Nine\N{LINE SEPARATOR}to"}}, "\r\n\r\n"),
        event({"index": 0, "delta": {"content": None}}),
        event({"index": 0, "delta": {"content": " five."}, "finish_reason": "stop"}, "\n"),
    )
    async with raw(*events) as chat:
        assert text_of(await answer(chat)) == "Nine\N{LINE SEPARATOR}to five."


async def test_requests_that_are_all_counted_as_the_first_are_told_apart_by_their_ids() -> None:
    calls = [
        {"index": 0, "id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in ("business_hours", "end_call")
    ]
    events = [event({"index": 0, "delta": {"content": "", "tool_calls": [call]}}) for call in calls]
    async with raw(*events, "data: [DONE]\n\n") as chat:
        deltas = await answer(chat, knowledge=TAKES_MESSAGES)
        assert [delta.name for delta in deltas if isinstance(delta, ToolCall)] == [
            "business_hours",
            "end_call",
        ]


# How each failure is told


@pytest.mark.parametrize(
    ("fault", "category", "permanent"),
    [
        (refused(401, "invalid_api_key"), "unauthorized", True),
        (refused(403, None), "unauthorized", True),
        (refused(429, "rate_limit_exceeded"), "rate_limited", False),
        (refused(429, "insufficient_quota"), "quota_exceeded", True),
        (refused(400, "context_length_exceeded"), "invalid_request", True),
        (refused(500, None), "server_error", False),
        (refused(503, None), "server_error", False),
        (Fault(502, {}), "server_error", False),
        (Fault(302, {}, {"location": "/elsewhere"}), "unexpected_status", True),
        (Fault(garbage=b"<html>Welcome!</html>"), "cut_off", False),
        (Fault(garbage=b"data: {\x00\n\n"), "garbage", False),
        (Fault(garbage=b"data: \xff\xfe\n\n"), "garbage", False),
        (Fault(garbage=b"data: [1, 2]\n\n"), "garbage", False),
        (Fault(garbage=b"data: " + b"[" * 100_000 + b"\n\n"), "garbage", False),
        (Fault(garbage=b"data: " + b"x" * 1_000_000), "garbage", False),
        (Fault(garbage=b'data: {"choices": [{"delta": "Hello"}]}\n\n'), "garbage", False),
        (Fault(garbage=b'data: {"choices": [{"delta": {"tool_calls": [1]}}]}\n\n'), "garbage", False),
        (Fault(garbage=b'data: {"error": {"message": "overloaded"}}\n\n'), "server_error", False),
        (Fault(garbage=b"data: [DONE]\n\n"), "empty", False),
        (Fault(garbage=b""), "cut_off", False),
    ],
    ids=str,
)
async def test_each_failure_has_its_category(fault: Fault, category: str, permanent: bool) -> None:  # noqa: FBT001
    async with openai_chat() as (chat, server):
        server.misfortune.add(fault)
        error, said = await failure(chat)
        assert (error.provider, error.category, error.permanent) == ("openai", category, permanent)
        assert said == ""
        assert text_of(await answer(chat)) == "We are open from nine to five."


async def test_how_long_to_wait_is_passed_on() -> None:
    async with openai_chat() as (chat, server):
        server.misfortune.add(Fault(429, {}, {"retry-after": "20"}), Fault(429, {}, {"retry-after": "Fri, 31 Dec"}))
        assert (await failure(chat))[0].retry_after_seconds == 20
        assert (await failure(chat))[0].retry_after_seconds is None


@pytest.mark.parametrize("key", ["", "sk-wrong"])
async def test_without_the_right_key_there_is_no_answer_and_the_preparation_tells(key: str) -> None:
    async with openai_chat(key=key) as (chat, _):
        assert (await failure(chat))[0].category == "unauthorized"
        with pytest.raises(ProviderError, match="unauthorized"):
            await chat.prepare(KNOWLEDGE)


async def test_a_model_that_there_is_not_is_a_permanent_failure() -> None:
    async with openai_chat(model="gpt-0") as (chat, _):
        error, _ = await failure(chat)
    assert (error.category, error.permanent) == ("not_found", True)


async def test_an_answer_that_is_cut_in_the_middle_is_told_after_what_came() -> None:
    async with openai_chat(says("At nine. Until five.")) as (chat, server):
        server.misfortune.add(Fault(pieces=4))
        error, said = await failure(chat)
    assert (error.category, error.permanent) == ("cut_off", False)
    assert said == "At nine. "


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with hosted_api("openai", "http://127.0.0.1:9/v1", {}) as api:
        error, _ = await failure(OpenAiChat(api, "gpt"))
    assert (error.category, error.permanent) == ("unreachable", False)


async def test_whoever_stops_listening_frees_the_connection() -> None:
    async with openai_chat(says("At nine. Until five.")) as (chat, server):
        server.misfortune.add(Fault(pieces=3, stalls=True))
        said: list[ModelDelta] = []
        listening = asyncio.create_task(_collect(chat, said))
        while not text_of(said).endswith("nine. ") and not listening.done():  # noqa: ASYNC110 -- nothing tells of a delta
            await asyncio.sleep(0.01)
        assert not (await asyncio.wait([listening], timeout=0.3))[0]
        listening.cancel()
        await asyncio.wait([listening])
        assert text_of(said) == "At nine. "
        assert text_of(await answer(chat)) == "At nine. Until five."


# Getting ready


async def test_getting_ready_asks_for_nothing_that_costs_and_a_server_without_a_list_is_no_failure() -> None:
    async with openai_chat() as (chat, server):
        await chat.prepare(KNOWLEDGE)
        assert server.asked == ["/v1/models"]
    async with raw() as bare:
        await bare.prepare(KNOWLEDGE)
