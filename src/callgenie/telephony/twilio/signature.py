"""Twilio's signature on webhooks and on the media socket's upgrade.

It is the base64 HMAC-SHA1, under the account's auth token, of the whole public URL followed by the name and value
of every POST parameter in sorted order. See https://www.twilio.com/docs/usage/security#validating-requests
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

HEADER: Final = "x-twilio-signature"

_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def sign(auth_token: str, url: str, parameters: Iterable[tuple[str, str]] = ()) -> str:
    """Return the signature of a request to `url` with these form parameters.

    A parameter sent twice with the same value counts once; one with several values counts with each, sorted.
    """
    text = url + "".join(name + value for name, value in sorted(set(parameters)))
    # SHA-1 is Twilio's choice; as the hash inside an HMAC its collisions do no harm.
    digest = hmac.new(auth_token.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def is_signed(auth_token: str, signature: str, url: str, parameters: Iterable[tuple[str, str]] = ()) -> bool:
    """Tell whether `signature` is right for the request, in a time that does not depend on where it is wrong.

    Twilio has signed URLs with and without their port over the years, so each form of `url` is tried.
    """
    pairs = tuple(parameters)
    given = signature.encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(sign(auth_token, form, pairs).encode(), given) for form in _forms(url)]
    return any(matches)


def is_upgrade_signed(auth_token: str, signature: str, url: str) -> bool:
    """Tell whether `signature` is right for a web socket's upgrade to the `ws://` or `wss://` address `url`.

    Twilio's media edges have been seen to sign the address with a slash at its end.
    """
    matches = [is_signed(auth_token, signature, form) for form in (url, url + "/")]
    return any(matches)


def _forms(url: str) -> Iterator[str]:
    yield url
    parts = urlsplit(url)
    if parts.port is not None:
        yield _with_netloc(parts, parts.netloc.rpartition(":")[0])
    elif parts.scheme in _DEFAULT_PORTS:
        yield _with_netloc(parts, f"{parts.netloc}:{_DEFAULT_PORTS[parts.scheme]}")


def _with_netloc(parts: SplitResult, netloc: str) -> str:
    return parts._replace(netloc=netloc).geturl()
