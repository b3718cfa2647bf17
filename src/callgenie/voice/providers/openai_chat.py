"""Answers by a hosted language model over the chat completions interface, streamed, with tools.

OpenAI defined it; Groq, Ollama, vLLM, llama.cpp and others speak it, too.
Source: OpenAI API reference, "Create chat completion" and "The chat completion chunk object".
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.model_output.cleaner import ModelOutputCleaner
from callgenie.voice.ports import Knowledge, Message, ModelDelta, ProviderError, TextDelta, ToolCall
from callgenie.voice.prompt import TOKENS_MAX, system_prompt
from callgenie.voice.providers.hosted_api import HostedApi
from callgenie.voice.providers.openai_messages import CallsInProgress, MalformedCallError, as_chat, as_tools
from callgenie.voice.providers.server_sent_events import NoEventStreamError, data_of
from callgenie.voice.sentences import SENTENCES_MAX, SentenceLimit

_DONE: Final = "[DONE]"

# The reason of an answer that ran into its number of tokens, in the middle of a sentence most of the time.
_TOO_LONG: Final = "length"

# Some twenty minutes of speech, or a very long way of reasoning.
_CHARACTERS_MAX: Final = 20_000

_UNREADABLE: Final = "Error: The arguments are not a valid JSON object. Send the call again with valid JSON."

# What a server without a list of models says to being asked for it; it may answer all the same.
_NO_LIST: Final = frozenset({"not_found", "unexpected_status", "invalid_request"})


class OpenAiChat:
    """One model of one server; serves all calls.

    Args:
        api: The server; `base_url` ends where `/chat/completions` begins.
        model: What the server calls the model.
        tokens_field: How the server wants to be told the longest answer. OpenAI's newer models know
            `max_completion_tokens` only, most other servers `max_tokens`.
    """

    def __init__(self, api: HostedApi, model: str, *, tokens_field: str = "max_tokens") -> None:
        self._api = api
        self._model = model
        self._tokens_field = tokens_field
        self._reasons_unmarked = False

    async def prepare(self, knowledge: Knowledge) -> None:
        """Open the connection, and find out whether the key is taken, by a question that costs nothing.

        Raises:
            ProviderError: The server cannot be reached or does not know us.
        """
        del knowledge
        try:
            async with self._api.answer("GET", "/models") as response:
                await response.aread()
        except ProviderError as error:
            if error.category not in _NO_LIST:
                raise

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield the answer to the last message, cut to the sentences that the owner wants, and then what is asked for.

        The text is free of all that is not meant to be spoken. Tool calls of which the arguments cannot be read are
        asked for once more.

        Raises:
            ProviderError: There is none, it broke off, or it makes no sense.
        """
        limit = SentenceLimit(SENTENCES_MAX[knowledge.response_length])
        asked, wanted, said = list(messages), list[ToolCall](), ""
        for is_last in (False, True):
            answer = _Answer(knowledge, is_in_doubt=self._reasons_unmarked)
            async with aclosing(self._texts(asked, knowledge, answer)) as texts:
                async for text in texts:
                    if spoken := limit.push(text):
                        said += spoken
                        yield TextDelta(spoken)
            self._reasons_unmarked = answer.cleaner.reasoned_unmarked
            calls, unreadable = answer.calls()
            wanted += calls
            if not unreadable:
                break
            if is_last:
                raise self._api.failure("garbage")
            asked.append(Message(TurnRole.ASSISTANT, said, tool_calls=tuple(unreadable)))
            asked += [Message(TurnRole.TOOL, _UNREADABLE, tool_call_id=call.id) for call in unreadable]
        if not said.strip() and not (wanted and knowledge.tools):
            raise self._api.failure("empty")
        for call in wanted:
            yield call

    async def _texts(self, messages: Sequence[Message], knowledge: Knowledge, answer: "_Answer") -> AsyncGenerator[str]:
        """Yield what may be spoken of one answer, and gather in `answer` what it asks for.

        Raises:
            ProviderError: There is none, it broke off, or it is not in the interface's form.
        """
        try:
            async with (
                self._api.answer("POST", "/chat/completions", json=self._body(messages, knowledge)) as response,
                aclosing(data_of(response.aiter_bytes())) as events,
            ):
                async for data in events:
                    if data == _DONE:
                        answer.reason = answer.reason or "stop"
                        break
                    delta, reason = self._read(data)
                    answer.reason = answer.reason or reason
                    answer.requests.add(delta.get("tool_calls"))
                    if text := answer.push(_text_of(delta)):
                        yield text
                    if answer.is_too_long:
                        answer.reason = _TOO_LONG
                        break
        except (NoEventStreamError, MalformedCallError) as error:
            raise self._api.failure("garbage") from error
        if answer.reason is None:
            raise self._api.failure("cut_off")
        if text := answer.cleaner.flush(is_cut=answer.reason == _TOO_LONG):
            yield text

    def _body(self, messages: Sequence[Message], knowledge: Knowledge) -> dict[str, Any]:
        system = {"role": "system", "content": system_prompt(knowledge)}
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [system, *as_chat(messages)],
            "stream": True,
            self._tokens_field: TOKENS_MAX[knowledge.response_length],
        }
        if knowledge.tools:
            body["tools"] = as_tools(knowledge.tools)
        return body

    def _read(self, data: str) -> tuple[dict[str, Any], str | None]:
        """Return what one chunk adds to the answer, and why the answer ends, if this is the last one that does."""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._api.failure("garbage") from error
        if not isinstance(chunk, dict):
            raise self._api.failure("garbage")
        if chunk.get("error"):
            # The status was sent before the model failed, so the failure comes as an event.
            raise self._api.failure("server_error")
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not choice:
            return {}, None  # such as the chunk that only counts tokens
        if not isinstance(delta, dict):
            raise self._api.failure("garbage")
        reason = choice.get("finish_reason")
        return delta, None if reason is None else str(reason)


class _Answer:
    """One answer as it is read.

    Attributes:
        reason: Why it ended, in the interface's words; None until then.
    """

    def __init__(self, knowledge: Knowledge, *, is_in_doubt: bool) -> None:
        offered = [tool.name for tool in knowledge.tools]
        self.cleaner = ModelOutputCleaner(offered, knowledge.assistant_name, is_in_doubt)
        self.requests = CallsInProgress()
        self.reason: str | None = None
        self._characters = 0

    @property
    def is_too_long(self) -> bool:
        """Whether nobody can want more of it; some servers do not heed the number of tokens that they are told."""
        return self._characters > _CHARACTERS_MAX

    def push(self, text: str) -> str:
        """Take the next text; return what may be spoken by now."""
        self._characters += len(text)
        return self.cleaner.push(text)

    def calls(self) -> tuple[list[ToolCall], list[ToolCall]]:
        """Return the tool calls, those within the text too, and those of which the arguments cannot be read."""
        calls, unreadable = self.requests.whole()
        for number, written in enumerate(self.cleaner.calls):
            if all((call.name, call.arguments) != (written.name, written.arguments) for call in calls):
                calls.append(ToolCall(written.name, written.arguments, f"call_text_{number}"))
        return calls, unreadable


def _text_of(delta: dict[str, Any]) -> str:
    """Return a delta's text. What `reasoning_content` and its like hold is not for the caller."""
    content = delta.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join([part for part in parts if isinstance(part, str)])
    return content if isinstance(content, str) else ""
