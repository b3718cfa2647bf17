"""Stands in for OpenAI's chat completions: checks requests, and answers in the documented format, streamed or whole.

Source: OpenAI API reference, "Create chat completion", "The chat completion object", "The chat completion chunk
object", and the guide "Error codes".
What it says it finds in the facts of the system prompt by shared words, as a model would by meaning: a prompt without
them is not answered.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.support.vendors.faults import Fault, Misfortune, stream

KEY: Final = "sk-the-key-of-a-test"
MODEL: Final = "gpt-4.1-mini"

_KNOWN_FIELDS: Final = {
    "model",
    "messages",
    "stream",
    "tools",
    "max_tokens",
    "max_completion_tokens",
    "response_format",
}
_IDLE_WORDS: Final = frozenset({"is", "there", "are", "you", "what", "when", "who", "the", "a", "do", "near", "last"})


@dataclass(frozen=True)
class Reply:
    """What the model says, and what it asks for: names of tools and their arguments as the model wrote them.

    Attributes:
        reasoning: Comes before the text, in the field that servers use for it.
        finish_reason: Why the answer ends; by default, because the model is done.
    """

    text: str
    calls: tuple[tuple[str, Any], ...] = ()
    reasoning: str = ""
    finish_reason: str | None = None


Brain = Callable[[Sequence[dict[str, Any]], Sequence[dict[str, Any]]], Reply]


def refused(status: int, code: str | None, message: str = "No.") -> Fault:
    """Return a refusal in OpenAI's words."""
    kind = {401: "invalid_request_error", 429: "rate_limit_error"}.get(status, "server_error")
    return Fault(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})


class OpenAi:
    """The server. `bodies` are the requests for an answer that it took."""

    def __init__(self, brain: Brain | None = None, *, models: Sequence[str] = (MODEL,), key: str | None = KEY) -> None:
        self.misfortune = Misfortune()
        self.bodies: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self._brain = brain or found_in_the_facts
        self._models = models
        self._key = key
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._list_models),
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
            ]
        )

    async def _list_models(self, request: Request) -> Response:
        if refusal := self._checked(request):
            return refusal
        models = [{"id": model, "object": "model", "created": 1, "owned_by": "openai"} for model in self._models]
        return JSONResponse({"object": "list", "data": models})

    async def _complete(self, request: Request) -> Response:
        if refusal := self._checked(request):
            return refusal
        body = await request.json()
        if wrong := self._wrong_with(body):
            return problem(400, None, wrong)
        if body["model"] not in self._models:
            return problem(404, "model_not_found", f"The model `{body['model']}` does not exist.")
        fault = await self.misfortune.befall(request)
        if isinstance(fault, Response):
            return fault
        self.bodies.append(body)
        reply = self._brain(body["messages"], body.get("tools", []))
        if not body.get("stream"):
            return stream(fault, _whole(reply, body["model"]), "application/json")
        return stream(fault, _chunks(reply, body["model"]), "text/event-stream")

    def _checked(self, request: Request) -> Response | None:
        self.asked.append(request.url.path)
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            return problem(401, "invalid_api_key", "Incorrect API key provided.")
        return None

    def _wrong_with(self, body: dict[str, Any]) -> str | None:
        if unknown := set(body) - _KNOWN_FIELDS:
            return f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}"
        if not body.get("messages"):
            return "Missing required parameter: 'messages'."
        if body.get("response_format") == {"type": "json_object"} and "JSON" not in str(body["messages"]):
            return (
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
            )
        return _wrong_with_messages(body["messages"]) or _wrong_with_tools(body.get("tools", []))


def problem(status: int, code: str | None, message: str) -> JSONResponse:
    return JSONResponse(dict(refused(status, code, message).body), status)


def _wrong_with_messages(messages: Sequence[dict[str, Any]]) -> str | None:
    owed: set[str] = set()
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if role not in {"system", "user", "assistant", "tool"} or not isinstance(content, str):
            return "Invalid value in 'messages'."
        if role == "tool":
            if message.get("tool_call_id") not in owed:
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
            owed.remove(message["tool_call_id"])
        elif owed:
            return "An assistant message with 'tool_calls' must be followed by tool messages responding to each."
        for call in message.get("tool_calls", ()):
            if call["type"] != "function" or not isinstance(json.loads(call["function"]["arguments"]), dict):
                return "Invalid value in 'tool_calls'."
            owed.add(call["id"])
    return "Tool messages are missing." if owed else None


def _wrong_with_tools(tools: Sequence[dict[str, Any]]) -> str | None:
    for tool in tools:
        function = tool.get("function", {})
        if tool.get("type") != "function" or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function.get("name", "")):
            return "Invalid value in 'tools'."
        if function.get("parameters", {}).get("type") != "object":
            return "Invalid schema for function."
    return None


async def _whole(reply: Reply, model: str) -> AsyncIterator[bytes]:
    message = {"role": "assistant", "content": reply.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    completion = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice]}
    yield json.dumps(completion).encode()


async def _chunks(reply: Reply, model: str) -> AsyncIterator[bytes]:
    yield _chunk(model, {"role": "assistant", "content": ""})
    if reply.reasoning:
        yield _chunk(model, {"content": None, "reasoning_content": reply.reasoning})
    for word in re.findall(r"\S+\s*", reply.text):
        yield _chunk(model, {"content": word})
    for index, (name, arguments) in enumerate(reply.calls):
        head = {"index": index, "id": f"call_{index}abc", "type": "function"}
        yield _chunk(model, {"tool_calls": [{**head, "function": {"name": name, "arguments": ""}}]})
        whole = (
            [arguments[at : at + 7] for at in range(0, len(arguments), 7)]
            if isinstance(arguments, str)
            else [arguments]
        )
        for piece in whole:
            yield _chunk(model, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield _chunk(model, {}, reply.finish_reason or ("tool_calls" if reply.calls else "stop"))
    yield b"data: [DONE]\n\n"


def _chunk(model: str, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def summed_up(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> Reply:
    """Sum a transcript up in JSON: the caller's last words are what it was about, and a name is what was called one."""
    del tools
    transcript = messages[-1]["content"]
    said = re.findall(r"^Caller: (.*)$", transcript, re.MULTILINE)
    name = re.search(r"[Mm]y name is (\w+)", transcript)
    wish = next((sentence for sentence in re.findall(r"[^.?!]*[.?!]", " ".join(said)) if "need" in sentence), None)
    report = {
        "summary": f"Talked about: {(wish or ' '.join(said)).strip()}",
        "callerName": name and name[1],
        "wish": wish and wish.strip(),
    }
    return Reply(json.dumps(report))


def found_in_the_facts(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> Reply:
    """Answer from the system prompt's facts; say goodbye with `end_call` where that is offered."""
    asked = messages[-1]["content"].lower()
    if "goodbye" in asked:
        offered = any(tool["function"]["name"] == "end_call" for tool in tools)
        return Reply("Thank you for calling. Goodbye.", (("end_call", "{}"),) if offered else ())
    facts = messages[0]["content"].partition("<facts>")[2]
    known = re.findall(r"Question: (.*)\nAnswer: (.*)", facts)
    known += [("opening hours open", hours) for hours in re.findall(r"Opening hours: (.*)", facts)]
    words = set(re.findall(r"\w+", asked)) - _IDLE_WORDS
    for question, answer in known:
        if words & set(re.findall(r"\w+", question.lower())):
            return Reply(answer)
    return Reply("I am sorry, I do not know that. Would you like to leave a message?")
