"""Versions as entity tags (RFC 9110, 8.8.3), so that nobody overwrites what they have not seen."""

import re
from typing import Final

_TAG: Final = re.compile(r'"([0-9]{1,18})"', re.ASCII)


def etag_of(version: int) -> str:
    """Return a version as a strong entity tag."""
    return f'"{version}"'


def versions_of(if_match: str | None) -> frozenset[int] | None:
    """Return the versions that an `If-Match` header accepts; None is any.

    A weak tag, or one that is not ours, matches nothing: If-Match compares strongly (RFC 9110, 13.1.1).
    """
    if if_match is None or if_match.strip() == "*":
        return None
    tags = (_TAG.fullmatch(tag.strip()) for tag in if_match.split(","))
    return frozenset(int(tag[1]) for tag in tags if tag)
