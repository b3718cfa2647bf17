"""Posts to a receiver: to an address that was judged, for a bounded time, and reads little of what comes back."""

import asyncio
import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Final

import httpx

from callgenie import __version__
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import InvalidError
from callgenie.webhooks.destinations import Destination, Destinations, HostNotFoundError
from callgenie.webhooks.errors import WebhookUrlNotAllowedError

# A receiver keeps what it was sent and answers; whatever it does with it is done afterwards.
POST_SECONDS: Final = 15.0
_CONNECT_SECONDS: Final = 5.0
# A host that has no path by one protocol is tried by the other, and not at all of a hundred addresses.
_ADDRESSES_MAX: Final = 3
_EXCERPT_BYTES: Final = 1_000
EXCERPT_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a post.

    Attributes:
        status: HTTP's, None when there was no answer.
        error: A word for what went wrong, None after an answer.
    """

    status: int | None
    latency_ms: int
    excerpt: str = ""
    error: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and httpx.codes.is_success(self.status)

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.status == httpx.codes.GONE


class CertificateFileError(InvalidError):
    """The file with certificate authorities of one's own cannot be used."""

    code = "webhook_ca_file_unusable"


@functools.cache
def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return what receivers' certificates are verified by: the public authorities, and those of a file.

    Read once in a process: it takes 40 ms, and the settings are read once too.

    Raises:
        CertificateFileError: The file holds none.
    """
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise CertificateFileError("WEBHOOK_CA_FILE names a file that holds no certificates in PEM.") from error
    return context


class Poster:
    """Each post has a connection of its own: one that is kept belongs to an address, and two hosts can share that."""

    def __init__(
        self, destinations: Destinations, tls: ssl.SSLContext, clock: Clock, *, timeout_seconds: float = POST_SECONDS
    ) -> None:
        self._destinations = destinations
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(verify=tls, limits=limits, trust_env=False),
            timeout=httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            # A receiver's cookies would be kept by its address, which it shares with others, and for as long as we run.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a JSON body; whatever happens is an answer."""
        began = self._clock.monotonic()

        def answer(error: str | None = None, status: int | None = None, excerpt: str = "") -> Answer:
            return Answer(status, round((self._clock.monotonic() - began) * 1_000), excerpt, error)

        try:
            async with asyncio.timeout(self._timeout_seconds):
                status, excerpt = await self._send(await self._destinations.find(url), headers, body)
        except HostNotFoundError:
            return answer("host_not_found")
        except WebhookUrlNotAllowedError:
            return answer("address_not_allowed")
        except (TimeoutError, httpx.TimeoutException):
            return answer("timed_out")
        except httpx.ConnectError as error:
            return answer("tls_failed" if _is_of_tls(error) else "connection_failed")
        except httpx.TransportError:
            return answer("no_http_answer")
        return answer(None, status, excerpt)

    async def close(self) -> None:
        """Let go of what is open."""
        await self._client.aclose()

    async def _send(self, destination: Destination, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        url = destination.url
        sent = {
            **headers,
            "host": url.netloc.decode("ascii"),
            "content-type": "application/json",
            "user-agent": f"CallGenie/{__version__}",
            # What is not packed cannot unpack to a gigabyte.
            "accept-encoding": "identity",
            "connection": "close",
        }
        # The connection goes to the address, TLS asks for the host's name and verifies that one.
        named = {"sni_hostname": url.raw_host.decode("ascii")}
        *others, last = destination.addresses[:_ADDRESSES_MAX]
        for address in others:
            try:
                return await self._exchange(url.copy_with(host=address), sent, body, named)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if _is_of_tls(error):
                    raise
        return await self._exchange(url.copy_with(host=last), sent, body, named)

    async def _exchange(
        self, url: httpx.URL, headers: Mapping[str, str], body: bytes, extensions: Mapping[str, str]
    ) -> tuple[int, str]:
        async with self._client.stream(
            "POST", url, headers=headers, content=body, extensions=dict(extensions)
        ) as response:
            read = b""
            async for piece in response.aiter_raw(_EXCERPT_BYTES):
                read += piece
                if len(read) >= _EXCERPT_BYTES:
                    break
            return response.status_code, _excerpt(read)


def _excerpt(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)[:EXCERPT_CHARS_MAX].strip()


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
