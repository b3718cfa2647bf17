"""Hosted providers, each joined to the server that stands in for its vendor, over real sockets."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.support.serving import serving
from tests.support.vendors import openai

from callgenie.voice.providers.hosted_api import HostedApi, build_http
from callgenie.voice.providers.openai_chat import OpenAiChat


@asynccontextmanager
async def hosted_api(provider: str, url: str, headers: Mapping[str, str]) -> AsyncIterator[HostedApi]:
    """Give an interface to the server at `url`."""
    async with build_http() as http:
        yield HostedApi(http, provider, url, headers)


@asynccontextmanager
async def openai_chat(
    server: openai.OpenAi | None = None, *, key: str = openai.KEY, model: str = openai.MODEL
) -> AsyncIterator[tuple[OpenAiChat, openai.OpenAi]]:
    """Give a language model and the server behind it."""
    server = server or openai.OpenAi()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with serving(server.app) as url, hosted_api("openai", f"{url}/v1", headers) as api:
        yield OpenAiChat(api, model), server
