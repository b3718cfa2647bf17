"""What sums up a call that is over. It is asked long after the caller has gone, so nothing here is in a hurry."""

from dataclasses import dataclass
from typing import Final, Protocol

SUMMARY_CHARS_MAX: Final = 1_000
NAME_CHARS_MAX: Final = 100
WISH_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Findings:
    """What a call came to: a few sentences, and what the caller is called and wanted as far as that was said."""

    summary: str
    caller_name: str | None = None
    wish: str | None = None


class CallAnalyst(Protocol):
    """Reads a transcript; one object serves all calls."""

    async def analyse(self, transcript: str, *, language: str) -> Findings:
        """Return what the call came to, in the language, each part no longer than its bound.

        Raises:
            ProviderError: No analysis can be had.
        """
        ...
