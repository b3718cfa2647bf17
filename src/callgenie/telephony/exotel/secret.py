"""The secret in the address that Exotel calls. Exotel signs nothing, so this is how it shows that it is Exotel.

It comes as the password of `wss://any:SECRET@host/path`, which Exotel turns into Basic auth, or as `?secret=SECRET`.
See https://developer.exotel.com/docs/agentstream/stream-voicebot-applet
"""

import base64
import hmac
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote

PARAMETER: Final = "secret"

_FIELDS_MAX: Final = 20


def is_shown(secret: str, *, authorization: str, query: str) -> bool:
    """Tell whether a request shows the secret, in a time that does not depend on where a wrong one is wrong."""
    given = [*_password(authorization), *_parameters(query)]
    matches = [hmac.compare_digest(text.encode("utf-8", "surrogatepass"), secret.encode()) for text in given]
    return any(matches)


def basic_authorization(user: str, secret: str) -> str:
    """Return the header's value for an address with a user and a password (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")


def _password(authorization: str) -> Iterator[str]:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except ValueError:
        return
    password = text.partition(":")[2]
    yield password
    # An address keeps its password percent-encoded, and not everybody decodes it before putting it into the header.
    yield unquote(password)


def _parameters(query: str) -> Iterator[str]:
    try:
        pairs = parse_qsl(query, max_num_fields=_FIELDS_MAX)
    except ValueError:
        return
    yield from (value for name, value in pairs if name == PARAMETER)
