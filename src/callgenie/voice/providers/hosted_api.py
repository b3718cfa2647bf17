"""One vendor's HTTP interface: where it is, how it knows us, and what its failures mean in our words.

There is no retry and no deadline here: they stand once around the ports.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from callgenie.voice.ports import ProviderError

# What a refusal says beyond its status is one short word of a JSON document.
_REFUSAL_BYTES_MAX: Final = 16 * 1024

# A provider that wants to be left alone for longer is as good as gone for this call.
_RETRY_AFTER_SECONDS_MAX: Final = 3_600.0

_CATEGORIES: Final = {
    400: "invalid_request",
    401: "unauthorized",
    402: "quota_exceeded",
    403: "unauthorized",
    404: "not_found",
    408: "timeout",
    413: "invalid_request",
    422: "invalid_request",
    429: "rate_limited",
}
_PASSES: Final = frozenset({"timeout", "rate_limited", "server_error"})

# Vendors answer an empty account with the same status as too many requests.
_QUOTA_CODES: Final = frozenset({"insufficient_quota", "quota_exceeded", "billing_hard_limit_reached"})

_SERVER_ERRORS_FROM: Final = 500

# Whoever asks gives up much earlier; this only keeps a connection from being waited for forever.
_SECONDS_MAX: Final = 30.0


def build_http() -> httpx.AsyncClient:
    """Return the client that all hosted providers share.

    A connection is kept for a minute, so that the next answer needs no handshake. The environment's proxies count: a
    server behind one reaches vendors in no other way.
    """
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=60.0)
    return httpx.AsyncClient(timeout=_SECONDS_MAX, limits=limits, follow_redirects=False)


@dataclass(frozen=True, slots=True)
class HostedApi:
    """A vendor's interface. `provider` is its name in logs and figures; `headers` carry the key."""

    http: httpx.AsyncClient
    provider: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @asynccontextmanager
    async def answer(self, method: str, path: str, **content: Any) -> AsyncIterator[httpx.Response]:
        """Ask, and give the answer during the block; its body is read there.

        Raises:
            ProviderError: It refused, cannot be reached, or broke off, also in the middle of the body.
        """
        began = False
        url = f"{self.base_url.rstrip('/')}{path}"
        try:
            async with self.http.stream(method, url, headers=self.headers, **content) as response:
                if not response.is_success:
                    raise await self._refusal(response)
                began = True
                yield response
        except httpx.TimeoutException as error:
            raise self.failure("timeout") from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise self.failure("cut_off" if began else "unreachable") from error

    def failure(self, category: str, *, permanent: bool = False) -> ProviderError:
        """Return a failure of this vendor."""
        return ProviderError(self.provider, category, permanent=permanent)

    async def _refusal(self, response: httpx.Response) -> ProviderError:
        code, wait = await _said_code(response), response.headers.get("retry-after")
        return refusal(self.provider, response.status_code, code=code, retry_after=wait)


def refusal(provider: str, status: int, *, code: str | None = None, retry_after: str | None = None) -> ProviderError:
    """Return what a vendor's refusal means: by its HTTP status, its own word for it, and its Retry-After."""
    category = "server_error" if status >= _SERVER_ERRORS_FROM else _CATEGORIES.get(status, "unexpected_status")
    if code in _QUOTA_CODES:
        category = "quota_exceeded"
    return ProviderError(
        provider,
        category,
        permanent=category not in _PASSES,
        retry_after_seconds=_retry_after(retry_after),
    )


async def _said_code(response: httpx.Response) -> str | None:
    """Return the word that OpenAI calls `error.code` and ElevenLabs `detail.status`."""
    body = b""
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _REFUSAL_BYTES_MAX:
                return None
        document = json.loads(body)
    except (httpx.HTTPError, ValueError, RecursionError):
        return None
    for part, name in (("error", "code"), ("detail", "status")):
        inner = document.get(part) if isinstance(document, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get(name), str):
            return str(inner[name])
    return None


def _retry_after(said: str | None) -> float | None:
    """Return the seconds of a Retry-After; the form with a date is used by none of the vendors."""
    if said is None or not said.strip().isdigit():
        return None
    return min(float(said.strip()), _RETRY_AFTER_SECONDS_MAX)
