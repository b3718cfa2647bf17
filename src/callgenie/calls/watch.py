"""Who is told what becomes of calls, for figures only: nothing that a call does depends on it."""

from collections.abc import Mapping
from typing import Final, Protocol


class CallWatch(Protocol):
    """Takes note. Never waits and never fails."""

    def call_refused(self, reason: str) -> None:
        """Take note of a call that was not answered."""
        ...

    def call_ended(self, reason: str, seconds: float) -> None:
        """Take note of the end of a call that was answered."""
        ...

    def turn_kept(self, latency: Mapping[str, int | None]) -> None:
        """Take note of how long the steps of an answer took; names end in `_ms`."""
        ...

    def provider_failed(self, provider: str, category: str) -> None:
        """Take note of a provider's failure."""
        ...


class _Nobody:
    def call_refused(self, reason: str) -> None:
        pass

    def call_ended(self, reason: str, seconds: float) -> None:
        pass

    def turn_kept(self, latency: Mapping[str, int | None]) -> None:
        pass

    def provider_failed(self, provider: str, category: str) -> None:
        pass


NOBODY: Final = _Nobody()
