"""Where a request comes from, as far as it can be believed."""

import ipaddress
from functools import lru_cache
from typing import Final

from starlette.types import Scope

_FORWARDED: Final = b"x-forwarded-for"
# One household, or one server, has a whole /64 of IPv6 to itself, and could come from another address each time.
_IPV6_PREFIX: Final = 64
_UNKNOWN: Final = "unknown"


def client_address(scope: Scope, trusted_hops: int) -> str:
    """Return the client's address, of IPv6 its /64; the peer's own unless proxies are trusted.

    Each proxy appends the address it was asked from to `X-Forwarded-For`. Of `trusted_hops` proxies the last
    ones' words are believed and nothing before them: that part was written by whoever asks.
    """
    peer = scope.get("client")
    chain = [peer[0] if peer else _UNKNOWN]
    if trusted_hops:
        values = [value for name, value in scope["headers"] if name == _FORWARDED]
        named = b",".join(values).decode("latin-1").split(",") if values else []
        chain = [*(address.strip() for address in named), *chain]
    return network_of(chain[-trusted_hops - 1] if len(chain) > trusted_hops else chain[0])


@lru_cache(maxsize=4_096)
def network_of(text: str) -> str:
    """Return the address, of IPv6 its /64; what is no address at all is all one."""
    # Some proxies add the port.
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return _UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)
