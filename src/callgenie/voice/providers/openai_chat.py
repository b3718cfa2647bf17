"""Answers by a hosted language model over the chat completions interface, streamed, with tools.

OpenAI defined it; Groq, Ollama, vLLM, llama.cpp and others speak it, too.
Source: OpenAI API reference, "Create chat completion" and "The chat completion chunk object".
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from callgenie.voice.ports import Knowledge, Message, ModelDelta, ProviderError, TextDelta
from callgenie.voice.prompt import TOKENS_MAX, system_prompt
from callgenie.voice.providers.hosted_api import HostedApi
from callgenie.voice.providers.openai_messages import CallsInProgress, MalformedCallError, as_chat, as_tools
from callgenie.voice.providers.server_sent_events import NoEventStreamError, data_of
from callgenie.voice.sentences import SENTENCES_MAX, SentenceLimit

_DONE: Final = "[DONE]"

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

        Raises:
            ProviderError: There is none, it broke off, or it makes no sense.
        """
        limit = SentenceLimit(SENTENCES_MAX[knowledge.response_length])
        calls, finished, said = CallsInProgress(), False, False
        try:
            async with (
                self._api.answer("POST", "/chat/completions", json=self._body(messages, knowledge)) as response,
                aclosing(data_of(response.aiter_bytes())) as events,
            ):
                async for data in events:
                    if data == _DONE:
                        finished = True
                        break
                    delta, last = self._read(data)
                    finished = finished or last
                    calls.add(delta.get("tool_calls"))
                    if text := limit.push(_text_of(delta)):
                        said = said or not text.isspace()
                        yield TextDelta(text)
            wanted = calls.whole()
        except (NoEventStreamError, MalformedCallError) as error:
            raise self._api.failure("garbage") from error
        if not finished:
            raise self._api.failure("cut_off")
        if not said and not wanted:
            raise self._api.failure("empty")
        for call in wanted:
            yield call

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

    def _read(self, data: str) -> tuple[dict[str, Any], bool]:
        """Return what one chunk adds to the answer, and whether it is the last one that does."""
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
            return {}, False  # such as the chunk that only counts tokens
        if not isinstance(delta, dict):
            raise self._api.failure("garbage")
        return delta, choice.get("finish_reason") is not None


def _text_of(delta: dict[str, Any]) -> str:
    content = delta.get("content")
    return content if isinstance(content, str) else ""
