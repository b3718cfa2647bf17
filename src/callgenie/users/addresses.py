"""E-mail addresses, in the one spelling that stands for all spellings of the same mailbox."""

import re
import unicodedata
from typing import Final

import idna

from callgenie.users.errors import InvalidEmailError

# RFC 5321, 4.5.3.1: 64 octets before the @, and 254 in all, since a path of 256 has two angle brackets.
_LOCAL_BYTES_MAX: Final = 64
_ADDRESS_BYTES_MAX: Final = 254

# RFC 5322's dot-atom; beyond ASCII (RFC 6531) any printable character. Quoted local parts are not taken: hardly anybody
# has one, and what they may hold has broken many a mail program.
_LOCAL: Final = re.compile(
    r"(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\x7f])+(?:\.(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\x7f])+)*"
)
_TOP_LEVEL: Final = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")


def canonical_email(text: str) -> str:
    """Return the address trimmed, in NFKC and lower case, its domain in IDNA's ASCII form.

    The @ must be a plain one. A look-alike that NFKC would turn into one is refused: two systems that
    normalise at different moments would disagree about whose address it is.

    Raises:
        InvalidEmailError: No mail could be sent there.
    """
    trimmed = text.strip()
    if len(trimmed) > _ADDRESS_BYTES_MAX or trimmed.count("@") != 1:
        raise InvalidEmailError
    local, _, domain = trimmed.partition("@")
    address = f"{_local(local)}@{_domain(domain)}"
    if len(address.encode("utf-8")) > _ADDRESS_BYTES_MAX:
        raise InvalidEmailError
    return address


def _local(text: str) -> str:
    folded = _folded(text)
    if (
        _LOCAL.fullmatch(folded) is None
        or not folded.isprintable()
        or any(letter.isspace() for letter in folded)
        or len(folded.encode("utf-8", "replace")) > _LOCAL_BYTES_MAX
        # A spelling that changes when it is folded again has no canonical form.
        or _folded(folded) != folded
    ):
        raise InvalidEmailError
    return folded


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _domain(text: str) -> str:
    try:
        domain = idna.encode(_folded(text), uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        raise InvalidEmailError from None
    labels = domain.split(".")
    if len(labels) == 1 or not _TOP_LEVEL.fullmatch(labels[-1]):
        raise InvalidEmailError
    return domain
