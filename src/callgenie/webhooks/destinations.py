"""Where events may go: to hosts of the public internet, and to those that the operator has named.

Anybody with an account says where we connect to, and we stand inside somebody's network. So a host is looked up once,
all its addresses are judged, and the connection goes to one of these and not to what a second look-up would say.
"""

import asyncio
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Protocol

import httpx

from callgenie.webhooks.errors import WebhookUrlNotAllowedError
from callgenie.webhooks.models import URL_CHARS_MAX

HTTPS_PORT: Final = 443
# Below are other services' own ports, such as mail's, whose servers answer strangers in ways of their own.
PORT_MIN: Final = 1_024
_PORT_MAX: Final = 65_535
# A name as the DNS has it, or an address in numbers.
_HOST: Final = re.compile(rb"[a-z0-9._-]{1,253}|[0-9a-f:.]+")
RESOLVE_SECONDS: Final = 5.0
# Look-ups that hang take a thread each, and no thread of anybody else.
_THREADS_MAX: Final = 8

# https://www.iana.org/assignments/iana-ipv4-special-registry, with multicast and the reserved rest; written out, as
# what `ipaddress` calls global differs from release to release.
_NOT_PUBLIC: Final[tuple[IPv4Network, ...]] = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        # Azure's own service for its machines, in a public range.
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Of IPv6 only what is given out to hosts (RFC 4291, 2.4): neither loopback, link-local, site-local, unique local and
# multicast, nor the ways to write IPv4 in it (::ffff:0:0/96, 64:ff9b::/96).
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final[tuple[IPv6Network, ...]] = tuple(
    IPv6Network(network)
    # Protocol assignments (Teredo among them), documentation, 6to4, AS112, documentation again, segment routing.
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


class HostNotFoundError(Exception):
    """The host has no address now."""


class Resolver(Protocol):
    """Finds the addresses of a host."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return at least one address, written as numbers, in the order in which to try them.

        Raises:
            HostNotFoundError: There is none now.
        """
        ...


class SystemResolver:
    """Asks as the machine is set up to: its hosts file, then the DNS."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS_MAX, thread_name_prefix="resolve")

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the host's addresses.

        Raises:
            HostNotFoundError: There is none now.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await loop.run_in_executor(self._threads, _look_up, host, port)
        except (OSError, UnicodeError, TimeoutError):
            raise HostNotFoundError from None
        if not found:
            raise HostNotFoundError
        return found

    def close(self) -> None:
        """Wait for no look-up any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class Destination:
    """A host that may be connected to, at one of its addresses."""

    url: httpx.URL
    addresses: Sequence[str]


def is_public(address: str) -> bool:
    """Tell whether an address is one of a host on the public internet."""
    try:
        # A zone (`%eth0`) belongs to link-local addresses; no parser of ours need know how it is written.
        network = ip_network(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if isinstance(network, IPv4Network):
        return not any(network.subnet_of(each) for each in _NOT_PUBLIC)
    return network.subnet_of(_GLOBAL_UNICAST) and not any(network.subnet_of(each) for each in _NOT_PUBLIC_6)


class Destinations:
    """Judges addresses. `allowed_hosts` are those that may be private, at any port."""

    def __init__(self, resolver: Resolver, *, allowed_hosts: Sequence[str] = (), allow_http: bool = False) -> None:
        self._resolver = resolver
        self._allowed = frozenset(host.lower().rstrip(".") for host in allowed_hosts)
        self._schemes = ("https", "http") if allow_http else ("https",)

    async def find(self, url: str) -> Destination:
        """Look the address's host up, once, and judge what is found.

        Raises:
            WebhookUrlNotAllowedError: Nothing may be sent there.
            HostNotFoundError: The host has no address now.
        """
        parts = self._parsed(url)
        host = parts.raw_host.decode("ascii")
        port = parts.port or (HTTPS_PORT if parts.scheme == "https" else 80)
        is_named = host.rstrip(".") in self._allowed
        if not is_named and parts.port is not None and parts.port != HTTPS_PORT and parts.port < PORT_MIN:
            raise WebhookUrlNotAllowedError(f"must use port {HTTPS_PORT}, or one from {PORT_MIN} on")
        if not 0 < port <= _PORT_MAX:
            raise WebhookUrlNotAllowedError(f"must use a port up to {_PORT_MAX}")
        addresses = await self._resolver.resolve(host, port)
        # One that is not public among others is no mistake but somebody's try.
        if not is_named and not all(is_public(address) for address in addresses):
            raise WebhookUrlNotAllowedError("must lead to a host on the public internet")
        return Destination(parts, addresses)

    def _parsed(self, url: str) -> httpx.URL:
        if len(url) > URL_CHARS_MAX:
            raise WebhookUrlNotAllowedError(f"must have at most {URL_CHARS_MAX} characters")
        try:
            parts = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise WebhookUrlNotAllowedError("must be a whole address, such as https://example.com/webhooks") from None
        if parts.scheme not in self._schemes or _HOST.fullmatch(parts.raw_host) is None:
            raise WebhookUrlNotAllowedError("must begin with https:// and name a host")
        if parts.userinfo:
            raise WebhookUrlNotAllowedError("must not hold a user or password")
        if parts.fragment:
            raise WebhookUrlNotAllowedError("must not hold a fragment (#)")
        return parts
