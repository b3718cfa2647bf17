"""Whose pages may call: a browser says with each request which page makes it."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_PORTS: Final = {"http": 80, "https": 443}


class Origins:
    """Our own origin, and others that the operator trusts."""

    def __init__(self, public_url: str, others: Iterable[str] = ()) -> None:
        own = urlsplit(public_url)
        names = [own.netloc.rpartition("@")[2]]
        host = f"[{own.hostname}]" if ":" in (own.hostname or "") else own.hostname
        if host in _LOOPBACK:
            # One machine under three names; which one stands in the address bar is a matter of taste.
            port = "" if own.port is None else f":{own.port}"
            names += [f"{name}{port}" for name in _LOOPBACK]
        given = [origin.strip() for origin in others if origin.strip()]
        self._allowed = frozenset(map(_canonical, [*(f"{own.scheme}://{name}" for name in names), *given]))

    def allow(self, origin: str | None) -> bool:
        """Tell whether a request may come from there; None is what programs that are no browsers say."""
        return origin is None or _canonical(origin) in self._allowed


def _canonical(origin: str) -> str:
    try:
        parts = urlsplit(origin.lower())
        port = parts.port
    except ValueError:
        return ""
    shown = "" if port in {None, _PORTS.get(parts.scheme)} else f":{port}"
    return f"{parts.scheme}://{parts.hostname}{shown}"
